"""Write each relation as canonical functions: g <= 0, h == 0.

    e >= b         ->  b - e
    abs(e) <= b    ->  e - b,  -e - b           (each has the bound's multiplier)
    max(v) <= b    ->  v - b, entry by entry
    gap(v) <= b    ->  v_i - v_j - b for all ordered pairs
    ratio(v) >= b  ->  b v_j - v_i for all ordered pairs
    A / B <= b     ->  A - b B                  (B an expectation, so never negative)
    k e + a <= b   ->  k times those of e <= (b - a) / k, where they are several or without B
    abs(d) + gap(v) + e <= b   ->  those of each sign of d and each pair of v: one sum of each
    mean([gap(v), gap(w)]) <= b   ->  those of gap(v) + gap(w) <= 2 b, by 2

Splitting keeps each function linear in expectations, so that a minibatch estimate is unbiased.
Preferences and fixed penalties weigh the violation as written, one number: they are not split.
"""

import itertools
import math
from types import MappingProxyType
from typing import NamedTuple

from cspec.compiler.expressions.rewrite import (
    call,
    function_name,
    number,
    product_of,
    signed,
    signed_sum,
)
from cspec.compiler.passes.mapping import map_constraints
from cspec.compiler.passes.sides import beside
from cspec.compiler.records.problem import Constraint, Problem, Recovery, Relation
from cspec.dsl.checks.constraints import MOST_SUMS
from cspec.dsl.settings.methods import Method
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import Call, Expectation, Expr, Negate, Number, Product, Sum, Vector, walk

NO_PARAMS: Values = MappingProxyType({})
Parts = tuple[Expr, ...]
SPLIT = frozenset({"abs", "gap", "max", "min", "ratio"})
"""Functions that are split on one side of a bound."""


def canonical(
    problem: Problem, method: Method | None = None, params: Values = NO_PARAMS
) -> Problem:
    """Maximization becomes minimization; each constraint gets its canonical parts.

    `method` is the one of every constraint that names none.
    """
    sign = -1.0 if problem.sense == "maximize" else 1.0
    objective = negate(problem.objective) if sign < 0 else problem.objective
    found = map_constraints(problem, lambda c: with_parts(c, sign, params, method))
    return found.model_copy(update={"objective": objective, "objective_sign": sign})


def with_parts(
    constraint: Constraint, sign: float, params: Values, method: Method | None = None
) -> Constraint:
    """A constraint with its canonical functions; `sign` is -1 where the spec maximizes.

    `method` is the one of a constraint that names none.
    """
    chosen = method if constraint.method is None else constraint.method
    asked = not constraint.construction and isinstance(chosen, Method) and chosen.whole
    found = constraint.model_copy(update={"whole": asked or constraint.soft is not None})
    direction = 1.0 if _swapped(constraint) else -1.0
    recovery = Recovery(sensitivity_sign=sign * direction)
    return found.model_copy(update={"parts": split(found, params), "recovery": recovery})


def _swapped(constraint: Constraint) -> bool:
    """Whether its function is bound - value."""
    return constraint.relation == ">=" or constraint.mirrored


def split(constraint: Constraint, params: Values) -> tuple[Expr, ...]:
    """The canonical functions of a constraint; of a set none, of an event those it has."""
    if constraint.relation == "in" or constraint.event is not None:
        return constraint.parts
    return parts_of(constraint.value, constraint, params)


def parts_of(value: Expr, constraint: Constraint, params: Values, linear: bool = True) -> Parts:
    """Canonical functions of a constraint with `value` for its own: a surrogate, or that itself.

    Quotients are split unless `linear` is false; a `whole` constraint is one function, as written.
    """
    bound, relation = constraint.bound, constraint.relation
    if constraint.whole or relation == "==":
        return (as_written(value, constraint),)
    return (upper if relation == "<=" else lower)(value, bound, params, linear)


def as_written(value: Expr, constraint: Constraint) -> Expr:
    """One function, <= 0 (or == 0) exactly when a constraint holds with `value` for its own."""
    bound = constraint.bound
    return minus(bound, value) if _swapped(constraint) else minus(value, bound)


def upper(value: Expr, bound: Expr, params: Values, linear: bool = True) -> tuple[Expr, ...]:
    """Functions that are all <= 0 exactly when value <= bound."""
    match function_name(value), value:
        case "abs", Call(arguments=(inner,)):
            return (minus(inner, bound), minus(negate(inner), bound))
        case "max", Call(arguments=arguments):
            return tuple(part for a in arguments for part in upper(a, bound, params, linear))
        case "gap", Call(arguments=(vector,)):
            return (minus(call("differences", vector), bound),)
    if linear and (quotient := _quotient(value)):
        numerator, denominator = quotient
        return (minus(numerator, times(bound, denominator)),)
    return _beside(value, bound, "<=", params, linear) or (minus(value, bound),)


def lower(value: Expr, bound: Expr, params: Values, linear: bool = True) -> tuple[Expr, ...]:
    """Functions that are all <= 0 exactly when value >= bound."""
    match function_name(value), value:
        case "min", Call(arguments=arguments):
            return tuple(part for a in arguments for part in lower(a, bound, params, linear))
        case "ratio", Call(arguments=(vector,)) if linear:
            return (call("ratio_differences", vector, bound),)
    if linear and (quotient := _quotient(value)):
        numerator, denominator = quotient
        return (minus(times(bound, denominator), numerator),)
    return _beside(value, bound, ">=", params, linear) or (minus(bound, value),)


def _beside(value: Expr, bound: Expr, relation: Relation, params: Values, linear: bool) -> Parts:
    """The functions of what stands behind constant factors and terms; none where it stays whole."""
    found = beside(value, bound, _splits, params)
    rises = (relation == "<=") == (found.factor > 0)
    size = number(abs(found.factor))
    if (terms := total_of(found.inner, params)) is not None:
        total, count = terms
        bound = found.bound if count == 1 else times(number(count), found.bound)
        own = _summed(total, bound, 1.0 if rises else -1.0, params)
        return tuple(times(number(abs(found.factor) / count), part) for part in own)
    if found.inner is value or not _splits(found.inner):
        return ()
    if function_name(found.inner) in (("min", "ratio") if rises else ("abs", "gap", "max")):
        return ()
    own = (upper if rises else lower)(found.inner, found.bound, params, linear)
    return tuple(times(size, part) for part in own)


def total_of(value: Expr, params: Values) -> tuple[Sum, int] | None:
    """A sum and what divides it: of `a + b` itself and 1, of a mean of n terms their sum and n.

    Terms that may be rows of numbers have a total of their own, and none here.
    """
    match function_name(value), value:
        case _, Sum():
            return value, 1
        case "sum" | "mean" as word, Call(arguments=(Vector(items=(_, _, *_) as items),)):
            if not all(_one_number(item, params) for item in items):
                return None
            total = signed_sum([("+", item) for item in items], value.span)
            assert isinstance(total, Sum)
            return total, len(items) if word == "mean" else 1
    return None


def _one_number(expr: Expr, params: Values) -> bool:
    """Whether an entry of a list is surely one number: arithmetic on means, least or largest."""
    if isinstance(expr, Expectation) or value_or_none(expr, params) is not None:
        return True
    match function_name(expr), expr:
        case "gap" | "max" | "min" | "ratio", Call(arguments=(_,)):
            return True
        case "abs" | "max" | "min", Call(arguments=arguments):
            return all(_one_number(argument, params) for argument in arguments)
        case _, Sum(operands=operands) | Product(operands=operands):
            return all(_one_number(operand, params) for operand in operands)
        case _, Negate(operand=operand):
            return _one_number(operand, params)
    return False


class _Term(NamedTuple):
    """A term of a sum: `factor` times the largest of `pieces`, of all their entries if `reduced`.

    `factor` is negative only where the one piece is no function that is split.
    """

    factor: float
    pieces: tuple[Expr, ...]
    reduced: bool = False


def _summed(total: Sum, bound: Expr, side: float, params: Values) -> tuple[Expr, ...]:
    """Functions that are all <= 0 exactly when side * total <= side * bound; none: it stays whole.

    The largest of a sum is the sum of the largest, so there is one function for each choice of a
    piece of every term, at most `MOST_SUMS`.
    """
    read = [_term(o, side if sign == "+" else -side, params) for sign, o in signed(total)]
    terms = [term for term in read if term is not None]
    if len(terms) < len(read) or all(len(t.pieces) == 1 and not t.reduced for t in terms):
        return ()
    if math.prod(len(t.pieces) for t in terms) > MOST_SUMS:
        return ()
    apart = any(t.reduced for t in terms) and len(terms) > 1
    found = []
    for chosen in itertools.product(*(t.pieces for t in terms)):
        pieces = [times(number(abs(t.factor)), e) for t, e in zip(terms, chosen, strict=True)]
        turned = [negate(p) if t.factor < 0 else p for t, p in zip(terms, pieces, strict=True)]
        signs = ["-" if t.factor < 0 else "+" for t in terms]
        rest = zip(signs[1:], pieces[1:], strict=True)
        plain = [("+", turned[0]), *rest]
        one = call("every_sum", *turned) if apart else signed_sum(plain, total.span)
        found.append(minus(one, bound) if side > 0 else _plus(one, bound))
    return tuple(found)


def _term(operand: Expr, sign: float, params: Values) -> _Term | None:
    """The pieces of sign * operand; None of a function that is split, but not on this side."""
    if value_or_none(operand, params) is not None:
        return _Term(sign, (operand,))
    found = beside(operand, number(0), _splits, params)
    zero = isinstance(found.bound, Number) and found.bound.value == 0
    if not _splits(found.inner) or not zero:
        return _Term(sign, (operand,))
    match function_name(found.inner), found.inner, sign * found.factor > 0:
        case "abs", Call(arguments=(inner,)), True:
            return _Term(abs(found.factor), (inner, negate(inner)))
        case "max", Call(arguments=arguments), True:
            return _Term(abs(found.factor), arguments, len(arguments) == 1)
        case "min", Call(arguments=arguments), False:
            pieces = tuple(negate(argument) for argument in arguments)
            return _Term(abs(found.factor), pieces, len(arguments) == 1)
        case "gap", Call(arguments=(vector,)), True:
            return _Term(abs(found.factor), (call("differences", vector),), reduced=True)
    return None


def behind(value: Expr, params: Values) -> Expr:
    """What stands behind constant factors and terms, as far as a function that is split."""
    return beside(value, number(0), _splits, params).inner


def _splits(value: Expr) -> bool:
    return function_name(value) in SPLIT or _quotient(value) is not None


def rescales(value: Expr, params: Values) -> bool:
    """Whether a part of `value <= b` is (value - b) times a denominator: of ratios and quotients.

    Its sign is that of value - b, its size is not.
    """
    match function_name(value), value:
        case "ratio", Call():
            return True
        case "max" | "min", Call(arguments=arguments):
            return any(rescales(argument, params) for argument in arguments)
    inner = behind(value, params)
    return _quotient(value) is not None or (inner is not value and rescales(inner, params))


def _quotient(value: Expr) -> tuple[Expr, Expr] | None:
    """Numerator and denominator of a ratio of expectations."""
    match value:
        case Product(operands=(*_, denominator), operators=(*_, "/")):
            if any(isinstance(node, Expectation) for node in walk(denominator)):
                return product_of(signed(value)[:-1], value), denominator
    return None


def minus(left: Expr, right: Expr) -> Expr:
    """left - right, without writing zeros."""
    if isinstance(right, Number) and right.value == 0:
        return left
    if isinstance(left, Number) and left.value == 0:
        return negate(right)
    return Sum(operands=(left, right), operators=("-",), span=left.span)


def _plus(left: Expr, right: Expr) -> Expr:
    if isinstance(right, Number) and right.value == 0:
        return left
    return Sum(operands=(left, right), operators=("+",), span=left.span)


def times(left: Expr, right: Expr) -> Expr:
    """left * right, without writing ones."""
    if isinstance(left, Number) and left.value == 1:
        return right
    return Product(operands=(left, right), operators=("*",), span=right.span)


def negate(expr: Expr) -> Expr:
    """-expr, without two signs."""
    return expr.operand if isinstance(expr, Negate) else Negate(operand=expr, span=expr.span)
