"""Degrees of expressions in the decision variables, read from their trees.

    A @ x - b   ->   1          sumsq(A @ x - b), x @ Q @ x + c @ x   ->   2

Of degree 1 a gradient is the same everywhere, of degree 2 a Hessian: what is the same everywhere is
found once. What is no polynomial as it is written has no degree (infinity).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from cspec.compiler.algebra.sympy import Space
from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.expressions.vectors import Constants, Entries, Repeated, Sized, Total
from cspec.compiler.records.problem import Problem
from cspec.dsl.tree.constants import Values, is_whole, value_or_none
from cspec.dsl.tree.nodes import (
    Attribute,
    Call,
    Expr,
    Index,
    Name,
    Negate,
    Number,
    Power,
    Product,
    Sum,
    Vector,
)

NONE = math.inf
"""The degree of what is no polynomial."""
_LINEAR = frozenset({"sum", "mean", "diag", "trace", "cumsum"})
"""Functions of one tensor that are linear in it."""
_QUADRATIC = frozenset({"sumsq", "variance"})


def degree(expr: Expr, space: Space) -> float:
    """The degree of an expression in all variables together: 0, 1, 2, ...; infinity for others."""
    return _degree(expr, space.shapes, space.params)


def functions_in(problem: Problem) -> tuple[Expr, ...]:
    """The objective and every canonical function."""
    return (problem.objective, *(part for c in problem.constraints for part in c.parts))


def _degree(expr: Expr, shapes: Mapping[str, object], params: Values) -> float:
    def of(inner: Expr) -> float:
        return _degree(inner, shapes, params)

    match expr:
        case Number() | Constants():
            return 0
        case Name(id=name) | Entries(name=name):
            return 1 if name in shapes else 0
        case Negate(operand=inner) | Attribute(value=inner, name="T"):
            return of(inner)
        case Total(body=inner) | Sized(body=inner) | Repeated(body=inner):
            return of(inner)
        case Index(value=inner, indices=indices):
            return of(inner) if all(of(index) == 0 for index in _numbers(indices)) else NONE
        case Sum(operands=items) | Vector(items=items):
            return max(map(of, items), default=0)
        case Product(operands=operands, operators=operators):
            return _product([of(operand) for operand in operands], operators)
        case Power(base=base, exponent=exponent):
            return _power(of(base), value_or_none(exponent, params))
        case Call(arguments=arguments, keywords=()):
            return _call(function_name(expr), [of(argument) for argument in arguments])
    return NONE


def _numbers(indices: Sequence[Expr]) -> list[Expr]:
    """The indices that are expressions of their own, not slices."""
    return [index for index in indices if isinstance(index, Number | Name | Sum | Product)]


def _product(degrees: Sequence[float], operators: Sequence[str]) -> float:
    total = degrees[0]
    for operator, found in zip(operators, degrees[1:], strict=True):
        if operator == "/" and found:
            return NONE
        total += found
    return total


def _power(base: float, exponent: float | None) -> float:
    if base == 0:
        return 0
    whole = exponent is not None and exponent >= 0 and is_whole(exponent)
    return base * exponent if whole and exponent is not None else NONE


def _call(name: str | None, degrees: Sequence[float]) -> float:
    if not any(degrees):
        return 0
    if name in _LINEAR and len(degrees) == 1:
        return degrees[0]
    if name in _QUADRATIC and len(degrees) == 1:
        return 2 * degrees[0]
    return sum(degrees) if name == "dot" and len(degrees) == 2 else NONE
