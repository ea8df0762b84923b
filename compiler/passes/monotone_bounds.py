"""An inequality in one variable that is monotone on the variable's interval is a bound.

sin(x) <= eps, x in [0, pi/2]   ->   x <= arcsin(eps)
3*x[1] >= 6                     ->   x[1] >= 2

Monotone is proved on exact intervals. The end is found by inverting the expression layer by layer
where that is possible, else by bisection at 40 digits. The multiplier of such a constraint follows
from stationarity at the end of the run, in its own units.
"""

import sympy as sp

from cspec.compiler.algebra.bounds import DIGITS, Box, compare
from cspec.compiler.algebra.classify import interval_text, monotone
from cspec.compiler.algebra.sympy import NotSymbolicError, Space, sigmoid
from cspec.compiler.algebra.variables import Functions
from cspec.compiler.records.problem import DerivedBound, Problem

Ends = tuple[sp.Expr, sp.Expr]
STEPS = 120
"""Bisections: a relative width below 1e-30 from any start."""
FARTHEST = 60
"""Doublings of an unbounded interval in search of a sign change."""


def monotone_bounds(
    problem: Problem, functions: Functions, space: Space
) -> tuple[DerivedBound, ...]:
    """Every inequality that was proved to be a bound of one variable."""
    box = space.box()
    places = {str(s): c for s, c in zip(space.symbols(), space.coordinates(), strict=True)}
    found: list[DerivedBound] = []
    for place, position, expr in functions.parts:
        c = problem.constraints[place]
        if expr is None or c.relation == "==" or c.alternatives:
            continue
        plain = expr.subs(space.values())
        free = plain.free_symbols & box.keys()
        if len(free) != 1:
            continue
        by = free.pop()
        try:
            solved = _bound(expr, plain, by, box, turned=c.relation == ">=")
        except NotSymbolicError:
            solved = None
        if solved is None:
            continue
        slope, end, why = solved
        text = f"`{c.text}` is `{by} {'<=' if slope > 0 else '>='} {why}`"
        found.append(DerivedBound.of(c, position, places[str(by)], float(end), slope > 0, text))
    return tuple(found)


def _bound(
    expr: sp.Expr, plain: sp.Expr, by: sp.Symbol, box: Box, *, turned: bool
) -> tuple[int, sp.Expr, str] | None:
    """Direction, end and words of the bound that `expr <= 0` is; None where it is none.

    `turned`: the expression is right - left, and the words are about left - right.
    """
    slope = monotone(plain, by, box)
    if not slope:
        return None
    low, high = box[by]
    inverted = _inverse(plain, by, box[by])
    end = _bisected(plain, by, slope, box[by]) if inverted is None else inverted
    if end is None or compare(end, low) < 0 or compare(end, high) > 0:
        return None
    value = words = f"{float(end):.6g}"
    if inverted is None:
        words = f"{value}, by bisection"
    else:
        written = _inverse(expr, by, None)
        shown = str(end if written is None else written).replace("asin", "arcsin")
        shown = shown.replace("acos", "arccos").replace("atan", "arctan").replace("**", "^")
        if shown != value and len(shown) <= 40:
            words = f"{shown} = {value}"
    affine = sp.diff(plain, by).is_number
    kind = "increases" if (slope > 0) != turned else "decreases"
    proof = "" if affine else f"; proved: it {kind} in {by} on {interval_text(low, high)}"
    return slope, end, words + proof


_INVERSES = {
    sp.sin: sp.asin, sp.cos: sp.acos, sp.tan: sp.atan, sp.exp: sp.log, sp.log: sp.exp,
    sp.tanh: sp.atanh, sp.sinh: sp.asinh, sp.atan: sp.tan, sp.asin: sp.sin, sp.acos: sp.cos,
    sigmoid: lambda y: sp.log(y / (1 - y)),
}  # fmt: skip


def _inverse(expr: sp.Expr, by: sp.Symbol, ends: Ends | None) -> sp.Expr | None:
    """The x with expr(x) = 0, by undoing one layer after another; None where that is not enough."""
    left, right = expr, sp.Integer(0)
    for _ in range(20):
        if left != by:
            peeled = _peel(left, right, by)
            if peeled is None:
                return None
            left, right = peeled
    if left != by:
        return None
    if ends is None:
        return right
    if not right.is_number or not sp.N(right, DIGITS).is_real:
        return None
    inside = compare(right, ends[0]) >= 0 and compare(right, ends[1]) <= 0
    return right if inside and compare(expr.subs(by, right), sp.Integer(0)) == 0 else None


def _peel(left: sp.Expr, right: sp.Expr, by: sp.Symbol) -> tuple[sp.Expr, sp.Expr] | None:
    if left.is_Add:
        constant, rest = left.as_independent(by, as_Add=True)
        return None if rest.is_Add else (rest, right - constant)
    if left.is_Mul:
        factor, rest = left.as_independent(by, as_Add=False)
        return None if rest.is_Mul else (rest, right / factor)
    if left.is_Pow and left.base is not sp.E and not left.exp.has(by):
        if left.exp.is_Integer and int(left.exp) % 2 == 1 and right.is_number and right.is_negative:
            return left.base, -((-right) ** (1 / left.exp))
        return left.base, right ** (1 / left.exp)
    if len(left.args) == 1 and left.func in _INVERSES:
        return left.args[0], _INVERSES[left.func](right)
    return None


def _bisected(expr: sp.Expr, by: sp.Symbol, slope: int, ends: Ends) -> sp.Expr | None:
    """Where a monotone expression changes sign inside an interval, at 40 digits."""
    bracket = _bracket(expr, by, slope, ends)
    if bracket is None:
        return None
    a, b = bracket
    for _ in range(STEPS):
        middle = (a + b) / 2
        above = sp.N(expr.subs(by, middle), DIGITS) * slope > 0
        a, b = (a, middle) if above else (middle, b)
    return a


def _bracket(expr: sp.Expr, by: sp.Symbol, slope: int, ends: Ends) -> Ends | None:
    low, high = ends
    a = sp.N(low, DIGITS) if low is not -sp.oo else _far(expr, by, -slope, -1)
    b = sp.N(high, DIGITS) if high is not sp.oo else _far(expr, by, slope, 1)
    if a is None or b is None:
        return None
    values = [sp.N(expr.subs(by, end), DIGITS) * slope for end in (a, b)]
    return (a, b) if all(v.is_real for v in values) and values[0] <= 0 <= values[1] else None


def _far(expr: sp.Expr, by: sp.Symbol, wanted: int, side: int) -> sp.Expr | None:
    end = sp.Float(side, DIGITS)
    for _ in range(FARTHEST):
        value = sp.N(expr.subs(by, end), DIGITS)
        if value.is_real and value * wanted >= 0:
            return end
        end *= 2
    return None
