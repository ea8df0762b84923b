"""Sums with their index first: `sum{i in S} x[i]`, `\\sum_{i=0}^{n} x_i`."""

import re
from itertools import pairwise

from cspec.dsl.mistakes.failure import Piece, written
from cspec.dsl.mistakes.foreign.view import WINDOW, Found, View

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


def plain_sum(view: View) -> Found | None:
    """`sum_i c[i]*x[i]`: over all entries of what the index chooses."""
    word, _, name = view.at(0).text.partition("_")
    if word not in _WORDS or not name.isidentifier() or view.at(1).kind == "LPAR":
        return None
    end = view.term_end(1)
    size = _entries(view, view.text(1, end), name)
    if end == 1 or not size:
        return None
    return _sum(view, end, word, (view.span(1, end), f" for {name} in range({size})"), "CS136")


def _entries(view: View, term: str, name: str) -> str:
    """How many entries what an index chooses in a term has, where a line says it."""
    first = re.search(rf"(\w+)\[[ \t]*{re.escape(name)}[ \t]*\]", term)
    size = first and re.search(
        rf"^[ \t]*(?:var|param)[ \t]+{re.escape(first[1])}[ \t]*\[[ \t]*(\d+)[ \t]*\]",
        view.source.text,
        re.MULTILINE,
    )
    return size[1] if size else ""


def latex_sum(view: View, word: str, name: str) -> Found | None:
    r"""`\sum_{i=0}^{2} term`, `\sum_{i \in S} term`, `\sum_i term`; `name` stands at the `_`."""
    index, other = 2, ""
    members: tuple[Piece, ...] | None = None
    if view.at(1).text.endswith("_") and view.at(2).kind == "LBRACE":
        close = view.closer(2)
        if close is None:
            return None
        name, members = _below(view, 3, close)
        index = close + 1
    if view.at(index).kind == "POWER":
        first = members[0] if members else ""
        index, last = _above(view, index)
        if isinstance(first, str) and first != "0" and chooses(view, name, index):
            other = below(last)
        members = _counted(members, last, name or "i")
    end = view.term_end(index)
    if end == index or not (name or index > 2):
        return None
    size = _entries(view, view.text(index, end), name) if name and members is None else ""
    members = (f"range({size})",) if size else members
    if not name or members is None:
        return _unknown(view, word, index, name or "i")
    inner = (view.span(index, end), f" for {name} in ", *members)
    return _sum(view, end, word, inner, "CS125", other)


def sum_sign(view: View) -> Found | None:
    """`∑_{i=1}^{n} term`, `∏_i term`."""
    below = view.at(1)
    if not below.text.startswith("_") or below.start != view.at(0).end:
        return None
    word = "sum" if view.at(0).text == "∑" else "prod"
    return latex_sum(view, word, below.text.strip("_"))


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


def _counted(members: tuple[Piece, ...] | None, last: str, name: str) -> tuple[Piece, ...] | None:
    """The numbers from the first to the last as a set of the language."""
    first = members[0] if members else None
    if not isinstance(first, str) or not first.isdigit():
        return members if not isinstance(first, str) else None
    return (counted(int(first), last, name),)


_FEW = 13
"""Numbers that are written one by one."""


def counted(first: int, last: str, name: str) -> str:
    """`range(n)` where numbers begin at 0, the values themselves, if they are few and known, else
    `range(n + 1) where i >= 1`, for the index `name`."""
    if last.isdigit() and 0 < first <= int(last) < first + _FEW:
        return "{" + ", ".join(str(value) for value in range(first, int(last) + 1)) + "}"
    bare = last.replace(" ", "")
    if last.isdigit():
        end = str(int(last) + 1)
    else:
        end = bare[:-2] if bare.endswith("-1") else f"{bare} + 1"
    return f"range({end})" + (f" where {name} >= {first}" if first else "")


def below(last: str) -> str:
    """As many numbers as from 1 to the last, counted from 0."""
    return f"range({last.replace(' ', '')})"


def chooses(view: View, name: str, start: int) -> bool:
    """Whether an index stands as one on its line, as far as one looks: `x[i]`, `x_i`, `x_{i}`."""
    line = view.line(WINDOW)
    for index in range(start, start + WINDOW):
        if view.at(index).kind in {"_NL", "$END"}:
            break
        line.append(view.at(index))
    pairs = pairwise(line)
    return any(t.text.endswith(f"_{name}") for t in line) or any(
        left.text in ("[", ",") and right.text == name for left, right in pairs
    )


def _sum(
    view: View, end: int, word: str, inner: tuple[Piece, ...], code: str, other: str = ""
) -> Found:
    """`other` are the members where entries are counted from 1: then the fix is a guess."""
    message = f"the index of a `{word}` stands behind its term: `for i in S`"
    note = ""
    opened, closed = f"{word}(", ")"
    if word == "prod":  # there is no such function: by the sum of the logarithms
        message = "a product over a set is written with `exp`, `sum` and `log`"
        note = "for terms above 0; a few of any sign are written out: `x[0]*x[1]`"
        opened, closed = "exp(sum(", "))"
        inner = ("log(", inner[0], ")", *inner[1:])
    pieces: tuple[Piece, ...] = (opened, *inner, closed)
    help_ = ""
    if other:
        help_ = f"write `{written(view.source, pieces)}`"
        help_ += f"; where it chooses entries, which are counted from 0: `{other}`"
    safe = not other and word != "prod"
    return Found(end, pieces, code, message, help_, note, safe=safe, factor=True)


def _unknown(view: View, word: str, start: int, name: str) -> Found:
    term = view.text(start, view.term_end(start))
    message = f"`{view.text(0, start)}` does not say over which {name} it runs"
    help_ = f"write `sum({term} for {name} in range(n))`, or `sum(v)` for the sum of all entries"
    if word == "prod":
        help_ = f"write `exp(sum(log({term}) for {name} in range(n)))`, or each factor: `v[0]*v[1]`"
    go_on = ("sum ",) if view.at(start).kind == "LPAR" else ()
    return Found(start, None, "CS125", message, help_, go_on=go_on)
