"""Signs side by side, and relations of matrices: `+-`, `--`, `> =`, `<=>`, `X >> 0`, `x^1/2`."""

from __future__ import annotations

from cspec.dsl.mistakes.failure import OPERAND_ENDS, OPERAND_STARTS
from cspec.dsl.mistakes.foreign.view import Found, View
from cspec.dsl.text.source import Span
from cspec.dsl.text.tokens import Token

_STARTS = frozenset({"_NL", "ST", "COLON", "SEMICOLON", "$END"})


def more_or_less(view: View) -> Found | None:
    """`30% +/- 1%`: a tolerance."""
    if not view.texts("+", "/", "-") or view.at(3).kind != "NUMBER":
        return None
    if view.before.kind != "NUMBER" and view.before.text != "%":
        return None
    shown = f"+/- {view.at(3).text}"
    message = f"`{shown}`: a tolerance stands behind `within`"
    meant = f"within {view.at(3).text}"
    return Found(4, (meant,), "CS124", message, f"write `{meant}`")


def _both_sides(view: View) -> Found | None:
    """`a - b <= +-0.1`: as far on either side."""
    ends = {"_NL", "ST", "COLON", "SEMICOLON"}
    back = next((i for i, t in enumerate(view.done[::-1]) if t.kind in ends), len(view.done))
    if back < 2:
        return None
    left = view.source.slice(Span(view.done[-back].start, view.done[-2].end))
    meant = f"abs({left}) <= {view.at(2).text}"
    message = f"`{view.text(0, 3)}`: as far on either side is an absolute value"
    return Found(3, (meant,), "CS124", message, f"write `{meant}`", back=back, safe=False)


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
        meant = f"within {behind}"
        return Found(3, (meant,), "CS124", message, f"write `{meant}`")
    if first.text == second.text:
        meant = f"write `{first.text}`" if first.text == "+" else "write `+` or `-`"
        message = f"`{shown}` has two readings: one sign too many, or {_sum_or_not(shown)}?"
        return Found(2, None, "CS102", message, meant, go_on=("+",))
    message = f"`{shown}` has two readings: a tolerance, or a difference?"
    help_ = f"for a tolerance write `within {behind}` behind the constraint, else `- {behind}`"
    return Found(2, None, "CS124", message, help_, go_on=("-",))


def _one_value(view: View) -> bool:
    """Whether a number alone stands behind `==`, and another one behind the signs."""
    done = [token.text for token in view.done[-2:]]
    numbers = view.before.kind == view.at(2).kind == "NUMBER"
    return numbers and done[0] == "==" and view.at(3).kind in _STARTS


def _sum_or_not(shown: str) -> str:
    return "the sum" if shown == "--" else "a sign"


def semidefinite(view: View) -> Found | None:
    """`X >> 0` of CVXPY and JuMP, `X ⪰ 0`: a matrix without negative eigenvalues."""
    double = view.at(0).text == ">" and view.texts(">", ">")
    take = 2 if double else 1
    if view.before.kind not in OPERAND_ENDS or not (double or view.at(0).text in {"⪰", "≽"}):
        return None
    shown = view.text(0, take)
    if view.at(take).text != "0":
        return None
    message = f"`{shown} 0` says that a matrix has no negative eigenvalue"
    return Found(take + 1, (" in psd",), "CS110", message, "write `in psd`")


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
    if view.at(1).text == "1" or not _plain(view.at(1)):
        return None
    share = f"{'-' if minus else ''}1/{view.at(1).text}"
    message = f"`^{share}` has two readings: the power comes before the division"
    help_ = f"for a root write `^({share})`; for the division leave the power of 1 out"
    back = 2 if minus else 1
    return Found(2, None, "CS124", message, help_, go_on=(f"({share})",), back=back)


def _plain(number: Token) -> bool:
    return number.text.isdigit()


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
