"""Shapes of expressions over parameters of models and decision variables."""

from collections.abc import Mapping, Sequence

from cspec.compiler.expressions.vectors import Constants
from cspec.compiler.records.problem import ParameterRef
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.tree.constants import Values, is_whole, value_or_none
from cspec.dsl.tree.nodes import Expr, Index, Name, Slice, Vector
from cspec.dsl.values import shapes as tensor_shapes
from cspec.dsl.values.shapes import Piece, Shape, piece_of

Shapes = Mapping[str, Shape]
"""Shapes of decision variables, by name."""


def shape_of(expr: Expr, shapes: Shapes, params: Values) -> Shape | None:
    """The shape of an expression, () for a number; None where it is not read.

    `shapes` are those of decision variables; parameters of models carry their own.
    """

    def leaf(part: Expr) -> Shape | None:
        match part:
            case ParameterRef(shape=shape) | Constants(sizes=shape):
                return shape
            case Name(id=name) if name in shapes:
                return shapes[name]
            case Name(id=name) if name in params:
                known = params[name]
                return (len(known),) if isinstance(known, tuple) else ()
        return None

    return tensor_shapes.shape_of(expr, leaf, params)


def var_shapes(symbols: Symbols, params: Values) -> dict[str, Shape]:
    """The shape of every decision variable as the spec declares it, 0 where a size is not known."""
    return {
        name: tuple(int(value_or_none(size, params) or 0) for size in var.dimensions)
        for name, var in symbols.vars().items()
    }


def place_in(index: Expr, length: int, params: Values) -> int | None:
    """The place that an index names on an axis of some length; None where it names none."""
    place = value_or_none(index, params)
    known = place is not None and is_whole(place) and 0 <= place < length
    return int(place) if known and place is not None else None


def places_of(
    indices: Sequence[Expr], shape: Shape, params: Values
) -> tuple[int | tuple[int, int], ...] | None:
    """The index, or the ends of the slice, of each axis; None where one is none of its axis."""
    found: list[int | tuple[int, int]] = []
    for index, size in zip(indices, shape, strict=False):
        place: int | tuple[int, int] | None
        if isinstance(index, Slice):
            piece = piece_of(index, size, params)
            place = (piece.start, piece.stop) if isinstance(piece, Piece) else None
        else:
            place = place_in(index, size, params)
        if place is None:
            return None
        found.append(place)
    return tuple(found) if len(indices) <= len(shape) else None


def numbers_of(vector: Vector, params: Values) -> tuple[float, ...] | None:
    """The numbers that a vector spells out; None where an entry is no constant."""
    found = [value_or_none(item, params) for item in vector.items]
    return None if None in found else tuple(value for value in found if value is not None)


def param_entry(expr: Index, params: Values) -> float | None:
    """The number that an entry of a param is, `u[3]`; None of anything else."""
    known = params.get(expr.value.id) if isinstance(expr.value, Name) else None
    if not isinstance(known, tuple) or len(expr.indices) != 1:
        return None
    place = place_in(expr.indices[0], len(known), params)
    return None if place is None else known[place]
