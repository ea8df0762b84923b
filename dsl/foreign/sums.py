"""Sums with their index first: `sum{i in S} x[i]`, `\\sum_{i=0}^{n} x_i`."""

from __future__ import annotations

from cspec.dsl.foreign.pieces import Piece
from cspec.dsl.foreign.view import Found, View

_WORDS = frozenset(["sum", "prod", "max", "min"])


def indexed_sum(view: View) -> Found | None:
    """`sum{i in S} term` of AMPL, `sum_{i in S} term`."""
    word = view.at(0).text.rstrip("_")
    if word not in _WORDS or view.at(1).kind != "LBRACE" or view.at(3).kind != "IN":
        return None
    close = view.closer(1)
    if close is None:
        return None
    end = view.term_end(close + 1)
    if end == close + 1:
        return None
    index, members, term = view.span(2, 3), view.span(4, close), view.span(close + 1, end)
    return _sum(view, end, word, (term, " for ", index, " in ", members), "CS136")


def latex_sum(view: View, word: str, name: str) -> Found | None:
    r"""`\sum_{i=0}^{2} term`, `\sum_{i \in S} term`, `\sum_i term`; `name` stands at the `_`."""
    index = 2
    members: tuple[Piece, ...] | None = None
    if view.at(1).text.endswith("_") and view.at(2).kind == "LBRACE":
        close = view.closer(2)
        if close is None:
            return None
        name, members = _below(view, 3, close)
        index = close + 1
    if view.at(index).kind == "POWER":
        index, last = _above(view, index)
        members = _counted(members, last)
    end = view.term_end(index)
    if end == index or not (name or index > 2):
        return None
    if not name or members is None:
        return _unknown(view, index, name or "i")
    return _sum(view, end, word, (view.span(index, end), f" for {name} in ", *members), "CS125")


def _below(view: View, start: int, close: int) -> tuple[str, tuple[Piece, ...] | None]:
    """The index and its members of what stands below the sign: `i=0`, `i \\in S`."""
    name = view.at(start).text
    if view.at(start + 1).kind == "EQUAL":
        return name, (view.text(start + 2, close),)
    if view.at(start + 1).kind == "IN":
        return name, (view.span(start + 2, close),)
    if view.at(start + 1).text == "\\" and view.at(start + 2).kind == "IN":
        return name, (view.span(start + 3, close),)
    return name, None


def _above(view: View, power: int) -> tuple[int, str]:
    """What stands above the sign, and the index behind it."""
    if view.at(power + 1).kind == "LBRACE":
        close = view.closer(power + 1)
        if close is not None:
            return close + 1, view.text(power + 2, close)
    return power + 2, view.at(power + 1).text


def _counted(members: tuple[Piece, ...] | None, last: str) -> tuple[Piece, ...] | None:
    """The numbers from the first to the last as a set of the language."""
    first = members[0] if members else None
    if not isinstance(first, str) or not first.isdigit():
        return members if not isinstance(first, str) else None
    return (counted(int(first), last),)


def counted(first: int, last: str) -> str:
    """`range(n)` where numbers begin at 0, else the values themselves, if they are few."""
    if last.isdigit():
        end = int(last)
        if first == 0:
            return f"range({end + 1})"
        return "{" + ", ".join(str(value) for value in range(first, min(end, first + 12) + 1)) + "}"
    bare = last.replace(" ", "")
    return f"range({bare[:-2]})" if first == 0 and bare.endswith("-1") else f"range({bare} + 1)"


def _sum(view: View, end: int, word: str, inner: tuple[Piece, ...], code: str) -> Found:
    text = "".join(view.source.slice(p) if not isinstance(p, str) else p for p in inner)
    message = f"the index of a `{word}` stands behind its term: `for i in S`"
    pieces: tuple[Piece, ...] = (f"{word}(", *inner, ")")
    if view.product():
        pieces = ("*", *pieces)
    return Found(end, pieces, code, message, f"write `{word}({text})`")


def _unknown(view: View, start: int, name: str) -> Found:
    term = view.text(start, view.term_end(start))
    return Found(
        start,
        None,
        "CS125",
        f"`{view.text(0, start)}` does not say over which {name} it runs",
        f"write `sum({term} for {name} in range(n))`, or `sum(v)` for the sum of all entries",
        go_on=("sum ",) if view.at(start).kind == "LPAR" else (),
    )
