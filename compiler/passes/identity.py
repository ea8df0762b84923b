"""Bare `eye` beside a product of known size: W.T @ W == eye   ->   W.T @ W == eye(columns of W)."""

from __future__ import annotations

from collections.abc import Mapping

from cspec.compiler.ir import Constraint, ParameterRef, Problem
from cspec.compiler.passes.mapping import map_constraint
from cspec.compiler.rewrite import call, rewrite
from cspec.dsl.nodes import Attribute, Call, Expr, Name, Number, Product

Shapes = Mapping[str, tuple[int, ...]]


def sized_identity(problem: Problem, shapes: Shapes) -> Problem:
    """The problem with the size of every bare `eye` that a product in the same constraint tells.

    `shapes` are those of decision variables; parameters of models carry their own.
    """
    constraints = tuple(_sized(c, shapes) for c in problem.constraints)
    return problem.model_copy(update={"constraints": constraints})


def _sized(c: Constraint, shapes: Shapes) -> Constraint:
    names = {side.id for side in (c.value, c.bound) if isinstance(side, Name)}
    size = _order(c.value, shapes) or _order(c.bound, shapes)
    if "eye" not in names or size is None:
        return c
    sized = call("eye", Number(text=str(size), value=float(size)))

    def step(expr: Expr) -> Expr:
        if isinstance(expr, Name) and expr.id == "eye":
            return sized.model_copy(update={"span": expr.span})
        if isinstance(expr, Call) and isinstance(expr.function, Call):
            # The name of a call `eye(3)` was taken for a bare one.
            return expr.model_copy(update={"function": expr.function.function})
        return expr

    return map_constraint(c, lambda expr: rewrite(expr, step))


def _order(expr: Expr, shapes: Shapes) -> int | None:
    """Rows of a square product `left @ right`, from the columns of its last factor."""
    if not isinstance(expr, Product) or expr.operators[-1] != "@":
        return None
    shape = _shape(expr.operands[-1], shapes)
    return shape[1] if shape is not None and len(shape) == 2 else None


def _shape(expr: Expr, shapes: Shapes) -> tuple[int, ...] | None:
    match expr:
        case ParameterRef(shape=shape):
            return shape
        case Name(id=name):
            return shapes.get(name)
        case Attribute(value=value, name="T"):
            inner = _shape(value, shapes)
            return None if inner is None else inner[::-1]
    return None
