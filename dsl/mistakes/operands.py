"""Two operands side by side: a call without brackets, a comma, a label, or a product.

`exp x` is a call, `bce(f(x) y)` lacks a comma, `cap x <= 3` a colon, `x >= 1 y <= 2` a separator;
only what is none of these may be a product.
"""

import re
from functools import lru_cache

from cspec.dsl.messages.diagnostic import Fix
from cspec.dsl.messages.synonyms import meant as elsewhere
from cspec.dsl.mistakes.failure import (
    OPERAND_ENDS,
    OPERAND_STARTS,
    Failure,
    Repair,
    closer_of,
    comma_before,
    commas_between,
    next_constraint,
    offered,
    rewritten,
    told,
    touching,
)
from cspec.dsl.text.defined_names import defined_names, model_names
from cspec.dsl.text.source import Span
from cspec.dsl.text.tokens import Token
from cspec.dsl.words.functions import SIGNATURES

_EXPRESSIONS = frozenset(["MINIMIZE", "MAXIMIZE", "LET", "METRIC"])
"""Items that are mostly one expression: there a missing operator is the likely cause."""
_PLAIN = frozenset(["NAME", "NUMBER"])


def _side_by_side(f: Failure) -> bool:
    return f.before.kind in OPERAND_ENDS and f.token.kind in OPERAND_STARTS


def call_without_brackets(f: Failure) -> Repair | None:
    """`exp x`, `density f`, `E bce(f(x), y)`: what a function takes stands in brackets."""
    word = f.before.text
    average = word in {"E", "P"}
    if not _side_by_side(f) or f.before.kind != "NAME" or not (average or word in SIGNATURES):
        return None
    if f.token.kind not in _PLAIN or (f.kind == "clause" and f.at(f.index + 1).kind == "COLON"):
        return None
    end = _operand_end(f, f.index)
    if word in {"prob", "pred"} and f.token.text.startswith(".") and f.token.text[1:].isdigit():
        meant = f"{word}[{f.token.text[1:]}]"
        said = ("CS101", "an entry is chosen by an index")
        return rewritten(f, f.index - 1, f.index + 1, (meant,), *said)
    if word in {"sum", "max", "min"} and f.at(end).kind == "POWER":
        end = _operand_end(f, end + 1)
    inner = f.text(f.index, end)
    left, right = ("[", "]") if average else ("(", ")")
    meant = f"{word}{left}{inner}{right}"
    first, last = f.token, f.at(end - 1)
    kinds = ("LSQB", "RSQB") if average else ("LPAR", "RPAR")
    head = f.before._replace(kind="AVERAGE") if average else f.before
    new = (
        head,
        Token(kinds[0], left, first.start, first.start),
        *f.tokens[f.index : end],
        Token(kinds[1], right, last.end, last.end),
    )
    span = Span(f.before.start, last.end)
    message = f"what `{word}` takes stands in `{left} {right}`"
    tokens = f.replaced(f.index - 1, end, *new)
    return told(f, span, "CS101", message, fix=meant, safe=False, tokens=tokens)


def _operand_end(f: Failure, start: int) -> int:
    """Behind a name with its brackets, or a number."""
    end = start + 1
    while f.at(end).kind in {"LPAR", "LSQB"} and f.at(end).start == f.at(end - 1).end:
        close = closer_of(f.tokens, end)
        if close is None:
            return end
        end = close + 1
    return end


def comma_of_a_call(f: Failure) -> Repair | None:
    """`bce(f(x) y)`: two arguments of a function that takes as many."""
    opened = f.depth(f.index)
    if not _side_by_side(f) or not opened or f.at(opened[-1]).kind != "LPAR":
        return None
    signature = SIGNATURES.get(f.at(opened[-1] - 1).text)
    commas = len(commas_between(f.tokens, opened[-1] + 1, f.index))
    if signature is None or commas + 1 >= len(signature.parameters):
        return None
    if f.before.text in model_names(f.source.text) and f.token.kind == "NAME":
        return None  # `ce(f x, y)`: a call of the model
    label = f"another argument of `{signature.name}`?"
    return comma_before(f, f"{f.before.text}, {f.token.text}", label=label, safe=False)


def separator(f: Failure) -> Repair | None:
    """`x >= 1 y <= 2`: behind a relation with both sides begins another constraint."""
    if f.kind != "clause" or f.depth(f.index) or not _side_by_side(f) or f.token.kind != "NAME":
        return None
    before = [t.kind for t in f.tokens[: f.index]]
    after = [t.kind for t in f.tokens[f.index :]]
    if "RELATION" not in before or "RELATION" not in after or f.before.kind not in OPERAND_ENDS:
        return None
    return next_constraint(f, f.token.text)


def label_without_colon(f: Failure) -> Repair | None:
    """`cap x <= 3`: a label without its colon, or a product: both are offered."""
    begins = f.kind == "clause" and f.index == 1 and f.before.kind == "NAME"
    if begins and f.token.kind == "FORALL" and f.before.text not in defined_names(f.source.text):
        meant = f"{f.before.text}: {f.text(1)}"
        said = ("CS126", "a label ends with `:`", f"write `{meant}`")
        return rewritten(f, 1, 1, (":",), *said, shown=f.before.span)
    named = begins and f.token.kind == "NAME"
    if not named or not f.has("RELATION", "IN"):
        return None
    label, rest = f.before, f.text(1)
    gap = Span(label.end, f.token.start)
    if label.text in defined_names(f.source.text):
        return _product_of_names(f, gap, rest)
    return told(
        f,
        Span(label.start, f.token.end),
        "CS126",
        f"`{label.text} {f.token.text}`: a label, or a product?",
        f"for a label write `{label.text}: {rest}`",
        f"for a product write `{label.text} * {rest}`",
        label="a label ends with `:`",
        fixes=(
            Fix(span=gap, replacement=": ", title="a label"),
            Fix(span=gap, replacement=" * ", title="a product"),
        ),
        tokens=f.replaced(1, 1, Token("COLON", ":", label.end, label.end)),
        sure=False,
    )


def _product_of_names(f: Failure, gap: Span, rest: str) -> Repair:
    """`A x <= b`, where the spec has an `A`: their product, of matrices or of numbers."""
    name = f.before.text
    forms = [f"{name} {mark} {rest}" for mark in ("@", "*")]
    span = f.span(f.index - 1, f.index + 1)
    message = f"`{name} {f.token.text}`: a product needs its sign"
    help_ = f"of matrices and vectors write `{forms[0]}`"
    said = ("CS126", message, help_, f"of numbers `{forms[1]}`")
    return told(f, span, *said, fixes=offered(gap, " @ ", " * "))


_LAYER = re.compile(r"\.\d+")
"""Behind a name: a place in a list of layers, as names of parameters have it."""
_LISTED = re.compile(
    r"^[ \t]*(?:var|param)[ \t]+(\w+)[ \t]*\[|^[ \t]*let[ \t]+(\w+)[ \t]*=[ \t]*\[", re.MULTILINE
)


@lru_cache(maxsize=16)
def _listed(text: str) -> frozenset[str]:
    """The vectors and matrices of a spec."""
    return frozenset(a or b for a, b in _LISTED.findall(text))


def _called(f: Failure) -> Repair | None:
    """`f x` of a model, `ln z` of a function by another name, `A z` of vectors and matrices."""
    left, right = f.before.text, f.token.text
    text = f.source.text
    listed = _listed(text)
    other = elsewhere(left)
    if f.before.kind == "NAME" and _LAYER.fullmatch(right) and touching(f.before, f.token):
        said = ("CS101", "a layer of a list is chosen by `[ ]`")
        return rewritten(f, f.index - 1, f.index + 1, (f"{left}[{right[1:]}]",), *said, safe=False)
    if f.token.kind != "NAME":
        return None
    if left in model_names(text):
        said = ("CS101", f"what `{left}` sees stands in `( )`")
        return rewritten(f, f.index - 1, f.index + 1, (f"{left}({right})",), *said, safe=False)
    if left in listed and right in listed:
        message, whole = "a product of vectors and matrices is written `@`", f"{left} @ {right}"
        return rewritten(f, f.index - 1, f.index + 1, (whole,), "CS101", message, safe=False)
    if other is not None and other.word in SIGNATURES and left not in defined_names(text):
        whole = f"{other.word}({right})"
        said = ("CS101", f"`{left} {right}` is written `{whole}`")
        return rewritten(f, f.index - 1, f.index + 1, (whole,), *said, safe=False)
    return None


def two_operands(f: Failure) -> Repair | None:
    """`x y`: two expressions without an operator."""
    token, before = f.token, f.before
    if not _side_by_side(f):
        return None
    left = before.text if before.kind in {"NAME", "NUMBER", "STRING"} else f"...{before.text}"
    right = token.text if token.kind in {"NAME", "NUMBER", "STRING"} else f"{token.text}..."
    if f.kind == "item" and (f.index <= 1 or f.first.kind not in _EXPRESSIONS):
        return None
    called = _called(f)
    if called is not None:
        return called
    helps = [f"for a product write `{left} * {right}`"]
    if f.kind == "clause":
        helps.append("a label ends with `:`; constraints are separated by `;` or a new line")
    elif token.kind == "NAME":
        helps.append("parts of a list are separated by `,`; every item begins a new line")
    multiply = Fix(span=Span(before.end, token.start), replacement=" * ", title="multiply")
    span = Span(before.start, token.end) if touching(before, token) else token.span
    fixes = (multiply,) if f.kind == "item" and not f.depth(f.index) else ()
    said = ("CS101", f"nothing stands between `{left}` and `{right}`")
    return told(f, span, *said, *helps, label="an operator is missing before this", fixes=fixes)
