"""Degrees of expressions, and quadratic forms: gradients and Hessians in terms of their matrices.

    A @ x - b   ->   1          sumsq(A @ x - b), x @ Q @ x + c @ x   ->   2

Degrees in the decision variables are read from the trees. Of degree 1 a gradient is the same
everywhere, of degree 2 a Hessian: what is the same everywhere is found once. What is no polynomial
as it is written has no degree (infinity).

    sumsq(A @ x - b)     ->   2 * (A.T @ (A @ x - b)),   2 * (A.T @ A)
    x @ Q @ x + c @ x    ->   Q @ x + Q.T @ x + c,       Q + Q.T

A quadratic function is read as a sum of products of two affine ones, w <l, r>, with the derivatives
J of both: its gradient is the sum of w (J_l.T r + J_r.T l), its Hessian that of
w (J_l.T J_r + J_r.T J_l). Matrices stay the expressions that they are.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from cspec.compiler.algebra.shapes import shape_of
from cspec.compiler.algebra.sympy import Space
from cspec.compiler.expressions.rewrite import function_name, number, product_of, signed
from cspec.compiler.expressions.vectors import Constants, Entries, Repeated, Sized, Total
from cspec.compiler.records.problem import Problem
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import is_whole, value_or_none
from cspec.dsl.values.shapes import Shape

NONE = math.inf
"""The degree of what is no polynomial."""
_LINEAR = frozenset({"sum", "mean", "diag", "trace", "cumsum"})
"""Functions of one tensor that are linear in it."""
_QUADRATIC = frozenset({"sumsq", "variance"})


def degree(expr: nodes.Expr, space: Space) -> float:
    """The degree of an expression in all variables together: 0, 1, 2, ...; infinity for others."""

    def of(inner: nodes.Expr) -> float:
        return degree(inner, space)

    match expr:
        case nodes.Number() | Constants():
            return 0
        case nodes.Name(id=name) | Entries(name=name):
            return 1 if name in space.shapes else 0
        case nodes.Negate(operand=inner) | nodes.Attribute(value=inner, name="T"):
            return of(inner)
        case Total(body=inner) | Sized(body=inner) | Repeated(body=inner):
            return of(inner)
        case nodes.Index(value=inner, indices=indices):
            # Slices are no expressions of their own.
            places = [
                i
                for i in indices
                if isinstance(i, nodes.Number | nodes.Name | nodes.Sum | nodes.Product)
            ]
            return of(inner) if not any(map(of, places)) else NONE
        case nodes.Sum(operands=items) | nodes.Vector(items=items):
            return max(map(of, items), default=0)
        case nodes.Product():
            found = [(sign, of(operand)) for sign, operand in signed(expr)]
            divided = any(sign == "/" and below for sign, below in found)
            return NONE if divided else sum(factor for _, factor in found)
        case nodes.Power(base=base, exponent=exponent):
            return _power(of(base), value_or_none(exponent, space.params))
        case nodes.Call(arguments=arguments, keywords=()):
            return _call(function_name(expr), [of(argument) for argument in arguments])
    return NONE


def functions_in(problem: Problem) -> tuple[nodes.Expr, ...]:
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


MOST = 24
"""Products of affine functions beyond which derivatives are left to automatic differentiation."""


class NotWhole(Exception):  # noqa: N818
    """No sum of a few products of affine functions, as it is written."""


class Slope(NamedTuple):
    """scale * matrix, the derivative of an affine function by one variable of one axis."""

    scale: float
    matrix: nodes.Expr | None
    """(m, n) of a vector, (n,) of a number; None for the identity."""


class Affine(NamedTuple):
    """An affine function of some variables."""

    value: nodes.Expr
    shape: Shape
    slopes: Mapping[str, tuple[Slope, ...]]


class Term(NamedTuple):
    """weight * <left, right>; with no right, weight * left of a number."""

    weight: float
    left: Affine
    right: Affine | None


def terms_of(expr: nodes.Expr, space: Space) -> tuple[Term, ...] | None:
    """A quadratic function as a sum of products of affine ones; None where it is not read so.

    Only variables of one axis, and numbers, are read.
    """
    if any(len(shape) > 1 for shape in space.shapes.values()):
        return None
    try:
        found = _Reader(space).terms(expr, 1.0)
    except NotWhole:
        return None
    return tuple(found) if len(found) <= MOST else None


class _Reader:
    def __init__(self, space: Space) -> None:
        self._space = space

    # --- products of two affine functions ---

    def terms(self, expr: nodes.Expr, weight: float) -> list[Term]:
        """The terms of an expression that is a number."""
        if degree(expr, self._space) <= 1:
            return [Term(weight, self.affine(expr), None)]
        match expr:
            case nodes.Negate(operand=operand):
                return self.terms(operand, -weight)
            case nodes.Sum(operands=operands):
                if len(operands) > MOST:
                    raise NotWhole
                signs = ((-weight if s == "-" else weight, o) for s, o in signed(expr))
                return [term for scale, operand in signs for term in self.terms(operand, scale)]
            case nodes.Power(base=base, exponent=exponent):
                if value_or_none(exponent, self._space.params) == 2 and not self._shape(base):
                    return [self._square(base, weight)]
            case nodes.Product():
                return self._product(expr, weight)
            case nodes.Call(arguments=(inner,), keywords=()) if function_name(expr) == "sumsq":
                return [self._square(inner, weight)]
            case nodes.Call(arguments=(left, right), keywords=()) if function_name(expr) == "dot":
                return [Term(weight, self.affine(left), self.affine(right))]
        raise NotWhole

    def _square(self, base: nodes.Expr, weight: float) -> Term:
        known = self.affine(base)
        if len(known.shape) > 1:
            raise NotWhole
        return Term(weight, known, known)

    def _product(self, expr: nodes.Product, weight: float) -> list[Term]:
        if (found := self._scale(expr)) is not None:
            operator, factor, inner = found
            return self.terms(inner, weight * factor if operator == "*" else weight / factor)
        first, rest, operator = _split(expr)
        if operator == "/" or degree(first, self._space) != 1 or degree(rest, self._space) != 1:
            raise NotWhole
        left, right = self.affine(first), self.affine(rest)
        if left.shape != right.shape or len(left.shape) != (1 if operator == "@" else 0):
            raise NotWhole
        return [Term(weight, left, right)]

    def _scale(self, expr: nodes.Product) -> tuple[str, float, nodes.Expr] | None:
        """The constant at either end of a product, its operator and the rest; None without one."""
        first, rest, operator = _split(expr)
        factor = value_or_none(rest, self._space.params)
        if factor is not None and (operator == "*" or (operator == "/" and factor)):
            return operator, factor, first
        factor = value_or_none(first, self._space.params)
        return None if factor is None or operator != "*" else (operator, factor, rest)

    # --- affine functions ---

    def affine(self, expr: nodes.Expr) -> Affine:
        """An expression of degree 1 at most, with its derivatives."""
        shape = self._shape(expr)
        if len(shape) > 1 and degree(expr, self._space):
            raise NotWhole
        return Affine(expr, shape, self._slopes(expr, shape))

    def _shape(self, expr: nodes.Expr) -> Shape:
        shape = shape_of(expr, self._space.shapes, self._space.params)
        if shape is None:
            raise NotWhole
        return shape

    def _slopes(self, expr: nodes.Expr, shape: Shape) -> dict[str, tuple[Slope, ...]]:
        if not degree(expr, self._space):
            return {}
        match expr:
            case nodes.Name(id=name):
                return {name: (Slope(1.0, None if shape else _ones(1)),)}
            case nodes.Negate(operand=operand):
                return _scaled(self.affine(operand).slopes, -1.0)
            case nodes.Sum():
                return self._sum(expr, shape)
            case nodes.Product():
                return self._linear(expr)
            case nodes.Index(value=nodes.Name(id=name), indices=(index,)):
                place = value_or_none(index, self._space.params)
                if shape or place is None or not is_whole(place):
                    raise NotWhole
                unit = tuple(float(i == place) for i in range(self._space.shapes[name][0]))
                return {name: (Slope(1.0, Constants(values=unit, sizes=(len(unit),))),)}
            case nodes.Call(arguments=(left, right), keywords=()) if function_name(expr) == "dot":
                return self._slopes(product(left, right), shape)
            case nodes.Call(arguments=(inner,), keywords=()) if function_name(expr) in (
                "sum",
                "mean",
            ):
                known = self.affine(inner)
                count = known.shape[0] if known.shape else 1
                share = 1.0 if function_name(expr) == "sum" else 1.0 / count
                return _scaled(_applied(_ones(count), known.slopes), share)
        raise NotWhole

    def _sum(self, expr: nodes.Sum, shape: Shape) -> dict[str, tuple[Slope, ...]]:
        found: dict[str, tuple[Slope, ...]] = {}
        for sign, operand in signed(expr):
            part = self.affine(operand)
            if part.slopes and part.shape != shape:
                raise NotWhole
            for name, slopes in _scaled(part.slopes, -1.0 if sign == "-" else 1.0).items():
                found[name] = (*found.get(name, ()), *slopes)
        return found

    def _linear(self, expr: nodes.Product) -> dict[str, tuple[Slope, ...]]:
        if (found := self._scale(expr)) is not None:
            operator, factor, inner = found
            return _scaled(self.affine(inner).slopes, factor if operator == "*" else 1.0 / factor)
        first, rest, operator = _split(expr)
        if operator != "@" or (degree(first, self._space) and degree(rest, self._space)):
            raise NotWhole
        matrix, inner = first, rest
        if degree(first, self._space):
            matrix, inner = rest if len(self._shape(rest)) == 1 else transposed(rest), first
        known = self.affine(inner)
        if len(known.shape) != 1:
            raise NotWhole
        return _applied(matrix, known.slopes)


def _split(expr: nodes.Product) -> tuple[nodes.Expr, nodes.Expr, str]:
    """A product as that of all but its last operand, and the last one."""
    *factors, (operator, last) = signed(expr)
    return product_of(factors, expr), last, operator


def _ones(count: int) -> Constants:
    return Constants(values=(1.0,) * count, sizes=(count,))


def _scaled(slopes: Mapping[str, tuple[Slope, ...]], factor: float) -> dict[str, tuple[Slope, ...]]:
    return {
        name: tuple(s._replace(scale=factor * s.scale) for s in each)
        for name, each in slopes.items()
    }


def _applied(
    matrix: nodes.Expr, slopes: Mapping[str, tuple[Slope, ...]]
) -> dict[str, tuple[Slope, ...]]:
    """Derivatives of `matrix @ f`, from those of f."""
    return {
        name: tuple(
            s._replace(matrix=matrix if s.matrix is None else product(matrix, s.matrix))
            for s in each
        )
        for name, each in slopes.items()
    }


def product(left: nodes.Expr, right: nodes.Expr) -> nodes.Expr:
    """`left @ right`."""
    return nodes.Product(operands=(left, right), operators=("@",))


def transposed(matrix: nodes.Expr) -> nodes.Expr:
    """`matrix.T`, of what is one its inside."""
    if isinstance(matrix, nodes.Attribute) and matrix.name == "T":
        return matrix.value
    return nodes.Attribute(value=matrix, name="T")


# --- gradients -----------------------------------------------------------------------------------


def gradient_by(terms: tuple[Term, ...], name: str) -> tuple[tuple[float, nodes.Expr], ...]:
    """The gradient by one variable: (factor, vector) of each of its parts."""
    found: list[tuple[float, nodes.Expr]] = []
    for weight, one, other in _pairs(terms):
        found += _pulled(weight, one, other or Affine(number(1), (), {}), name)
    return tuple(found)


def _pairs(terms: tuple[Term, ...]) -> Iterator[Term]:
    """Each product with either factor first, a square once with twice its weight."""
    for weight, left, right in terms:
        if right is left:
            yield Term(2 * weight, left, left)
        else:
            yield Term(weight, left, right)
            if right is not None:
                yield Term(weight, right, left)


def _pulled(
    weight: float, sloped: Affine, other: Affine, name: str
) -> list[tuple[float, nodes.Expr]]:
    """weight * J.T other, J the derivative of `sloped` by the variable."""
    found = []
    for scale, matrix in sloped.slopes.get(name, ()):
        if matrix is None:
            vector = other.value
        elif sloped.shape:
            vector = _pulled_back(matrix, other.value)
        elif isinstance(other.value, nodes.Expr) and not other.slopes and other.value == number(1):
            vector = matrix
        else:
            vector = nodes.Product(operands=(matrix, other.value), operators=("*",))
        found.append((weight * scale, vector))
    return found


def _pulled_back(matrix: nodes.Expr, vector: nodes.Expr) -> nodes.Expr:
    """`matrix.T @ vector`; of a product of matrices one after the other, never their product."""
    if isinstance(matrix, nodes.Product) and set(matrix.operators) == {"@"}:
        for operand in matrix.operands:
            vector = _pulled_back(operand, vector)
        return vector
    return product(transposed(matrix), vector)


# --- Hessians ------------------------------------------------------------------------------------


class Block(NamedTuple):
    """factor * left.T right, of numbers the outer product; None for the identity."""

    factor: float
    left: nodes.Expr | None
    right: nodes.Expr | None
    outer: bool


def hessian_by(terms: tuple[Term, ...], rows: str, columns: str) -> tuple[Block, ...]:
    """The second derivatives by two variables, or by one twice."""
    return tuple(
        Block(weight * a.scale * b.scale, a.matrix, b.matrix, not one.shape)
        for weight, one, other in _pairs(terms)
        if other is not None
        for a in one.slopes.get(rows, ())
        for b in other.slopes.get(columns, ())
    )
