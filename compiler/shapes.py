"""Shapes of expressions over parameters and decision variables, read from their trees."""

from __future__ import annotations

import math
from collections.abc import Mapping

from cspec.compiler.ir import ParameterRef
from cspec.compiler.rewrite import function_name
from cspec.compiler.structure import ENTRYWISE
from cspec.dsl.constants import CONSTANTS, Values, value_or_none
from cspec.dsl.nodes import (
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

Shape = tuple[int, ...]

ONE_NUMBER = frozenset(
    {"norm", "l1", "l2", "sumsq", "sum", "spectral", "nuclear", "gap", "ratio", "mean"}
)
"""Functions that make one number of a tensor; `max` and `min` do so of one argument."""


def shape_of(expr: Expr, shapes: Mapping[str, Shape], params: Values) -> Shape | None:
    """The shape of an expression, () for a number; None where it is not read here.

    Weights of more than two dimensions are (outputs, rest) inside products and transposes, as
    `.T` and `@` read them. `shapes` are those of decision variables.
    """

    def of(inner: Expr) -> Shape | None:
        return shape_of(inner, shapes, params)

    match expr:
        case Number():
            return ()
        case ParameterRef(shape=shape):
            return shape
        case Name(id=name):
            return _named(name, shapes, params)
        case Negate(operand=operand) | Power(base=operand):
            return of(operand)
        case Attribute(value=value, name="T"):
            inner = of(value)
            return None if inner is None else as_matrix(inner)[::-1]
        case Sum(operands=operands):
            return _together([of(operand) for operand in operands])
        case Product(operands=operands, operators=operators):
            total = of(operands[0])
            for operator, operand in zip(operators, operands[1:], strict=True):
                factor = of(operand)
                total = matmul(total, factor) if operator == "@" else _together([total, factor])
            return total
        case Vector(items=items):
            inner = _together([of(item) for item in items])
            return None if inner is None else (len(items), *inner)
        case Index(value=value, indices=indices):
            inner = of(value)
            numbers = all(value_or_none(index, params) is not None for index in indices)
            fits = inner is not None and len(indices) <= len(inner) and numbers
            return inner[len(indices) :] if inner is not None and fits else None
        case Call(arguments=arguments):
            return _called(expr, [of(argument) for argument in arguments], params)
    return None


def as_matrix(shape: Shape) -> Shape:
    """(outputs, rest) of a weight of more than two dimensions; others as they are."""
    return (shape[0], math.prod(shape[1:])) if len(shape) > 2 else shape


def matmul(left: Shape | None, right: Shape | None) -> Shape | None:
    """The shape of `left @ right`; None where one is unknown or they do not go together."""
    if not left or not right:
        return None
    left, right = as_matrix(left), as_matrix(right)
    if left[-1] != right[0]:
        return None
    return (*left[:-1], *right[1:])


def _named(name: str, shapes: Mapping[str, Shape], params: Values) -> Shape | None:
    if name in shapes:
        return shapes[name]
    if name in params:
        known = params[name]
        return (len(known),) if isinstance(known, tuple) else ()
    return () if name in CONSTANTS else None


def _called(expr: Call, arguments: list[Shape | None], params: Values) -> Shape | None:
    name = function_name(expr)
    if name == "eye":
        size = value_or_none(expr.arguments[0], params) if expr.arguments else None
        return None if size is None else (int(size), int(size))
    if name in ("max", "min", "pow"):
        return () if len(arguments) == 1 else _together(arguments)
    if name in ENTRYWISE and len(arguments) == 1:
        return arguments[0]
    return () if name in ONE_NUMBER and not expr.keywords else None


def _together(found: list[Shape | None]) -> Shape | None:
    """The shape of operands entry by entry, as torch broadcasts them."""
    known = [shape for shape in found if shape is not None]
    if len(known) < len(found):
        return None
    width = max(map(len, known), default=0)
    aligned = [(1,) * (width - len(shape)) + shape for shape in known]
    sizes = [{size for size in column if size != 1} for column in zip(*aligned, strict=True)]
    if any(len(column) > 1 for column in sizes):
        return None
    return tuple(column.pop() if column else 1 for column in sizes)
