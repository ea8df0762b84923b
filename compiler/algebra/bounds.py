"""Interval arithmetic with exact end points: what a smooth expression's values lie between.

Floating-point intervals miss that cos(pi/2) is 0, so end points stay sympy numbers: comparisons are
made at 40 digits, and what does not differ there is equal.
"""

import math
from collections.abc import Mapping
from functools import cmp_to_key, lru_cache
from typing import Any, NamedTuple

import sympy as sp

from cspec.compiler.algebra.sympy import NotSymbolicError, nodes, sigmoid, softplus

DIGITS = 40
EQUAL = sp.Float("1e-30", DIGITS)
APART = 1e-9
"""Relative difference of floating-point numbers beyond which no more digits are looked at."""
LONG = 12
"""Nodes of an end point beyond which it is a number of 80 digits, as one with functions is."""
SPLITS = 6
"""Times that an interval is halved where the sign of a function of one variable is not clear."""


class ValueRange(NamedTuple):
    """Values lie in [low, high]."""

    low: sp.Expr
    high: sp.Expr


Box = Mapping[sp.Symbol, tuple[sp.Expr, sp.Expr]]


class Counted(dict[sp.Symbol, tuple[sp.Expr, sp.Expr]]):
    """A box that counts the ranges that are asked for over it and over its parts."""

    def __init__(self, box: Box, count: list[int] | None = None) -> None:
        super().__init__(box)
        self.count = [0] if count is None else count
        self.known: dict[sp.Expr, ValueRange] = {}
        """Ranges over this very box that were found already."""

    @property
    def work(self) -> int:
        """Ranges that were found, of an expression and of each of its parts."""
        return self.count[0]


def compare(a: sp.Expr, b: sp.Expr) -> int:
    """-1, 0 or 1 as a is below, equal to, or above b."""
    if a == b:
        return 0
    if a is sp.oo or b is -sp.oo:
        return 1
    if a is -sp.oo or b is sp.oo:
        return -1
    one, other = _near(a), _near(b)
    if abs(one - other) > APART * max(1.0, abs(one), abs(other)):
        return 1 if one > other else -1
    difference = sp.N(a - b, DIGITS)
    if not difference.is_real:
        raise NotSymbolicError("a comparison of numbers that are not real")
    size = max(sp.Integer(1), abs(sp.N(a, DIGITS)))
    if abs(difference) <= EQUAL * size:
        return 0
    return 1 if difference > 0 else -1


@lru_cache(maxsize=20_000)
def _near(end: sp.Expr) -> float:
    """An end point as a floating-point number; nan where it is none."""
    try:
        return float(end)
    except (TypeError, OverflowError):
        return math.nan


_ORDER = cmp_to_key(compare)


def _around(ends: list[sp.Expr]) -> ValueRange:
    """The range from the least to the largest of some values."""
    return ValueRange(min(ends, key=_ORDER), max(ends, key=_ORDER))


def range_of(expr: sp.Expr, box: Box) -> ValueRange:
    """The range of an expression over a box; wider than it need be where symbols recur.

    Raises:
        NotSymbolicError: a function without a rule here, or an undefined value (1/0, log of < 0).
    """
    if not isinstance(box, Counted):
        return ValueRange(*map(_settled, _range(expr, box)))
    found = box.known.get(expr)
    if found is None:
        box.count[0] += 1
        found = box.known[expr] = ValueRange(*map(_settled, _range(expr, box)))
    return found


def _range(expr: sp.Expr, box: Box) -> ValueRange:
    if expr in box:
        return ValueRange(*box[expr])
    if expr.is_number:
        return ValueRange(expr, expr)
    match expr:
        case sp.Add():
            lows, highs = zip(*(range_of(a, box) for a in expr.args), strict=True)
            low = -sp.oo if -sp.oo in lows else sp.Add(*lows)
            return ValueRange(low, sp.oo if sp.oo in highs else sp.Add(*highs))
        case sp.Mul():
            found = ValueRange(sp.S.One, sp.S.One)
            for factor in expr.args:
                ends = range_of(factor, box)
                found = _around([_product(x, y) for x in found for y in ends])
            return found
        case sp.Pow():
            return _power(range_of(expr.base, box), expr.exp)
    if len(expr.args) == 1:
        return _function(expr.func, range_of(expr.args[0], box))
    raise NotSymbolicError(str(expr.func))


def _settled(end: sp.Expr) -> sp.Expr:
    """An end point; as a number of many digits where functions or many operations made it."""
    long = bool(end.args) and (end.has(sp.Function) or nodes(end, LONG) > LONG)
    return sp.N(end, 2 * DIGITS) if long else end


def _product(a: sp.Expr, b: sp.Expr) -> sp.Expr:
    """a b with 0 times infinity = 0, as end points of intervals multiply."""
    return sp.S.Zero if a == 0 or b == 0 else a * b


def _power(base: ValueRange, exponent: sp.Expr) -> ValueRange:
    if not exponent.is_number:
        raise NotSymbolicError("a power with a variable exponent")
    zero = sp.Integer(0)
    crosses = compare(base.low, zero) <= 0 <= compare(base.high, zero)
    if not exponent.is_Integer and compare(base.low, zero) < 0:
        raise NotSymbolicError("a root of what may be negative")
    if exponent.is_negative and crosses:
        raise NotSymbolicError("division by what may be zero")
    ends = [_raised(end, exponent) for end in base]
    return _around([*ends, zero] if exponent.is_even and crosses else ends)


def _raised(end: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    if end is sp.oo:
        return sp.Integer(0) if exponent.is_negative else sp.oo
    if end is -sp.oo:
        if exponent.is_negative:
            return sp.Integer(0)
        return sp.oo if exponent.is_even else -sp.oo
    return end**exponent


_RISING = {
    sp.exp: (sp.Integer(0), sp.oo), sp.sinh: (-sp.oo, sp.oo), sp.atan: (-sp.pi / 2, sp.pi / 2),
    sp.tanh: (sp.Integer(-1), sp.Integer(1)), sp.erf: (sp.Integer(-1), sp.Integer(1)),
    sigmoid: (sp.Integer(0), sp.Integer(1)), softplus: (sp.Integer(0), sp.oo),
    sp.log: (-sp.oo, sp.oo), sp.asin: None,
}  # fmt: skip
"""Increasing functions with their values at minus and plus infinity."""


def _function(function: Any, argument: ValueRange) -> ValueRange:
    if function in _RISING:
        return ValueRange(*(_increasing(function, end) for end in _held(function, argument)))
    if function is sp.acos:
        return ValueRange(*(sp.pi / 2 - end for end in reversed(_function(sp.asin, argument))))
    if function is sp.cosh:
        return _cosh(argument)
    if function is sp.sin:
        return _sine(argument)
    if function is sp.cos:
        return _sine(ValueRange(argument.low + sp.pi / 2, argument.high + sp.pi / 2))
    if function is sp.tan:
        return _tangent(argument)
    raise NotSymbolicError(str(function))


_STEEP = frozenset({sp.exp, sp.sinh})
_FAR = sp.Integer(10_000)
"""Beyond it no float holds the value of a steep function, and its digits are no longer computed."""


def _held(function: Any, argument: ValueRange) -> ValueRange:
    """The argument; of steep functions, ends that are finite and far are taken where they are not
    as far, or at infinity, so that the range only grows.
    """
    if function not in _STEEP:
        return argument
    low, high = argument
    if compare(low, _FAR) > 0:
        low = _FAR
    elif compare(low, -_FAR) < 0:
        low = -sp.oo
    if compare(high, _FAR) > 0:
        high = sp.oo
    elif compare(high, -_FAR) < 0:
        high = -_FAR
    return ValueRange(low, high)


def _increasing(function: Any, end: sp.Expr) -> sp.Expr:
    limits = _RISING[function]
    if end in (sp.oo, -sp.oo):
        if limits is None or (function is sp.log and end is -sp.oo):
            raise NotSymbolicError("outside the domain of the function")
        return limits[1] if end is sp.oo else limits[0]
    if function is sp.log:
        sign = compare(end, sp.Integer(0))
        if sign < 0:
            raise NotSymbolicError("the logarithm of what may be negative")
        return -sp.oo if sign == 0 else sp.log(end)
    if function is sp.asin and compare(abs(end), sp.Integer(1)) > 0:
        raise NotSymbolicError("arcsin of what may be larger than 1")
    return function(end)


def _cosh(argument: ValueRange) -> ValueRange:
    sizes = [(size, compare(size, _FAR) > 0) for size in map(abs, argument)]
    highs = [sp.oo if far else sp.cosh(size) for size, far in sizes]
    lows = [sp.cosh(_FAR if far else size) for size, far in sizes]
    zero = sp.Integer(0)
    if compare(argument.low, zero) <= 0 <= compare(argument.high, zero):
        lows.append(sp.Integer(1))
    return ValueRange(min(lows, key=_ORDER), max(highs, key=_ORDER))


def _sine(argument: ValueRange) -> ValueRange:
    low, high = argument
    if sp.oo in (high, -low) or compare(high - low, 2 * sp.pi) >= 0:
        return ValueRange(sp.Integer(-1), sp.Integer(1))
    ends = [sp.sin(low), sp.sin(high)]
    for extreme, place in ((1, sp.pi / 2), (-1, -sp.pi / 2)):
        turns = sp.ceiling(sp.N((low - place) / (2 * sp.pi), DIGITS) - EQUAL)
        if compare(place + 2 * sp.pi * turns, high) <= 0:
            ends.append(sp.Integer(extreme))
    return _around(ends)


def _tangent(argument: ValueRange) -> ValueRange:
    low, high = argument
    if sp.oo in (high, -low):
        raise NotSymbolicError("a tangent with poles")
    branch = sp.floor(sp.N((low + sp.pi / 2) / sp.pi, DIGITS) + EQUAL)
    inside = compare(low, branch * sp.pi - sp.pi / 2) > 0
    if not inside or compare(high, branch * sp.pi + sp.pi / 2) >= 0:
        raise NotSymbolicError("a tangent with poles")
    return ValueRange(sp.tan(low), sp.tan(high))


def sign_of(expr: sp.Expr, box: Box, splits: int = SPLITS) -> int | None:
    """1 where an expression is >= 0 on the box, -1 where it is <= 0, 0 where it is 0, else None.

    With one free symbol the interval is halved a few times where its range is too wide to tell.
    """
    try:
        found = range_of(expr, box)
        low, high = (compare(end, sp.Integer(0)) for end in found)
    except NotSymbolicError:
        return None
    if low >= 0:
        return 0 if high == 0 else 1
    if high <= 0:
        return -1
    free = sorted(expr.free_symbols, key=str)
    if splits == 0 or len(free) != 1:
        return None
    low_end, high_end = box[free[0]]
    if sp.oo in (high_end, -low_end):
        return None
    middle = (low_end + high_end) / 2
    halves = ((low_end, middle), (middle, high_end))
    parts: list[Box] = [{**box, free[0]: half} for half in halves]
    if isinstance(box, Counted):
        parts = [Counted(part, box.count) for part in parts]
    signs = {sign_of(expr, part, splits - 1) for part in parts} - {0}
    return signs.pop() if len(signs) == 1 else None
