"""Degrees of expressions in the decision variables, read from their trees.

    A @ x - b   ->   1          sumsq(A @ x - b), x @ Q @ x + c @ x   ->   2

Of degree 1 a gradient is the same everywhere, of degree 2 a Hessian: what is the same everywhere is
found once. What is no polynomial as it is written has no degree (infinity).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from cspec.compiler.algebra.sympy import Space
from cspec.compiler.expressions.rewrite import function_name, signed
from cspec.compiler.expressions.vectors import Constants, Entries, Repeated, Sized, Total
from cspec.compiler.records.problem import Problem
from cspec.dsl.tree.constants import is_whole, value_or_none
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

    def of(inner: Expr) -> float:
        return degree(inner, space)

    match expr:
        case Number() | Constants():
            return 0
        case Name(id=name) | Entries(name=name):
            return 1 if name in space.shapes else 0
        case Negate(operand=inner) | Attribute(value=inner, name="T"):
            return of(inner)
        case Total(body=inner) | Sized(body=inner) | Repeated(body=inner):
            return of(inner)
        case Index(value=inner, indices=indices):
            # Slices are no expressions of their own.
            places = [i for i in indices if isinstance(i, Number | Name | Sum | Product)]
            return of(inner) if not any(map(of, places)) else NONE
        case Sum(operands=items) | Vector(items=items):
            return max(map(of, items), default=0)
        case Product():
            found = [(sign, of(operand)) for sign, operand in signed(expr)]
            divided = any(sign == "/" and below for sign, below in found)
            return NONE if divided else sum(factor for _, factor in found)
        case Power(base=base, exponent=exponent):
            return _power(of(base), value_or_none(exponent, space.params))
        case Call(arguments=arguments, keywords=()):
            return _call(function_name(expr), [of(argument) for argument in arguments])
    return NONE


def functions_in(problem: Problem) -> tuple[Expr, ...]:
    """The objective and every canonical function."""
    return (problem.objective, *(part for c in problem.constraints for part in c.parts))


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
