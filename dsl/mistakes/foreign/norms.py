"""Norms and absolute values between bars: `||w||`, `||w||_1`, `0.5||w||_2^2`, `\\|w\\|`, `|x|`."""

from cspec.dsl.mistakes.failure import OPERAND_ENDS, OPERAND_STARTS
from cspec.dsl.mistakes.foreign.view import WINDOW, Found, View
from cspec.dsl.mistakes.signs import POWERS
from cspec.dsl.text.clauses import CLOSERS, OPENERS
from cspec.dsl.text.source import Span
from cspec.dsl.text.tokens import Token

_ORDERS = {
    **dict.fromkeys(("₂", "_2", "_F", "_fro"), "2"),
    **dict.fromkeys(("₁", "_1"), "1"),
    **dict.fromkeys(("_inf", "_infty"), "inf"),
    **dict.fromkeys(("₀", "_0"), "0"),
    "_": "",
}
_STOPS = frozenset(["_NL", "$END", "SEMICOLON", "ST"])


def norm(view: View) -> Found | None:
    """`||w||_p` where the second pair of bars closes the first."""
    if not view.texts("|", "|"):
        return None
    close = _closing(view, 2, double=True)
    if close is None or close == 2:
        return None
    return _norm(view, 2, close, close + 2)


def absolute(view: View) -> Found | None:
    """`|x|` where no operand stands before it: it can't be the `|` of a condition."""
    if view.before.kind in OPERAND_ENDS or view.texts("|", "|"):
        return None
    close = _closing(view, 1, double=False)
    if close is None or close == 1:
        return None
    inner = view.span(1, close)
    return Found(close + 1, ("abs(", inner, ")"), "CS124")


def bars_of_latex(view: View, word: str, width: int) -> Found | None:
    r"""`\lVert w \rVert`, `\| w \|`: `width` tokens open, as many close."""
    closers = {"lVert": "rVert", "Vert": "Vert", "|": "|", "lvert": "rvert", "vert": "vert"}
    partner = closers[word]
    for index in range(width, WINDOW):
        if view.at(index).kind in _STOPS:
            return None
        mark, word_behind = view.at(index), view.at(index + 1)
        if mark.text != "\\" or word_behind.text.partition("_")[0] != partner:
            continue
        if word in {"lvert", "vert"}:
            return _absolute_of_latex(view, width, index)
        return _norm(view, width, index, index + 2)
    return None


def _absolute_of_latex(view: View, start: int, close: int) -> Found:
    inner = view.span(start, close)
    meant = f"abs({view.source.slice(inner)})"
    message = f"`{view.text(0, close + 2)}` is LaTeX; a spec writes `{meant}`"
    return Found(close + 2, ("abs(", inner, ")"), "CS125", message, factor=True)


def _norm(view: View, start: int, close: int, end: int) -> Found:
    """The norm of the tokens from `start` to `close`; what stands at `end` may be its order."""
    order, end = _order(view, end)
    raised, mark = "", view.at(end).text
    if not order and len(mark) == 2 and mark[0] in _ORDERS and mark[1] in POWERS:
        order, raised, end = _ORDERS[mark[0]], f"^{POWERS[mark[1]]}", end + 1
    inner = view.span(start, close)
    if order == "0":
        return _counting(view, inner, end)
    pieces = ("norm(", inner, f", {order or 2}){raised}")
    note = "" if order else "the norm between bars is the Euclidean one, of order 2"
    return Found(end, pieces, "CS124", note=note, factor=True)


def _counting(view: View, inner: Span, end: int) -> Found:
    """`||W||_0`: how many entries are not 0 is a set, or the density of a model."""
    text = view.source.slice(inner)
    message = f"`{view.text(0, end)}` counts the entries that are not 0"
    help_ = f"write `{text} in sparse(10%)` for a weight, `density(f) <= 10%` for a model"
    return Found(end, None, "CS124", message, help_, go_on=(f"l1({text})",))


def _order(view: View, end: int) -> tuple[str, int]:
    """The order that stands behind the closing bars, and the end of it."""
    joined = view.at(end - 1).text.partition("_")
    if joined[1] and f"_{joined[2]}" in _ORDERS and joined[2]:
        return _ORDERS[f"_{joined[2]}"], end
    mark = view.at(end)
    if mark.start != view.at(end - 1).end or mark.text not in _ORDERS:
        return "", end
    if mark.text != "_":
        return _ORDERS[mark.text], end + 1
    close = view.closer(end + 1) if view.at(end + 1).kind == "LBRACE" else None
    if close is None:
        return "", end
    inside = view.text(end + 2, close).strip().lstrip("\\")
    return _ORDERS.get(f"_{inside}", inside), close + 1


def double_line(view: View) -> Found | None:
    """`‖w‖`, `‖w‖₁`: the norm in one character."""
    for index in range(1, WINDOW):
        token = view.at(index)
        if token.kind in _STOPS:
            return None
        if token.text == "‖":
            return _norm(view, 1, index, index + 1) if index > 1 else None
    return None


def _closing(view: View, start: int, double: bool) -> int | None:
    """The bar (or pair of bars) that closes, on the same line and level."""
    depth = 0
    for index in range(start, start + WINDOW):
        token = view.at(index)
        depth += (token.kind in OPENERS) - (token.kind in CLOSERS)
        if token.kind in _STOPS or depth < 0:
            return None
        if token.kind != "BAR" or depth:
            continue
        if not double:
            return index
        pair = view.at(index + 1)
        if pair.kind != "BAR" or pair.start != token.end:
            return None
        return index if _ends(view, view.at(index + 2), pair) else None
    return None


def _ends(view: View, after: Token, pair: Token) -> bool:
    """Whether bars close rather than separate: no operand follows, unless it is their order."""
    return after.kind not in OPERAND_STARTS or after.text in _ORDERS or view.at(0).end == pair.end
