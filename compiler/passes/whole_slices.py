"""Slices that leave an axis whole, where nothing stands behind them: `W[0, :]` is `W[0]`."""

from __future__ import annotations

from cspec.compiler.expressions.rewrite import rewrite
from cspec.compiler.passes.mapping import map_expressions
from cspec.compiler.records.problem import Problem
from cspec.dsl.tree.nodes import Expr, Index, Slice


def whole_slices(problem: Problem) -> Problem:
    """The problem without them, so that a row is seen as one however it is written."""
    return map_expressions(problem, lambda expr: rewrite(expr, _without))


def _without(expr: Expr) -> Expr:
    if not isinstance(expr, Index):
        return expr
    indices = list(expr.indices)
    while indices and isinstance(last := indices[-1], Slice) and last.lower is last.upper is None:
        indices.pop()
    if len(indices) == len(expr.indices):
        return expr
    return expr.model_copy(update={"indices": tuple(indices)}) if indices else expr.value
