"""Gradients of sums of squares of linear forms, from their coefficients.

    sum_i c_i (<a_i, x> + b_i)^2     ->     2 sum_i c_i a_i (<a_i, x> + b_i)

n forms in n variables have a gradient of n^2 terms; multiplied out form by form they are n^3
products of expressions. The coefficients are put together as exact whole numbers instead, over one
common denominator: what is found is what multiplying out finds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import sympy as sp


class Square(NamedTuple):
    """weight * (<slopes, x> + constant)^2, all of them rational numbers."""

    weight: sp.Rational
    slopes: Mapping[sp.Symbol, sp.Rational]
    constant: sp.Rational


def linear_square(expr: sp.Expr) -> tuple[sp.Rational, sp.Expr] | None:
    """Weight and base of `weight * base^2` where the base is a sum; None for anything else."""
    weight, rest = expr.as_coeff_Mul()
    squared = rest.is_Pow and rest.exp == 2 and rest.base.is_Add
    return (weight, rest.base) if squared and weight.is_Rational else None


def square(
    weight: sp.Rational, base: sp.Expr, slopes: Mapping[sp.Symbol, sp.Expr]
) -> Square | None:
    """The square of a sum with these slopes; None where it is no linear form with rational ones."""
    constant = base.as_coeff_Add()[0]
    linear = len(base.args) == len(slopes) + (constant != 0)
    rational = constant.is_Rational and all(slope.is_Rational for slope in slopes.values())
    return Square(weight, slopes, constant) if linear and rational else None


def gradient(squares: Sequence[Square]) -> list[tuple[sp.Symbol, sp.Expr]]:
    """The slopes of the sum that are not zero, by variable."""
    variables = list(dict.fromkeys(x for s in squares for x in s.slopes))
    place = {x: j for j, x in enumerate(variables)}
    below = math.lcm(*(int(v.q) for s in squares for v in (*s.slopes.values(), s.constant)))
    weights = math.lcm(*(int(s.weight.q) for s in squares))
    end = len(variables)
    products = [[0] * (end + 1) for _ in variables]
    for each in squares:
        terms = [(place[x], _whole(slope, below)) for x, slope in each.slopes.items()]
        terms.append((end, _whole(each.constant, below)))
        terms.sort()
        weight = 2 * _whole(each.weight, weights)
        for start, (j, slope) in enumerate(terms[:-1]):
            row, factor = products[j], weight * slope
            for k, other in terms[start:]:
                row[k] += factor * other
    scale = weights * below * below
    found = []
    for j, x in enumerate(variables):
        row = [*(products[k][j] for k in range(j)), *products[j][j:]]
        terms_ = [sp.Rational(v, scale) * y for v, y in zip(row, variables, strict=False) if v]
        slope = sp.Add(*terms_, sp.Rational(row[end], scale))
        if slope != 0:
            found.append((x, slope))
    return found


def _whole(value: sp.Rational, denominator: int) -> int:
    return int(value.p) * (denominator // int(value.q))
