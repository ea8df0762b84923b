"""Shapes of expressions over parameters of models and decision variables."""

from __future__ import annotations

from collections.abc import Mapping

from cspec.compiler.expressions.vectors import Constants
from cspec.compiler.records.problem import ParameterRef
from cspec.dsl.tree.constants import Values
from cspec.dsl.tree.nodes import Expr, Name
from cspec.dsl.values import shapes as tensor_shapes
from cspec.dsl.values.shapes import Shape


def shape_of(expr: Expr, shapes: Mapping[str, Shape], params: Values) -> Shape | None:
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
