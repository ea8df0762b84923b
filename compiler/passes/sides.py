"""The two sides of a relation as value and bound, and what stands beside a function in the value.

3 >= x   ->   x <= 3
2 == x   ->   x == 2, mirrored: its multiplier stays that of (2 - x), left minus right as written

What stands beside a function goes to the bound: k*f + a <= b is k times f <= (b - a)/k.

0.001*gap(v) <= 0.001*b     ->   0.001 times  gap(v) <= b
1 - gap(v) >= 98%           ->   gap(v) <= 2%
-2*min(v) <= -1             ->   2 times  min(v) >= 0.5

`canonical` splits functions that it sees. One that is hidden behind a factor would be measured as
it is written, on batches: and the gap of noisy rates is not the noisy gap of rates. Its mean over
batches is above 0 where groups are treated alike, so multipliers would rise for ever.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from cspec.compiler.expressions.rewrite import (
    constant_factor,
    number,
    product_of,
    signed,
    signed_number,
)
from cspec.compiler.records.problem import Relation
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import TURNED, Expr, Negate, Product, Sum

RELATIONS: Mapping[str, Relation] = {"<=": "<=", ">=": ">=", "==": "=="}


class Sides(NamedTuple):
    """`value relation bound`; `mirrored` where an equality was written the other way round."""

    value: Expr
    bound: Expr
    relation: Relation
    mirrored: bool = False


def sides(left: Expr, operator: str, right: Expr, params: Values) -> Sides:
    """The sides of `left operator right`."""
    if value_or_none(left, params) is not None and value_or_none(right, params) is None:
        return Sides(right, left, RELATIONS[TURNED[operator]], operator == "==")
    return Sides(left, right, RELATIONS[operator])


DIGITS = 15
"""Of a bound that is folded: 0.001*0.02/0.001 is 0.02."""


class Beside(NamedTuple):
    """`value` against a bound is `factor` times `inner` against `bound`, turned where < 0."""

    factor: float
    inner: Expr
    bound: Expr


def beside(value: Expr, bound: Expr, stops: Callable[[Expr], bool], params: Values) -> Beside:
    """Take constant factors, signs and constant terms off `value` until `stops` of what is left."""
    found = Beside(1.0, value, bound)
    while not stops(found.inner):
        after = _step(found, params)
        if after is None:
            return found
        found = after
    return found


def _step(found: Beside, params: Values) -> Beside | None:
    match found.inner:
        case Negate(operand=operand):
            return Beside(-found.factor, operand, _scaled(found.bound, -1.0))
        case Product():
            return _without_factors(found, found.inner, params)
        case Sum():
            return _without_terms(found, found.inner, params)
    return None


def _without_factors(found: Beside, product: Product, params: Values) -> Beside | None:
    """The same with constant factors and divisors on the bound's side."""
    if "@" in product.operators:
        return None
    factor, kept = constant_factor(product, params)
    if not factor or not math.isfinite(factor):
        return None
    if not kept or len(kept) == len(product.operands) or kept[0][0] != "*":
        return None
    return Beside(found.factor * factor, product_of(kept, product), _scaled(found.bound, factor))


def _without_terms(found: Beside, total: Sum, params: Values) -> Beside | None:
    """The same with constant terms on the bound's side, where one term is left."""
    kept = [t for t in signed(total) if value_or_none(t[1], params) is None]
    moved = [t for t in signed(total) if value_or_none(t[1], params) is not None]
    if len(kept) != 1 or not moved:
        return None
    bound = found.bound
    for sign, term in moved:
        opposite = "-" if sign == "+" else "+"
        bound = _folded(Sum(operands=(bound, term), operators=(opposite,), span=bound.span))
    ((sign, inner),) = kept
    if sign == "-":
        return Beside(-found.factor, inner, _scaled(bound, -1.0))
    return Beside(found.factor, inner, bound)


def _scaled(bound: Expr, factor: float) -> Expr:
    """bound / factor."""
    if factor == 1:
        return bound
    if factor == -1:
        return _folded(bound.operand if isinstance(bound, Negate) else Negate(operand=bound))
    size = number(abs(factor))
    divided = _folded(Product(operands=(bound, size), operators=("/",), span=bound.span))
    return divided if factor > 0 else _scaled(divided, -1.0)


def _folded(bound: Expr) -> Expr:
    """The number that a bound is, where no name is in it."""
    value = value_or_none(bound, {})
    if value is None or not math.isfinite(value):
        return bound
    return signed_number(float(f"{value:.{DIGITS}g}"))
