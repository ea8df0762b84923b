"""Sparse gradients of sympy expressions, each part differentiated once.

    x*y + sin(x*y)     ->   {x: y + y cos(x y), y: x + x cos(x y)}

Forward accumulation over the expression as a graph: a part that occurs again is looked up, a term
is differentiated only by the symbols in it, so a sum of n terms in a few variables each costs n
steps, where one call of `diff` a variable looks at every term every time. Sums, products, powers
and functions are put together as `diff` puts them together: what is found is what `diff` finds.

    sum_i c_i (<a_i, x> + b_i)^2     ->     2 sum_i c_i a_i (<a_i, x> + b_i)

n squares of linear forms in n variables have a gradient of n^2 terms; multiplied out form by form
they are n^3 products of expressions. Their coefficients are put together as exact whole numbers
instead, over one common denominator: what is found is what multiplying out finds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import sympy as sp

Slopes = Mapping[sp.Symbol, sp.Expr]

_NOTHING: Slopes = {}


class Differentiator:
    """Gradients with respect to some symbols; `count` hears how many partial slopes are made."""

    def __init__(
        self, variables: Collection[sp.Symbol], count: Callable[[int], None] = lambda _: None
    ) -> None:
        self._variables = frozenset(variables)
        self._count = count
        self._known: dict[sp.Expr, Slopes] = {}
        self._counted: set[sp.Expr] = set()

    def slopes(self, expr: sp.Expr) -> Slopes:
        """The derivatives that are not zero, by variable."""
        if expr in self._variables:
            return {expr: sp.S.One}
        if not expr.args:
            return _NOTHING
        known = self._known.get(expr)
        if known is None:
            known = self._known[expr] = self._made(expr)
            if expr not in self._counted:
                self._count(1 + len(known))
        return known

    def _made(self, expr: sp.Expr) -> Slopes:
        if expr.is_Add:
            return self._of_terms(expr.args)
        inner = [self.slopes(part) for part in expr.args]
        if not any(inner):
            return _NOTHING
        if expr.is_Mul:
            return _sum(
                [
                    (x, sp.Mul(*expr.args[:place], slope, *expr.args[place + 1 :]))
                    for place, part in enumerate(inner)
                    for x, slope in part.items()
                ]
            )
        if expr.is_Pow:
            return _power(expr, *inner)
        if len(expr.args) == 1:
            outer = expr.fdiff(1)
            return _sum([(x, outer * slope) for x, slope in inner[0].items()])
        places = {x for part in inner for x in part}
        return _sum([(x, sp.diff(expr, x)) for x in sorted(places, key=str)])

    def _of_terms(self, terms: Sequence[sp.Expr]) -> Slopes:
        """The slopes of a sum; squares of linear forms are put together by their coefficients."""
        squares: list[Square] = []
        slopes: list[tuple[sp.Symbol, sp.Expr]] = []
        for term in terms:
            seen = self._square(term)
            if seen is None:
                slopes += self.slopes(term).items()
            else:
                squares.append(seen)
        return _sum([*slopes, *gradient(squares)] if squares else slopes)

    def _square(self, term: sp.Expr) -> Square | None:
        """A term as the square of a linear form; it counts as if its slopes were made."""
        found = linear_square(term)
        if found is None:
            return None
        weight, base = found
        slopes = self.slopes(base)
        seen = square(weight, base, slopes)
        if seen is not None:
            for part in dict.fromkeys((base**2, term)):
                if part not in self._counted and part not in self._known:
                    self._counted.add(part)
                    self._count(1 + len(slopes))
        return seen


def _sum(parts: list[tuple[sp.Symbol, sp.Expr]]) -> Slopes:
    """Slopes of one symbol added up; those that cancel are left out."""
    terms: dict[sp.Symbol, list[sp.Expr]] = {}
    for x, slope in parts:
        terms.setdefault(x, []).append(slope)
    added = {x: sp.Add(*slopes) for x, slopes in terms.items()}
    return {x: slope for x, slope in added.items() if slope != 0}


def _power(expr: sp.Expr, base: Slopes, exponent: Slopes) -> Slopes:
    """b^e: b^e (e' log b + b' e / b)."""
    found = {}
    for x in dict.fromkeys((*base, *exponent)):
        grown = exponent.get(x, sp.S.Zero) * sp.log(expr.base) if x in exponent else sp.S.Zero
        found[x] = expr * (grown + base.get(x, sp.S.Zero) * expr.exp / expr.base)
    return {x: slope for x, slope in found.items() if slope != 0}


# --- Squares of linear forms ----------------------------------------------------------------------


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
