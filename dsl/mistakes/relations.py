"""Relations and operators that are written in another way: `=`, `=<`, `===`, `||`, `+ *`."""

from cspec.dsl.messages.diagnostic import Fix
from cspec.dsl.mistakes.failure import (
    OPERAND_ENDS,
    OPERAND_STARTS,
    Failure,
    Repair,
    offered,
    rewritten,
    told,
    touching,
)
from cspec.dsl.text.source import Span
from cspec.dsl.text.tokens import Token
from cspec.dsl.words.functions import SIGNATURES

MERGED = {
    "=<": "<=",
    "===": "==",
    "!==": "!=",
    "==>": "=>",
    "<==": "<=",
    ">==": ">=",
    "<>": "!=",
    "->": "=>",
    "<=>": "==",
    "=>=": ">=",
    "≤=": "<=",
    "≥=": ">=",
    "<-": "=",
}


def merged_marks(f: Failure) -> Repair | None:
    """`=<`, `===`, `<>`: two marks that were meant as one."""
    for start in (f.index - 1, f.index):
        left, right = f.at(start), f.at(start + 1)
        if start < 0 or not touching(left, right):
            continue
        written = left.text + right.text
        meant = MERGED.get(written)
        if meant is None:
            continue
        message = f"`{written}` is written `{meant}`"
        return rewritten(f, start, start + 2, (meant,), "CS110", message)
    return None


def walrus(f: Failure) -> Repair | None:
    """`:=`, or `:` for `=` in a definition or a setting."""
    token = f.token
    if token.kind != "COLON" or "EQUAL" not in f.expected:
        return None
    double = f.at(f.index + 1).kind == "EQUAL"
    if f.kind == "clause" and not double and not f.depth(f.index):
        return None
    end = f.index + (2 if double else 1)
    message = f"`{':=' if double else ':'}` is written `=`"
    note = "`=` names something, `:` stands behind the label of a constraint"
    between = token.start > f.before.end, f.at(end).start > f.at(end - 1).end
    apart = "" if f.depth(f.index) or between[0] or not between[1] else " "
    return rewritten(f, f.index, end, (f"{apart}=",), "CS136", message, notes=(note,))


def equality_in_definition(f: Failure) -> Repair | None:
    """`param eps == 0.5`, `fit(epochs == 3)`."""
    token = f.token
    if token.kind != "RELATION" or "EQUAL" not in f.expected or token.text != "==":
        return None
    name = f.before.text
    said = ("CS136", f"`{name}` gets its value by `=`", f"write `{name} = ...`")
    return rewritten(f, f.index, f.index + 1, ("=",), *said, label="`==` compares")


def single_equal(f: Failure) -> Repair | None:
    """`=` where a constraint or an event needs `==`, or where a label needs `:`."""
    token = f.token
    if token.kind != "EQUAL" or f.before.kind not in OPERAND_ENDS:
        return None
    begins = f.kind == "clause" and f.index == 1
    if begins and f.has("RELATION", start=f.index + 1):
        name, gap = f.before.text, Span(f.before.end, token.end)
        said = ("CS107", f"the label `{name}` ends with `:`", f"write `{name}: ...`")
        tokens = f.replaced(f.index, f.index + 1, Token("COLON", ":", *token.span))
        label = "`=` defines a name"
        return told(f, token.span, *said, label=label, fix=":", fix_span=gap, tokens=tokens)
    note = "a definition begins with its kind: `let`, `param`, `var`, `data` or `model`"
    return rewritten(
        f,
        f.index,
        f.index + 1,
        ("==",),
        "CS107",
        "`=` defines a name; write `==`",
        label="the relation is `==`",
        notes=(note,) if begins else (),
        safe=False,
    )


def double_bar(f: Failure) -> Repair | None:
    """`a || b` is `or`; a bar that closes nothing (pairs of bars are exchanged before)."""
    token = f.token
    if token.kind == "$END" or (token.kind != "BAR" and f.before.kind != "BAR"):
        return None
    start = f.index if token.kind == "BAR" else f.index - 1
    if f.at(start - 1).kind == "BAR" and touching(f.at(start - 1), f.at(start)):
        start -= 1
    left = f.at(start - 1)
    double = f.at(start + 1).kind == "BAR" and touching(f.at(start), f.at(start + 1))
    if left.kind in OPERAND_ENDS:
        opened = f.depth(start)
        signature = SIGNATURES.get(f.at(opened[-1] - 1).text) if opened else None
        if double and signature is not None and len(signature.parameters) > 1:
            whole = f.text(opened[-1] - 1, start) + ", " + f.text(start + 2, (f.closer() or 0) + 1)
            message = f"what `{signature.name}` takes is separated by `,`"
            return rewritten(f, start, start + 2, (",",), "CS115", message, f"write `{whole}`")
        message = "`||` is written `or`"
        return rewritten(f, start, start + 2, ("or",), "CS112", message) if double else None
    message = "`|` separates event and condition in `E[...]` and `P[...]`; it is no bracket here"
    help_ = "for an absolute value write `abs(x)`, for a norm `norm(x, 2)`"
    return told(f, f.span(start, start + 1 + double), "CS124", message, help_)


def floor_division(f: Failure) -> Repair | None:
    """`a // b`."""
    if not (f.token.text == f.before.text == "/" and touching(f.before, f.token)):
        return None
    span = f.span(f.index - 1, f.index + 1)
    words = (f.at(f.index + 1), f.at(f.index + 2))
    if all(word.kind == "NAME" or word.soft for word in words):
        message = "a remark begins with `#`, not with `//`"
        return told(f, span, "CS145", message, fix="#", tokens=f.tokens[: f.index - 1])
    help_ = "write `/` for a division, `floor(a / b)` for its whole part"
    notes = ("numbers are real here, nothing is rounded",)
    fixes = _divisions(f, span)
    said = ("CS128", "there is no `//`; division is `/`", help_, "a remark begins with `#`")
    return told(f, span, *said, notes=notes, fixes=fixes, tokens=f.replaced(f.index, f.index + 1))


def _divisions(f: Failure, span: Span) -> tuple[Fix, ...]:
    """Two readings of `a // b`: the quotient, or its whole part."""
    plain = offered(span, "/")
    left, right = f.at(f.index - 2), f.at(f.index + 1)
    if not {left.kind, right.kind} <= {"NAME", "NUMBER"}:
        return plain
    return plain + offered(Span(left.start, right.end), f"floor({left.text} / {right.text})")


def not_in(f: Failure) -> Repair | None:
    """`x not in S`."""
    if f.token.kind != "NOT" or f.before.kind not in OPERAND_ENDS:
        return None
    message = "`not` stands before the whole comparison"
    return told(f, f.token.span, "CS128", message, f"write `not {f.before.text} in ...`")


def doubled_operator(f: Failure) -> Repair | None:
    """`a + * b`, `a <= >= b`."""
    marks = {"SIGN", "TIMES", "POWER", "RELATION", "ARROW", "AND", "OR"}
    if f.token.kind not in marks or f.before.kind not in marks | {"NOT"}:
        return None
    span = f.span(f.index - 1, f.index + 1)
    drop = f.index - 1 if f.token.kind in {"RELATION", "ARROW", "AND", "OR"} else f.index
    other = f.token if drop < f.index else f.before
    twice = f.token.text == f.before.text
    help_ = "remove one of them, or write what stands between them"
    if twice:
        help_ = f"write `{f.token.text}` once"
    label, marked = "nothing stands between them", [f.at(drop), *([] if twice else [other])]
    fixes = [Fix(span=t.span, replacement="", title=f"remove `{t.text}`") for t in marked]
    tokens = f.replaced(drop, drop + 1)
    said = ("CS102", f"`{f.before.text}` and `{f.token.text}` follow each other", help_)
    return told(f, span, *said, label=label, fixes=fixes, tokens=tokens, sure=False)


def missing_before(f: Failure) -> Repair | None:
    """An operator with nothing before it: `(* x)`, `c: <= 3`."""
    if f.token.kind not in {"TIMES", "POWER", "RELATION", "ARROW", "AND", "OR"}:
        return None
    if not f.expected & OPERAND_STARTS or f.before.kind in OPERAND_ENDS:
        return None
    if f.token.text in {"*", "**"} and f.before.kind in {"LPAR", "COMMA"}:
        message = f"`{f.token.text}` can't unpack arguments"
        help_ = "write each argument and setting out"
        return rewritten(f, f.index, f.index + 1, (), "CS128", message, help_, safe=False)
    help_ = f"write what is on the left of `{f.token.text}`"
    return told(f, f.token.span, "CS102", f"nothing stands before `{f.token.text}`", help_)
