"""Brackets: missing ones, wrong ones, intervals of other notations, braces in wrong places."""

from collections.abc import Sequence
from dataclasses import replace

from cspec.dsl.messages.diagnostic import Fix, Label
from cspec.dsl.mistakes.failure import Failure, Repair, closer_of, rewritten, told, unmatched
from cspec.dsl.text.clauses import CLOSERS, OPENERS
from cspec.dsl.text.source import Span
from cspec.dsl.text.tokens import Token
from cspec.dsl.words.functions import SIGNATURES

SHAPES = {"LPAR": "(", "LSQB": "[", "LBRACE": "{", "RPAR": ")", "RSQB": "]", "RBRACE": "}"}


def interval(f: Failure) -> Repair | None:
    """`in (0, 1)`, `in [0, 1)`, `in (0, 1]`, `in 0..1`."""
    for opener in reversed(f.depth(f.index)):
        if f.at(opener - 1).kind == "IN" and f.at(opener).kind in {"LPAR", "LSQB"}:
            close = closer_of(f.tokens, opener)
            return None if close is None else _interval(f, opener, close)
    if f.token.kind == "DOT" and f.before.kind in {"NUMBER", "NAME"}:
        return _range(f)
    if f.before.kind == "DOT" and f.token.text.startswith("."):
        return _range(replace(f, index=f.index - 1))
    return None


def _interval(f: Failure, opener: int, closer: int) -> Repair | None:
    first, last = f.at(opener), f.at(closer)
    commas = _directly_inside(f, opener, closer, "COMMA")
    if len(commas) != 1 or (first.kind == "LSQB" and last.kind == "RSQB"):
        return None
    span = Span(first.start, last.end)
    inner = f.source.text[first.end : last.start]
    both = first.kind == "LPAR" and last.kind == "RPAR"
    listed = both and ('"' in inner or _quantified(f, opener))
    closed = Fix(span=span, replacement=f"[{inner}]", title="the closed interval")
    values = Fix(span=span, replacement=f"{{{inner}}}", title="the two values")
    notes: tuple[str, ...] = (_OPEN,)
    message = f"`{f.source.slice(span)}`: intervals are closed"
    helps: tuple[str, ...] = (f"write `[{inner}]`",)
    fixes: tuple[Fix, ...] = (closed,)
    if both:
        message, notes = f"`({inner})` after `in` has two readings", ()
        helps = (
            f"for the closed interval write `[{inner}]`",
            f"for the two values write `{{{inner}}}`",
        )
        fixes = (closed, values)
    if listed:
        message = f"`({inner})`: values are listed in braces"
        helps, fixes = (f"write `{{{inner}}}`",), (values,)
    tokens = _exchanged(f, opener, closer, "LBRACE" if listed else "LSQB")
    return told(f, span, "CS123", message, *helps, notes=notes, fixes=fixes, tokens=tokens)


def _directly_inside(f: Failure, opener: int, end: int, *kinds: str) -> list[int]:
    """Where tokens of some kinds stand in a bracket, and in none inside of it."""
    inside = range(opener + 1, min(end, len(f.tokens)))
    return [i for i in inside if f.at(i).kind in kinds and f.depth(i)[-1:] == [opener]]


def _exchanged(f: Failure, opener: int, closer: int, kind: str) -> tuple[Token, ...]:
    """The tokens with two brackets exchanged, where they stand, for those of another kind."""
    left = Token(kind, SHAPES[kind], *f.at(opener).span)
    right = Token(OPENERS[kind], SHAPES[OPENERS[kind]], *f.at(closer).span)
    return f.replaced(opener, closer + 1, left, *f.tokens[opener + 1 : closer], right)


_OPEN = "an optimizer can't tell an open bound from a closed one"


def _quantified(f: Failure, opener: int) -> bool:
    """Whether a bracket stands behind `for x in`: what is gone over has no end points."""
    place = opener - 2
    while place > 0 and f.at(place).kind in {"NAME", "COMMA", "LPAR", "RPAR"}:
        place -= 1
    return f.at(opener - 1).kind == "IN" and f.at(place).kind in {"FOR", "FORALL"}


def _range(f: Failure) -> Repair | None:
    dots = f.index
    while f.at(dots).kind == "DOT":
        dots += 1
    low, high = f.before, f.at(dots)
    if high.kind not in {"NUMBER", "NAME"} or not high.text:
        return None
    meant = f"[{low.text.rstrip('.')}, {high.text.lstrip('.')}]"
    around = f.at(f.index - 2).kind, f.at(dots + 1).kind
    if around == ("LBRACE", "RBRACE"):
        said = ("CS123", f"an interval is written `{meant}`")
        return rewritten(f, f.index - 2, dots + 2, (meant,), *said, safe=False)
    if f.first.kind == "VAR" and around[0] == "EQUAL":
        said = ("CS123", f"where a `var` lies stands behind `in`: `in {meant}`")
        return rewritten(f, f.index - 2, dots + 1, (f"in {meant}",), *said, safe=False)
    span = Span(low.start, high.end)
    message = f"a range is written `{meant}`"
    help_ = f"write `{meant}`; for the integers below n, `range(n)`"
    tokens = f.replaced(
        f.index - 1,
        dots + 1,
        Token("LSQB", "[", low.start, low.start),
        low,
        Token("COMMA", ",", low.end, low.end),
        high,
        Token("RSQB", "]", high.end, high.end),
    )
    return told(f, span, "CS123", message, help_, fix=meant, safe=False, tokens=tokens)


def tuple_list(f: Failure) -> Repair | None:
    """`hidden=(64, 64)`, `param w = (1, 2)`, `minimize f((1, 2))`: lists stand in `[ ]`."""
    opened = f.depth(f.index)
    if f.token.kind != "COMMA" or not opened or f.at(opened[-1]).kind != "LPAR":
        return None
    opener = opened[-1]
    close = f.closer()
    if close is None or f.at(opener - 1).kind not in {"EQUAL", "LPAR", "COMMA", "LSQB"}:
        return None
    end = close - 1 if f.at(close - 1).kind == "COMMA" else close
    pieces = ("[", f.span(opener + 1, end), "]")
    return rewritten(f, opener, close + 1, pieces, "CS128", "a list stands in `[ ]`, not in `( )`")


def stray_closer(f: Failure) -> Repair | None:
    """A closer that closes nothing, or not what is open."""
    token = f.token
    if token.kind not in CLOSERS:
        return None
    opened = f.depth(f.index)
    if not opened:
        message = f"`{token.text}` closes nothing"
        return rewritten(f, f.index, f.index + 1, (), "CS104", message, safe=False)
    opener = f.at(opened[-1])
    meant = SHAPES[OPENERS[opener.kind]]
    if token.text == meant:
        return _empty(f, opener)
    if _closes_an_outer(f, opened, meant):
        return rewritten(
            f,
            f.index,
            f.index,
            (meant,),
            "CS103",
            f"`{opener.text}` is never closed",
            f"add `{meant}` before `{token.text}`{_shown(f, opened[-1], f.index)}",
            label="opened here",
            related=(Label(span=token.span, text=f"a `{meant}` is missing before this"),),
            shown=opener.span,
            safe=False,
            sure=False,
        )
    return rewritten(
        f,
        f.index,
        f.index + 1,
        (meant,),
        "CS104",
        f"`{opener.text}` is closed by `{token.text}`",
        label=f"this should be `{meant}`",
        related=(Label(span=opener.span, text="opened here"),),
        safe=False,
        sure=False,
    )


def _closes_an_outer(f: Failure, opened: Sequence[int], meant: str) -> bool:
    """Whether a closer belongs to an outer bracket: with one more before it, all are closed."""
    outer = {SHAPES[OPENERS[f.at(place).kind]] for place in opened[:-1]}
    if f.token.text not in outer:
        return False
    closer = Token(OPENERS[f.at(opened[-1]).kind], meant, f.token.start, f.token.start)
    exchanged = (*f.tokens[: f.index], closer, *f.tokens[f.index + 1 :])
    added = (*f.tokens[: f.index], closer, *f.tokens[f.index :])
    return bool(unmatched(exchanged)) and not unmatched(added)


def _empty(f: Failure, opener: Token) -> Repair | None:
    """`()`, `{}`, `x[]`."""
    if f.before != opener:
        return None
    span = Span(opener.start, f.token.end)
    message = f"nothing stands between `{opener.text}` and `{f.token.text}`"
    return told(f, span, "CS102", message, "write what belongs there, or remove the brackets")


def unclosed(f: Failure) -> Repair | None:
    """An opener without closer: points at the opener."""
    opened = [index for index in unmatched(f.tokens) if index < f.index]
    if not opened:
        return None
    opener = f.at(opened[-1])
    kind = OPENERS[opener.kind]
    shape = SHAPES[kind]
    fits = kind in f.expected and f.before.kind not in {"COMMA", opener.kind}
    place = f.index if fits else len(f.tokens)
    relation = _relation_inside(f, opened[-1])
    if relation is None:
        relation = _size_inside(f, opened[-1])
    if relation is not None:
        fits, place = True, relation
    end = f.at(place - 1).end
    closer = Token(kind, shape, end, end)
    newline = "\n" if kind == "RBRACE" else ""
    return told(
        f,
        opener.span,
        "CS103",
        f"`{opener.text}` is never closed",
        f"add `{shape}` after `{f.at(place - 1).text}`{_shown(f, opened[-1], place)}",
        label="opened here",
        related=()
        if place == len(f.tokens)
        else (Label(span=f.at(place).span, text=f"a `{shape}` is missing before this"),),
        fix=f"{newline}{shape}",
        fix_span=Span(end, end),
        safe=False,
        tokens=_closed(f, place, closer) if fits else None,
        rest=f.tokens[f.index :] if relation is not None and _on_a_new_line(f) else (),
        sure=False,
    )


def _shown(f: Failure, opener: int, place: int) -> str:
    """What stands there then: `: `density(f)``; nothing where it is long or not on one line."""
    start = opener - 1 if f.at(opener - 1).kind in {"NAME", "AVERAGE"} else opener
    text = f.text(start, place)
    short = len(text) <= _SHORT and "\n" not in text
    return f": `{text}{SHAPES[OPENERS[f.at(opener).kind]]}`" if short else ""


_SHORT = 60
"""Characters of a form that a help shows whole."""


def _closed(f: Failure, place: int, closer: Token) -> tuple[Token, ...]:
    """The tokens with a closer, up to where the next line begins another constraint."""
    end = f.index if _on_a_new_line(f) and place <= f.index else len(f.tokens)
    return (*f.tokens[:place], closer, *f.tokens[place:end])


def _on_a_new_line(f: Failure) -> bool:
    """Whether the token that does not fit begins a line: an open bracket has joined it."""
    return f.token.kind != "$END" and "\n" in f.source.text[f.before.end : f.token.start]


_ENDS = frozenset({"$END", "WITHIN", "BY", "SOFT", "WITH"})
"""Where the relation of a constraint lies behind."""


def _relation_inside(f: Failure, opener: int) -> int | None:
    """The relation of a constraint that an unclosed bracket has swallowed, if it is one's own.

    In `density(model <= 0.5` it is the only one; in `P[pred == 1 >= 0.3` the last.
    """
    own = f.depth(opener)
    ends = f.token.kind in _ENDS or _on_a_new_line(f)
    if f.kind != "clause" or own or not ends or f.at(opener).kind == "LBRACE":
        return None
    if f.outer("RELATION", end=opener):
        return None
    inside = _directly_inside(f, opener, f.index, "RELATION")
    event = f.at(opener - 1).kind == "AVERAGE" and f.at(opener - 1).text == "P"
    conditions = len(_directly_inside(f, opener, f.index, "BAR", "AND", "OR"))
    if len(inside) not in ({2, 2 + conditions} if event else {1, 1 + conditions}):
        return None
    return inside[-1]


def _size_inside(f: Failure, opener: int) -> int | None:
    """The `in` or `=` of a declaration that the bracket of its size has swallowed: `var w[4 in`."""
    if f.first.kind not in {"VAR", "PARAM"} or opener != 2 or f.at(opener).text != "[":
        return None
    ends = [] if f.depth(opener) else _directly_inside(f, opener, len(f.tokens), "IN", "EQUAL")
    return next((i for i in ends if i > 3), None)


def braces(f: Failure) -> Repair | None:
    """`{` where it has no meaning."""
    token = f.token
    if token.kind != "LBRACE":
        return None
    before = f.before
    if before.kind == "POWER" or before.text.endswith("_"):
        return _latex_group(f)
    if before.kind == "COLON" and f.kind == "clause":
        said = (
            "CS130",
            "a group `{ ... }` stands behind a quantifier",
            "write `label: forall v in set: { ... }`",
            "without a quantifier no group is needed: one constraint a line",
        )
        return told(f, token.span, *said)
    called = _arguments(f)
    if called is not None:
        return called
    help_ = "write `x in {1, 2}` for a set, `[1, 2]` for a vector, `( )` to group"
    notes = ("braces hold the values of a set after `in`, or the constraints of a quantifier",)
    return told(f, token.span, "CS130", "`{` has no meaning here", help_, notes=notes)


def _arguments(f: Failure) -> Repair | None:
    """`max{a, b}`: what a function takes stands in `( )`."""
    word, close = f.before, closer_of(f.tokens, f.index)
    if word.kind != "NAME" or word.text not in SIGNATURES or close is None:
        return None
    inner = f.text(f.index + 1, close) if close > f.index + 1 else ""
    said = ("CS130", f"what `{word.text}` takes stands in `( )`", f"write `{word.text}({inner})`")
    pieces = ("(", f.span(f.index + 1, close), ")") if inner else ("()",)
    return rewritten(f, f.index, close + 1, pieces, *said, shown=f.span(f.index - 1, close + 1))


def _latex_group(f: Failure) -> Repair:
    close = f.find("RBRACE", f.index + 1) or len(f.tokens)
    inner = f.text(f.index + 1, close) if close > f.index + 1 else ""
    power, base = f.before.kind == "POWER", f.before.text.rstrip("_")
    end, kind = f.at(close).end, "LPAR" if power else "LSQB"
    left = Token(kind, SHAPES[kind], *f.token.span)
    right = Token(OPENERS[kind], SHAPES[OPENERS[kind]], end, end)
    new = f.replaced(f.index, close + 1, left, *f.tokens[f.index + 1 : close], right)
    if power:
        fix = inner if close == f.index + 2 else f"({inner})"
        start, shown, meant = f.token.start, f"^{{{inner}}}", f"^{fix}"
    else:
        fix = meant = f"{base}[{inner}]"
        start, shown = f.before.start, f"{f.before.text}{{{inner}}}"
        name = f.before._replace(text=base, kind="NAME")
        new = (*new[: f.index - 1], name, *new[f.index :])
    said = ("CS125", f"`{shown}` is LaTeX; a spec writes `{meant}`", f"write `{meant}`")
    return told(f, Span(start, end), *said, fix=fix, safe=False, tokens=new)
