"""Choices and words for properties: `a if c else b`, `c ? a : b`, `when c: a`, `x nonnegative`."""

from __future__ import annotations

from cspec.dsl.mistakes.failure import OPERAND_ENDS, OPERAND_STARTS, closer_of
from cspec.dsl.mistakes.foreign.view import WINDOW, Found, View
from cspec.dsl.text.clauses import CLOSERS, OPENERS
from cspec.dsl.text.defined_names import defined_names
from cspec.dsl.text.source import Span

_BEGINS = frozenset({"_NL", "ST", "COMMA", "EQUAL", "SEMICOLON", "MINIMIZE", "MAXIMIZE", "COLON"})
_ENDS = frozenset({"_NL", "$END", "COMMA", "SEMICOLON", "WITHIN", "BY", "SOFT"})
_INVERSE = {"sin": "arcsin", "cos": "arccos", "tan": "arctan"}
POWERED = frozenset(["sin", "cos", "tan", "log", "exp", "tanh", "sqrt", "sigmoid"])
"""Functions whose power is written behind their name in formulas."""
PROPERTIES: dict[str, str] = {
    **dict.fromkeys(("nonnegative", "non_negative", "nonneg", "positive", "Positive"), ">= 0"),
    **dict.fromkeys(("nonpositive", "negative"), "<= 0"),
    **dict.fromkeys(("orthogonal", "orthonormal"), "in stiefel"),
    **dict.fromkeys(("symmetric", "Symmetric"), "in symmetric"),
    **dict.fromkeys(("semidefinite", "psd", "PSD"), "in psd"),
    **dict.fromkeys(("monotone", "increasing"), "in monotone"),
}
"""Words for what holds of a variable or a weight, and what a spec writes for them."""


def _before(view: View) -> int:
    """How many tokens before this one are of its expression."""
    depth = count = 0
    for token in reversed(view.done[-WINDOW:]):
        depth += (token.kind in CLOSERS) - (token.kind in OPENERS)
        if depth < 0 or (not depth and token.kind in _BEGINS):
            break
        count += 1
    return count


def _until(view: View, start: int, *words: str) -> int | None:
    """The next token that is one of some words, or ends the expression; None where none does."""
    depth = 0
    for index in range(start, start + WINDOW):
        token = view.at(index)
        if not depth and (token.text in words or token.kind in _ENDS | CLOSERS.keys()):
            return index
        if token.kind == "$END":
            return None
        depth += (token.kind in OPENERS) - (token.kind in CLOSERS)
    return None


def ternary(view: View) -> Found | None:
    """`(5 if y == 1 else 1)` of Python."""
    return _choice(view, "else", "where({1}, {0}, {2})")


def question(view: View) -> Found | None:
    """`y == 1 ? 5 : 1` of C."""
    return _choice(view, ":", "where({0}, {1}, {2})")


def _choice(view: View, mark: str, form: str) -> Found | None:
    """What stands before this token, between it and a mark, and behind that, in the form."""
    back, middle = _before(view), _until(view, 1, mark)
    if not back or middle is None or middle == 1 or view.at(middle).text != mark:
        return None
    end = _until(view, middle + 1)
    if end is None or end == middle + 1:
        return None
    parts = (view.source.slice(view.last(back)), view.text(1, middle), view.text(middle + 1, end))
    message = "one of two values by an event is written `where(event, a, b)`"
    return Found(end, (form.format(*parts),), "CS128", message, back=back)


def when(view: View) -> Found | None:
    """`when x > 1: y >= 2`."""
    if view.before.kind not in {"ST", "_NL", "COLON", "SEMICOLON"}:
        return None
    middle = _until(view, 1, ":", "then")
    if middle is None or middle == 1 or view.at(middle).text not in (":", "then", ","):
        return None
    condition = view.span(1, middle)
    if "RELATION" not in {view.at(index).kind for index in range(1, middle)}:
        return None
    meant = f"{view.source.slice(condition)} => ..."
    message = f"what holds under a condition is written `{meant}`"
    return Found(middle + 1, (condition, " =>"), "CS128", message, f"write `{meant}`")


def either(view: View) -> Found | None:
    """`x >= 1 | x <= -1`, outside of brackets."""
    depth, related = 0, False
    for token in reversed(view.done[-WINDOW:]):
        if token.kind in {"_NL", "ST", "SEMICOLON"}:
            break
        depth += (token.kind in CLOSERS) - (token.kind in OPENERS)
        related = related or (token.kind == "RELATION" and not depth)
    operands = view.before.kind in OPERAND_ENDS and view.at(1).kind in OPERAND_STARTS | {"SIGN"}
    if depth or not related or not operands:
        return None
    line = [view.at(index).kind for index in range(1, WINDOW)]
    ends = [line.index(kind) for kind in ("_NL", "$END", "SEMICOLON") if kind in line]
    end = min(ends, default=0)
    if "RELATION" not in line[:end]:
        return None
    return _condition(view, end + 1) or Found(1, ("or",), "CS112")


def _condition(view: View, end: int) -> Found | None:
    """`gap(P[a | sex]) <= 5% | y == 1`: a condition behind the bound of one average."""
    if "AVERAGE" in {view.at(index).kind for index in range(end)}:
        return None
    done = view.done[len(view.done) - view.behind("_NL", "ST") :]
    opened = [i for i, token in enumerate(done) if token.kind == "AVERAGE"]
    if len(opened) != 1 or not end:
        return None
    close = closer_of(done, opened[0] + 1)
    if close is None:
        return None
    barred = any(token.kind == "BAR" for token in done[opened[0] : close])
    condition = f"{',' if barred else ' |'} {view.text(1, end)}"
    label = done[1].end if len(done) > 1 and done[1].kind == "COLON" else done[0].start
    head = view.source.slice(Span(label, done[close - 1].end)).strip()
    rest = view.source.slice(Span(done[close].start, done[-1].end))
    said = ("CS124", "a condition stands inside the brackets", f"write `{head}{condition}{rest}`")
    return Found(end, (condition + rest,), *said, back=len(done) - close)


def exactly_one(view: View) -> Found | None:
    """`a xor b`."""
    if view.before.kind not in OPERAND_ENDS or view.at(1).kind not in OPERAND_STARTS:
        return None
    message = f"`{view.at(0).text}`: that exactly one holds is written out"
    back, end = _before(view), _until(view, 1)
    help_ = "write `(a or b) and not (a and b)`; where both may hold, `a or b`"
    if back and end and end > 1:
        left, right = view.source.slice(view.last(back)), view.text(1, end)
        meant = f"({left} or {right}) and not ({left} and {right})"
        help_ = f"where both may hold, `{left} or {right}`; else `{meant}`"
    return Found(1, None, "CS112", message, help_, go_on=("or",))


def property_of(view: View) -> Found | None:
    """`x nonnegative`, `x is positive`, `W orthogonal`."""
    word = view.at(0).text
    take = 1
    if word in ("is", "be", "are") and view.at(1).text in PROPERTIES:
        word, take = view.at(1).text, 2
    ends = view.at(take).kind in _ENDS | {"RBRACE"}
    if word not in PROPERTIES or view.before.kind not in OPERAND_ENDS or not ends:
        return None
    if word in defined_names(view.source.text) or view.before.text in ("in", "var"):
        return None
    if any(t.kind in {"VAR", "PARAM", "IN", "RELATION"} for t in view.done[-4:]):
        return None
    return Found(take, (PROPERTIES[word],), "CS120")


def powered(view: View) -> Found | None:
    """`sin^2(x)`, `sin^-1(x)`."""
    word, sign = view.at(0).text, view.at(2).text == "-"
    number, opener = (3, 4) if sign else (2, 3)
    close = view.closer(opener) if view.at(opener).kind == "LPAR" else None
    if view.at(1).kind != "POWER" or view.at(number).kind != "NUMBER" or close is None:
        return None
    inner = view.text(opener, close + 1)
    power = f"{'-' if sign else ''}{view.at(number).text}"
    if power == "-1" and word not in _INVERSE:
        return None
    meant = f"{_INVERSE[word]}{inner}" if power == "-1" else f"{word}{inner}^{power}"
    return Found(close + 1, (meant,), "CS125")


def counted_share(view: View) -> Found | None:
    """`COUNT(pred == 1) / COUNT(*)` of SQL."""
    close = view.closer(1) if view.at(1).kind == "LPAR" else None
    if close is None or view.at(close + 1).text != "/" or close == 2:
        return None
    rest = [view.at(close + place).text for place in range(2, 6)]
    if rest[0].lower() not in ("count", "n", "len") or rest[1:] != ["(", "*", ")"]:
        return None
    message = "a share of the examples is written `P[event]`"
    return Found(close + 6, (f"P[{view.text(2, close)}]",), "CS120", message)


def columns_behind_on(view: View) -> Found | None:
    """`E[ce on train(x, y)]`: the data alone."""
    close = view.closer(2) if view.at(2).kind == "LPAR" else None
    inside = range(3, close or 3)
    if view.at(1).kind != "NAME" or close is None:
        return None
    if any(view.at(i).kind != ("COMMA" if i % 2 == 0 else "NAME") for i in inside):
        return None  # more than columns: nothing of it is dropped
    name = view.at(1).text
    message = f"behind `on` stands the name of the data alone: `{name}`"
    return Found(close + 1, ("on ", name), "CS120", message)


def values_of_a_column(view: View) -> Found | None:
    """`in values sex`."""
    if view.before.kind != "IN" or view.at(1).kind != "NAME":
        return None
    return Found(2, (f"values({view.at(1).text})",), "CS101", "what `values` takes stands in `( )`")


def another_quantifier(view: View) -> Found | None:
    """`forall a in S and b in T:`."""
    quantified = False
    for token in reversed(view.done[-40:]):
        if token.kind in {"_NL", "COLON", "RELATION"}:
            break
        quantified = quantified or token.kind == "FORALL"
    if not quantified or view.at(1).kind != "NAME" or view.at(2).kind != "IN":
        return None
    return Found(1, (",",), "CS122", "several quantifiers are separated by commas")
