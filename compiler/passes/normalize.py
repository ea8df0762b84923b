"""One way to write a relation: what stands beside the quantity goes to the bound's side.

2*norm(W, 1) <= 2*r    ->   norm(W, 1) <= r
-W <= 0, W - 0 >= 0    ->   W >= 0
norm(W, 1) - r <= 0    ->   norm(W, 1) <= r
l2(W)^2 <= r^2         ->   l2(W) <= r          (the quantity is never negative)
r >= spectral(W)       ->   spectral(W) <= r
sqrt(sum(W*W)) <= r    ->   norm(W, 2) <= r     (`quantities`: one name for each quantity)

Only to see what a constraint is: it is evaluated and reported as it was written.
"""

import math
from typing import NamedTuple

from cspec.compiler.expressions.rewrite import (
    call,
    constant_factor,
    function_name,
    number,
    signed,
    signed_number,
    signed_sum,
)
from cspec.compiler.passes.sets.quantities import renamed_quantity
from cspec.compiler.records.problem import Relation
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import Call, Expr, Name, Negate, Number, Power, Product, Sum, walk

ROUNDS = 12
FLIPPED: dict[str, Relation] = {"<=": ">=", ">=": "<=", "==": "==", "in": "in"}
DEGREES = {"norm": 1, "l1": 1, "l2": 1, "sumsq": 2, "spectral": 1, "nuclear": 1, "abs": 1}
"""f(k W) = |k|^degree f(W)."""
NONNEGATIVE = frozenset({"norm", "l1", "l2", "sumsq", "spectral", "nuclear", "density", "abs"})


class Normal(NamedTuple):
    """`value relation bound`, the bound a constant where that is possible."""

    value: Expr
    relation: Relation
    bound: Expr


def normalized(value: Expr, relation: Relation, bound: Expr, params: Values) -> Normal:
    """The relation with one quantity on the left, as far as the rules above go."""
    found = Normal(value, relation, bound)
    for _ in range(ROUNDS):
        after = _step(found, params)
        if after == found:
            break
        found = after
    return found


def _step(n: Normal, params: Values) -> Normal:
    if n.relation == "in":
        return n
    if (renamed := renamed_quantity(n.value)) is not None:
        return Normal(renamed, n.relation, n.bound)
    if value_or_none(n.value, params) is not None and value_or_none(n.bound, params) is None:
        return Normal(n.bound, FLIPPED[n.relation], n.value)
    match n.value:
        case Negate(operand=operand) if value_or_none(n.bound, params) is not None:
            return Normal(operand, FLIPPED[n.relation], _minus(n.bound))
        case Sum():
            return _move_terms(n, n.value, params)
        case Product():
            return _move_factors(n, n.value, params)
        case Power(base=base, exponent=exponent):
            return _root(n, base, value_or_none(exponent, params), params)
        case Call(function=Name(id=name), arguments=(subject, *rest), keywords=()):
            return _of_call(n, name, subject, tuple(rest), params)
    return n


def _of_call(n: Normal, name: str, subject: Expr, rest: tuple[Expr, ...], params: Values) -> Normal:
    """Functions of one argument: factors inside a norm, roots, and norms that are at most 0."""
    bound = value_or_none(n.bound, params)
    if name == "sqrt" and bound is not None and bound >= 0:
        return Normal(subject, n.relation, Power(base=n.bound, exponent=number(2)))
    if name in NONNEGATIVE and n.relation == "<=" and bound == 0:
        return n._replace(relation="==")
    found = _factor_inside(subject, params)
    if name in DEGREES and found is not None and bound is not None:
        factor, inner = found
        scale = abs(factor) ** DEGREES[name]
        if not math.isfinite(scale) or scale == 0:
            return n
        value = Call(function=Name(id=name), arguments=(inner, *rest), span=n.value.span)
        return Normal(value, n.relation, _quotient(n.bound, bound, scale))
    return n


def _factor_inside(expr: Expr, params: Values) -> tuple[float, Expr] | None:
    """k and W of `k*W`, `W/k`, `-W`."""
    match expr:
        case Negate(operand=operand):
            return -1.0, operand
        case Product(operands=(left, right), operators=("*",)):
            for one, other in ((left, right), (right, left)):
                if (value := value_or_none(one, params)) is not None:
                    return value, other
        case Product(operands=(left, right), operators=("/",)):
            if value := value_or_none(right, params):
                return 1 / value, left
    return None


def _minus(expr: Expr) -> Expr:
    match expr:
        case Number(value=0):
            return expr
        case Negate(operand=operand):
            return operand
    return Negate(operand=expr, span=expr.span)


def _sum(terms: list[tuple[str, Expr]]) -> Expr:
    (sign, term), *rest = terms
    return signed_sum([("+", _minus(term) if sign == "-" else term), *rest])


def _move_terms(n: Normal, total: Sum, params: Values) -> Normal:
    """Constant terms to the bound; with a bound of 0, one subtracted tensor, too (`W - W.T`)."""
    kept = [t for t in signed(total) if value_or_none(t[1], params) is None]
    moved = [t for t in signed(total) if value_or_none(t[1], params) is not None]
    if not kept:
        return n
    zero = isinstance(n.bound, Number) and n.bound.value == 0
    if not moved:
        if zero and len(kept) == 2 and kept[0][0] == "+" and kept[1][0] == "-":
            return Normal(kept[0][1], n.relation, kept[1][1])
        return n
    opposite = [("-" if sign == "+" else "+", term) for sign, term in moved]
    whole = opposite if zero else [("+", n.bound), *opposite]
    if whole[0][0] == "-":
        whole = sorted(whole, key=lambda t: t[0] == "-")
    return Normal(_sum(kept), n.relation, _sum(whole))


def _move_factors(n: Normal, product: Product, params: Values) -> Normal:
    """A constant factor or divisor to the bound; a negative one turns the relation."""
    bound = value_or_none(n.bound, params)
    if "@" in product.operators or bound is None:
        return n
    factor, kept = constant_factor(product, params)
    if not factor or math.isnan(factor) or len(kept) != 1 or kept[0][0] != "*":
        return n
    relation = n.relation if factor > 0 else FLIPPED[n.relation]
    return Normal(kept[0][1], relation, _quotient(n.bound, bound, factor))


def _quotient(written: Expr, value: float, factor: float) -> Expr:
    """bound / factor; the plain number where it is one."""
    if factor == 1:
        return written
    if not any(isinstance(node, Name) for node in walk(written)):
        return signed_number(value / factor)
    divided = Product(operands=(written, number(abs(factor))), operators=("/",), span=written.span)
    return divided if factor > 0 else Negate(operand=divided)


def _root(n: Normal, base: Expr, exponent: float | None, params: Values) -> Normal:
    """q^p <= r with q never negative: q <= r^(1/p)."""
    bound = value_or_none(n.bound, params)
    if function_name(base) not in NONNEGATIVE or exponent is None or exponent <= 0:
        return n
    if bound is None or bound < 0:
        return n
    if exponent == 2:
        return Normal(base, n.relation, square_root(n.bound, params))
    return Normal(base, n.relation, number(bound ** (1 / exponent)))


def square_root(bound: Expr, params: Values) -> Expr:
    """The root of a bound as people would write it: of `r^2` that is `r`, of 9 it is 3."""
    match bound:
        case Power(base=base, exponent=Number(value=2)) if (
            value_or_none(base, params) or -1.0
        ) > 0:
            return base
        case Number(value=value) if (value**0.5).is_integer():
            return number(value**0.5)
    return call("sqrt", bound)
