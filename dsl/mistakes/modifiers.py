"""Modifiers and relations in words that the language says otherwise: a tolerance, `between`."""

from cspec.dsl.mistakes.failure import OPERAND_ENDS, OPERAND_STARTS, Failure, Repair, told
from cspec.dsl.text.source import Span
from cspec.dsl.text.tokens import Token

_TOLERANCES = frozenset({"tolerance", "tol", "atol", "slack"})
_WEIGHTS = frozenset({"weight", "penalty"})
_TAILS = frozenset({"cvar", "quantile"})
_SPREADS = {
    "variance": "E[({0} - E[{0} | {1}])^2 | {1}]",
    "std": "sqrt(E[({0} - E[{0} | {1}])^2 | {1}])",
}


def tolerance(f: Failure) -> Repair | None:
    """`with tolerance 0.01`, `tol=0.01`: a tolerance stands behind `within`."""
    place = next((i for i in (f.index, f.index - 1) if f.at(i).text in _TOLERANCES), None)
    if f.kind != "clause" or place is None or not f.has("RELATION", "IN", end=place):
        return None
    start = place - 1 if f.at(place - 1).kind == "WITH" else place
    end = place + 2 if f.at(place + 1).kind == "EQUAL" else place + 1
    if end - start == 1:
        return None  # one word for another
    span = f.span(start, end)
    fix = "within " if f.at(end).start == span.end else "within"
    said = ("CS120", "a tolerance is written `within`", f"write `within {f.at(end).text}`")
    tokens = f.replaced(start, end, Token("WITHIN", "within", *span))
    return told(f, span, *said, fix=fix, tokens=tokens)


def weight(f: Failure) -> Repair | None:
    """`with weight 2`: a requirement with a weight is a preference."""
    if f.kind != "clause" or f.before.kind != "WITH" or f.token.text not in _WEIGHTS:
        return None
    given = f.at(f.index + 2 if f.at(f.index + 1).kind == "EQUAL" else f.index + 1)
    start = f.index - 1 - (f.at(f.index - 2).kind == "SOFT")
    span, fix = Span(f.at(start).start, given.end), f"soft(weight={given.text})"
    return told(f, span, "CS120", "a preference is written `soft`", fix=fix)


def between(f: Failure) -> Repair | None:
    """`x between a and b` is `x in [a, b]`."""
    places = (f.index, f.index + 1, f.index - 1)
    place = next((i for i in places if f.at(i).text == "between"), None)
    middle = None if place is None else f.find("AND", place)
    if place is None or middle is None:
        return None
    fix = f"in [{f.text(place + 1, middle)}, {f.at(middle + 1).text}]"
    first = place - 1 if f.at(place - 1).text == "is" else place
    span = f.span(first, middle + 2)
    return told(f, span, "CS120", "an interval is written `in`", fix=fix)


def modifier_first(f: Failure) -> Repair | None:
    """`density(f) within 1e-3 <= 50%`, `soft(weight=0.1) a <= b`: modifiers stand behind."""
    if f.kind != "clause" or f.depth(f.index):
        return None
    if f.before.kind in OPERAND_ENDS | {"SOFT"} and _lines(f, 0, f.index):
        return _of_the_next(f)
    first = f.body
    starts = [i for i in range(first, f.index) if f.at(i).text in _MODIFIERS]
    behind = f.has("RELATION", "IN", start=f.index)
    if not starts or not behind or f.has("RELATION", "IN", end=f.index):
        return None
    if _lines(f, 0, len(f.tokens) - 1):
        return None
    start, end = starts[-1], f.index
    if start == first and f.at(start).text == "within" and f.token.kind == "NUMBER":
        end += 1
    elif start == first and f.at(start + 1).kind != "LPAR":
        return None
    rest, modifier = f.text(end), f.text(start, end)
    head = f.text(first, start) if start > first else ""
    meant = f"{head} {rest} {modifier}".strip()
    moved = tuple(t._replace(kind=t.text.upper(), soft=True) if t.text in _MODIFIERS else t
                  for t in f.tokens[start:end])  # fmt: skip
    span = Span(f.at(start).start, f.at(end - 1).end)
    tokens = (*f.tokens[:start], *f.tokens[end:], *moved)
    said = ("CS120", f"`{f.at(start).text}` stands behind the relation")
    return told(f, span, *said, fix=meant, fix_span=f.span(first), tokens=tokens, sure=False)


_MODIFIERS = frozenset({"within", "soft", "by"})


def _lines(f: Failure, start: int, end: int) -> int:
    """How many lines end between two tokens."""
    return f.source.text.count("\n", f.at(start).start, f.at(end).start)


def _of_the_next(f: Failure) -> Repair | None:
    """A line `soft(weight=0.1) a <= b`: the word continues the line before, but `a <= b` is new."""
    starts = [i for i in range(1, f.index) if f.at(i).text in _MODIFIERS and _lines(f, i - 1, i)]
    if not starts or _lines(f, starts[-1], f.index) or f.token.kind not in OPERAND_STARTS:
        return None
    start = starts[-1]
    ends = range(f.index + 1, len(f.tokens))
    end = next((i for i in ends if _lines(f, i - 1, i)), len(f.tokens))
    modifier, fix_span = f.text(start, f.index), f.span(start, end)
    span = f.span(start, f.index)
    label = "it continues the constraint on the line before"
    fix = f"{f.text(f.index, end)} {modifier}"
    rest = (*f.tokens[f.index : end], *f.tokens[start : f.index], *f.tokens[end:])
    said = ("CS120", f"`{modifier}` stands behind its relation")
    return told(
        f, span, *said, label=label, fix=fix, fix_span=fix_span, tokens=f.tokens[:start], rest=rest
    )


def soft_first(f: Failure) -> Repair | None:
    """`soft P[pred == 1] <= 0.3`: modifiers stand behind."""
    words = [f.at(i).text for i in range(f.index)]
    if f.kind != "clause" or not words or words[-1] != "soft" or len(words) > 3:
        return None
    said, fix = ("CS120", "`soft` stands behind"), f"{f.text(f.index)} soft"
    return told(f, f.before.span, *said, fix=fix, fix_span=f.span(f.index - 1))


def condition_of_a_tail(f: Failure) -> Repair | None:
    """`cvar(e | sex == "F", 0.9)`, `variance(e | sex == "F")`."""
    opened = f.depth(f.index)
    if f.token.text != "|" or not opened:
        return None
    word = f.at(opened[-1] - 1).text
    if word not in _TAILS and word not in _SPREADS:
        return None
    inner, close = f.text(opened[-1] + 1, f.index), f.closer()
    rest = "" if close is None else f.text(f.index + 1, close)
    condition, comma, level = rest.rpartition(",")
    span = None if close is None else f.span(opened[-1] - 1, close + 1)
    form, helps = "", [f"who counts is a setting: `{word}(..., where=y == 1)`"]
    if word in _TAILS and comma:
        form = f"{word}({inner}, {level.strip()}, where={condition.strip()})"
    elif word in _SPREADS and close is not None:
        form = _SPREADS[word].format(inner, rest)
    said = ("CS102", f"`{word}` takes no condition", *([] if form else helps))
    label = "it goes over all examples" if word in _TAILS else "it goes over entries"
    return told(f, f.token.span, *said, label=label, fix=form or None, fix_span=span)
