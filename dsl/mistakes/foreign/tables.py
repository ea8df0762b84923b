"""Forms of several parts: matrices, ranges of cells, rates of a class, inner products."""

import re

from cspec.dsl.messages.synonyms import RATES
from cspec.dsl.mistakes.foreign.sums import counted
from cspec.dsl.mistakes.foreign.view import WINDOW, Found, View
from cspec.dsl.text.defined_names import defined_names
from cspec.dsl.text.tokens import Token

_ENTRIES = frozenset(["NUMBER", "SIGN", "NAME", "COMMA", "SEMICOLON"])
_CELL = re.compile(r"([A-Za-z]\w*?)_?(\d+)")
_MOST = 20
_OF = frozenset(["class", "label", "y", "positive", "for"])


def matrix(view: View) -> Found | None:
    """`[1 2; 3 4]`: rows end with `;`."""
    close = None if view.before.kind == "AVERAGE" else view.closer(0)
    if close is None or not any(view.at(i).kind == "SEMICOLON" for i in range(1, close)):
        return None
    inner = [view.at(i) for i in range(1, close)]
    if not {token.kind for token in inner} <= _ENTRIES:
        return None
    rows = [_row(row) for row in _split(inner)]
    meant = f"[{', '.join(f'[{row}]' for row in rows if row)}]"
    if view.before.kind == "IN" and len(rows) == 2:
        meant = f"[{rows[0]}, {rows[1]}]"
        return Found(close + 1, (meant,), "CS115", "the ends of an interval are separated by `,`")
    commas = sum(token.kind == "COMMA" for token in inner)
    if commas == len(rows) and _of_decimals(view, rows):
        meant = f"[{', '.join(row.replace(', ', '.') for row in rows)}]"
        message = "decimals have a point, and the entries of a list commas between them"
        return Found(close + 1, (meant,), "CS115", message)
    message = "rows of a matrix stand in brackets of their own"
    return Found(close + 1, (meant,), "CS115", message)


def _of_decimals(view: View, rows: list[str]) -> bool:
    """`b[2] = [1,5; 1,9]`: as many entries as are declared, each of two whole numbers."""
    declared = [token.text for token in view.done[-4:]]
    return (
        declared == ["[", str(len(rows)), "]", "="]
        and len(rows) > 1
        and all(re.fullmatch(r"-?\d+, \d+", row) for row in rows)
    )


def _split(tokens: list[Token]) -> list[list[Token]]:
    rows: list[list[Token]] = [[]]
    for token in tokens:
        if token.kind == "SEMICOLON":
            rows.append([])
        else:
            rows[-1].append(token)
    return rows


def _row(tokens: list[Token]) -> str:
    """Entries with commas between them; a sign belongs to the entry behind it."""
    entries: list[str] = []
    sign = ""
    for token in tokens:
        if token.kind == "SIGN":
            sign += token.text
        elif token.kind != "COMMA":
            entries.append(f"{sign}{token.text}")
            sign = ""
    return ", ".join(entries)


def cells(view: View) -> Found | None:
    """`SUM(x1:x3)` of a spreadsheet."""
    left, right = view.before, view.at(1)
    if not view.done or len(view.done) < 2 or view.done[-2].kind not in {"LPAR", "COMMA"}:
        return None
    first, last = _CELL.fullmatch(left.text), _CELL.fullmatch(right.text)
    if first is None or last is None or first[1] != last[1]:
        return None
    low, high = int(first[2]), int(last[2])
    if not 0 <= high - low < _MOST:
        return None
    message = f"`{left.text}:{right.text}` is a range of cells, which a spec does not have"
    if left.text in defined_names(view.source.text):
        meant = f"[{', '.join(f'{first[1]}{i}' for i in range(low, high + 1))}]"
        return Found(2, (meant,), "CS128", message, back=1)
    meant = f"{first[1]}[{max(low - 1, 0)}:{high}]"
    note = "a slice begins at 0, and goes up to, not including, its end"
    return Found(2, (meant,), "CS128", message, note=note, back=1, safe=False)


def rate_of_class(view: View) -> Found | None:
    """`recall(class 3)`, `precision(class = "ham")`."""
    word = view.at(0).text
    if view.at(1).kind != "LPAR" or view.at(2).text not in _OF or word.lower() not in RATES:
        return None
    value = 4 if view.at(3).text in ("=", "==", ":") else 3
    if view.at(value).kind not in {"NUMBER", "STRING"} or view.at(value + 1).kind != "RPAR":
        return None
    if word in defined_names(view.source.text):
        return None
    message = f"`{word}` of a class is written as the fraction that it is"
    return Found(value + 2, (RATES[word.lower()].format(c=view.at(value).text),), "CS120", message)


def inner_product(view: View) -> Found | None:
    """`⟨a, b⟩`."""
    comma = None
    for index in range(1, WINDOW):
        token = view.at(index)
        if token.kind in {"_NL", "$END"}:
            return None
        comma = index if token.kind == "COMMA" else comma
        if token.text == "⟩":
            if comma is None:
                return None
            pieces = ("dot(", view.span(1, index), ")")
            return Found(index + 1, pieces, "CS106", "an inner product is written `dot(a, b)`")
    return None


def independent(view: View) -> Found | None:
    """`pred ⊥ sex`: a rate is the same in all groups."""
    left, right = view.before, view.at(1)
    if left.kind != "NAME" or right.kind != "NAME":
        return None
    event = "pred == 1" if left.text in ("pred", "y_hat", "yhat") else f"{left.text} == 1"
    given = view.at(2).kind == "BAR" and view.at(3).text == "y"
    of = [f"gap(P[{event} | {right.text}, y == {c}])" for c in (1, 0)] if given else []
    meant = f"max({', '.join(of)})" if given else f"gap(P[{event} | {right.text}])"
    meant = f"{meant} <= 5%"
    message = "independence is a gap between groups that is small"
    note = "a gap of exactly 0 is never measured: the bound says how small"
    take = 4 if given else 2
    return Found(take, (meant,), "CS106", message, note=note, back=1, safe=False)


def thousands(view: View) -> Found | None:
    """`10,000,000`: with two commas no decimal comma is meant."""
    digits, end = [view.before.text], 0
    place = view.before.end
    while view.at(end).text == "," and view.at(end).start == place:
        group = view.at(end + 1)
        if not re.fullmatch(r"\d{3}", group.text) or group.start != view.at(end).end:
            break
        digits.append(group.text)
        place, end = group.end, end + 2
    if len(digits) < 3 or not re.fullmatch(r"\d{1,3}", digits[0]):
        return None
    message = f"`{','.join(digits)}`: numbers have no comma"
    return Found(end, ("_".join(digits),), "CS124", message, back=1)


_SUMMED = re.compile(r"\b(?:sum|prod|max|min) \((?:[^()]|\([^()]*\))*\Z")


def joined(view: View) -> str:
    """The tokens before this one, a blank between each."""
    return " ".join(token.text for token in view.done[-40:])


_COUNTED = re.compile(r"(\d+)(?:\.\.\.?|:|,\.\.\.?,|,…,|…)(\w+)")
"""`0..2`, `0:2`, `1, ..., n`."""


def listed_constraints(view: View) -> Found | None:
    """`[x[i] >= 0 for i in range(3)]`: a constraint for each element."""
    close = view.closer(0)
    if view.before.kind not in {"ST", "_NL", "COLON", "SEMICOLON"} or close is None:
        return None
    inner = [view.at(index).kind for index in range(1, close)]
    if "FOR" not in inner or "RELATION" not in inner or view.at(close + 1).kind not in _ENDS:
        return None
    place = 1 + inner.index("FOR")
    pieces = ("forall ", view.span(place + 1, close), ": ", view.span(1, place))
    message = "a constraint for each element begins with `forall`"
    return Found(close + 1, pieces, "CS128", message)


def index_behind(view: View) -> Found | None:
    """`x[i] >= 0, i = 0..2`: what an index runs over stands before its constraint."""
    name, mark = view.at(1), view.at(2)
    if name.kind != "NAME" or mark.text not in ("=", "in", "∈", "=="):
        return None
    inside = _SUMMED.search(joined(view))
    stops = _ENDS | {"RPAR"} if inside else _ENDS
    end = next((i for i in range(3, WINDOW) if view.at(i).kind in stops), 0)
    found = _COUNTED.fullmatch(view.text(3, end).replace(" ", "")) if end > 3 else None
    if found is None:
        return None
    over, safe = f"{name.text} in {counted(int(found[1]), found[2], name.text)}", found[1] == "0"
    if inside:
        message = f"what `{name.text}` runs over stands behind `for`"
        help_ = f"write `for {over}`, without a comma"
        return Found(end, (f" for {over}",), "CS121", message, help_, safe=safe)
    back = view.behind("ST", "_NL", "COLON")
    if back in (0, len(view.done)):
        return None
    message = f"what `{name.text}` runs over stands before its constraint"
    pieces = (f"forall {over}: ", view.last(back))
    return Found(end, pieces, "CS121", message, back=back, safe=safe)


def extremum(view: View) -> Found | None:
    """`max_i x_i`: the largest of all entries."""
    word, _, name = view.at(0).text.partition("_")
    term = view.at(1)
    close = view.closer(2) if term.kind == "AVERAGE" else None
    if close is not None:
        inner = view.text(1, close + 1)
        if name:
            inner = re.sub(rf"(\w+)\s*==\s*{re.escape(name)}\b", r"\1", inner)
        message = f"`{view.at(0).text}` is written `{word}(...)`, of one number a group"
        return Found(close + 1, (f"{word}({inner})",), "CS125", message)
    if not name or term.kind != "NAME" or view.at(0).text in defined_names(view.source.text):
        return None
    stem, _, index = term.text.partition("_")
    if index != name or stem not in defined_names(view.source.text):
        return None
    return Found(2, (f"{word}({stem})",), "CS125")


_ENDS = frozenset({"_NL", "$END", "SEMICOLON", "WITHIN", "BY", "SOFT"})
