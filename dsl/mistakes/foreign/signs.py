"""Signs side by side, and relations of matrices: `+-`, `--`, `> =`, `<=>`, `X >> 0`, `x^1/2`."""

from cspec.dsl.mistakes.failure import OPERAND_ENDS, OPERAND_STARTS
from cspec.dsl.mistakes.foreign.view import Found, View
from cspec.dsl.settings.usual import setting_names
from cspec.dsl.text.defined_names import fields
from cspec.dsl.text.source import Span

_STARTS = frozenset({"_NL", "ST", "COLON", "SEMICOLON", "$END"})


def more_or_less(view: View) -> Found | None:
    """`30% +/- 1%`: a tolerance."""
    if not view.texts("+", "/", "-") or view.at(3).kind != "NUMBER":
        return None
    if view.before.kind != "NUMBER" and view.before.text != "%":
        return None
    message = f"`+/- {view.at(3).text}`: a tolerance stands behind `within`"
    return Found(4, (f"within {view.at(3).text}",), "CS124", message)


def _both_sides(view: View) -> Found | None:
    """`a - b <= +-0.1`: as far on either side."""
    back = view.behind("_NL", "ST", "COLON", "SEMICOLON")
    if back < 2:
        return None
    left = view.source.slice(Span(view.done[-back].start, view.done[-2].end))
    message = f"`{view.text(0, 3)}`: as far on either side is an absolute value"
    return Found(3, (f"abs({left}) <= {view.at(2).text}",), "CS124", message, back=back, safe=False)


def doubled_sign(view: View) -> Found | None:
    """`2 +- 0.1`: a tolerance, or a difference? `x -- y`: a sum, or a slip?"""
    first, second = view.at(0), view.at(1)
    if first.kind != "SIGN" or second.kind != "SIGN" or first.end != second.start:
        return None
    both = view.at(0).text != view.at(1).text and view.before.text in {"<=", "=="}
    if both and view.at(2).kind == "NUMBER":
        return _both_sides(view)
    apart = view.at(2).start > second.end
    glued = view.before.end == first.start
    numbers = glued and view.before.kind == view.at(2).kind == "NUMBER"
    between = view.before.kind in OPERAND_ENDS and view.at(2).kind in OPERAND_STARTS
    if not between or not (apart or numbers):
        return None
    shown, behind = view.text(0, 2), view.text(2, 3)
    if first.text != second.text and _one_value(view):
        message = f"`{shown} {behind}`: a tolerance stands behind `within`"
        return Found(3, (f"within {behind}",), "CS124", message)
    if first.text == second.text:
        other, help_ = "the sum", "write `+` or `-`"
        if first.text == "+":
            other, help_ = "a sign", "write `+`"
        message = f"`{shown}` has two readings: one sign too many, or {other}?"
        return Found(2, None, "CS102", message, help_, go_on=("+",))
    message = f"`{shown}` has two readings: a tolerance, or a difference?"
    help_ = f"for a tolerance write `within {behind}` behind the constraint, else `- {behind}`"
    return Found(2, None, "CS124", message, help_, go_on=("-",))


def _one_value(view: View) -> bool:
    """Whether a number alone stands behind `==`, and another one behind the signs."""
    done = [token.text for token in view.done[-2:]]
    numbers = view.before.kind == view.at(2).kind == "NUMBER"
    return numbers and done[0] == "==" and view.at(3).kind in _STARTS


def semidefinite(view: View) -> Found | None:
    """`X >> 0` of CVXPY and JuMP, `X ⪰ 0`: a matrix without negative eigenvalues."""
    double = view.at(0).text == ">" and view.texts(">", ">")
    take = 2 if double else 1
    if view.before.kind not in OPERAND_ENDS or not (double or view.at(0).text in {"⪰", "≽"}):
        return None
    if view.at(take).text != "0":
        return None
    message = f"`{view.text(0, take)} 0` says that a matrix has no negative eigenvalue"
    apart = view.at(0).start > view.before.end
    return Found(take + 1, ("in psd" if apart else " in psd",), "CS110", message)


def both_ways(view: View) -> Found | None:
    """`A <=> B`: two implications."""
    if not view.texts("<=", ">") or view.before.kind not in OPERAND_ENDS:
        return None
    left, right = _left(view), view.text(2, _right(view))
    helps = f"write `{left} => {right}; {right} => {left}`"
    return Found(2, None, "CS110", "`<=>` is two implications", helps, go_on=(" => ",))


def _left(view: View) -> str:
    """The text before, from where the relation begins."""
    start = len(view.done)
    while start and view.done[start - 1].kind not in _STARTS and len(view.done) - start < 60:
        start -= 1
    return view.source.text[view.done[start].start : view.done[-1].end]


def _right(view: View) -> int:
    index = 2
    while view.at(index).kind not in _STARTS and index < 60:
        index += 1
    return index


def power_of_a_fraction(view: View) -> Found | None:
    """`x^1/2`: nobody writes a power of 1, so `x^(1/2)` is meant, and not half of x."""
    done = view.done
    if view.at(0).text != "/" or view.at(1).kind != "NUMBER" or view.before.text != "1":
        return None
    minus = len(done) > 2 and done[-2].text == "-" and done[-3].kind == "POWER"
    if not minus and not (len(done) > 1 and done[-2].kind == "POWER"):
        return None
    if view.at(1).text == "1" or not view.at(1).text.isdigit():
        return None
    share = f"{'-' if minus else ''}1/{view.at(1).text}"
    message = f"`^{share}` has two readings: the power comes before the division"
    help_ = f"for a root write `^({share})`; for the division leave the power of 1 out"
    back = 2 if minus else 1
    return Found(2, None, "CS124", message, help_, go_on=(f"({share})",), back=back)


_ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "le": "<=", "ge": ">=", "quot": '"', "nbsp": " "}


def entity(view: View) -> Found | None:
    """`&lt;=`: a web page as its source."""
    word = view.at(1).text
    if word not in _ENTITIES or not view.texts("&", word, ";"):
        return None
    meant, take = _ENTITIES[word], 3
    if meant in "<>" and view.at(3).text == "=" and view.at(3).start == view.at(2).end:
        meant, take = f"{meant}=", 4
    shown = view.text(0, take)
    said = f"`{meant}`" if meant.strip() else "a blank"
    return Found(take, (meant,), "CS106", f"`{shown}` is HTML for {said}", f"write {said}")


PRIMES = {"'": 1, "’": 1, "′": 1, "″": 2, '""': 2}
"""Marks of a derivative, and how often each derives."""
_ORDERS = ("first", "second", "third", "fourth")


def derived(view: View) -> Found | None:
    """`u''`, `u''(x)` of a model of one coordinate are `diff(u, x, x)`, `u'(0)` is at a point."""
    of, order, width = view.before, 0, 0
    axes = fields(view.source.text).get(of.text, ())
    end = of.end
    while len(axes) == 1 and view.at(width).text in PRIMES and view.at(width).start == end:
        order, end, width = order + PRIMES[view.at(width).text], view.at(width).end, width + 1
    if not 0 < order <= len(_ORDERS):
        return None
    meant = f"diff({of.text}{f', {axes[0]}' * order})"
    close = view.closer(width) if view.at(width).kind == "LPAR" else None
    if close is not None:
        point, width = view.text(width + 1, close), close + 1
        if point != axes[0]:
            meant = f"E[{meant} for {axes[0]} in {{{point}}}]"
    message = f"`{of.text}{view.text(0, width)}`: the {_ORDERS[order - 1]} derivative is a `diff`"
    return Found(width, (meant,), "CS124", message, back=1)


def at_a_point(view: View) -> Found | None:
    """`u|x=0`, `u at x = 0`: the value of a model of coordinates at a point is a call."""
    of, first = view.before, 2 if view.at(1).text == "_" else 1
    braced = view.at(first).kind == "LBRACE"
    axis, relation, sign = (view.at(first + braced + place) for place in range(3))
    axes = fields(view.source.text).get(of.text, ())
    last = first + braced + 2 + (sign.kind == "SIGN")
    if axis.text not in axes or relation.text not in {"=", "=="} or view.at(last).kind != "NUMBER":
        return None
    value = view.text(first + braced + 2, last + 1)
    meant = f"{of.text}({', '.join(value if a == axis.text else a for a in axes)})"
    width = last + 1 + braced
    written = view.source.slice(Span(of.start, view.span(0, width).end))
    return Found(width, (meant,), "CS124", f"`{written}`: a value at a point is a call", back=1)


_PARTS = 12
"""Tokens of a name of a setting behind its first word, `-` and word in turn."""


def dashed_setting(view: View) -> Found | None:
    """`batch-size=64`: the name of a setting has `_` where other tools have `-`."""
    width = 0
    while width < _PARTS and view.at(width).text == "-" and view.at(width + 1).kind == "NAME":
        width += 2
    name = view.before.text + view.text(0, width).replace("-", "_")
    if view.before.kind != "NAME" or view.at(width).text != "=" or name not in setting_names():
        return None
    return Found(width, (name,), "CS131", back=1)
