"""`gap` and `ratio` of decision variables: max(v) - min(v), and min(v) / max(v).

Between groups, whose number is known when data are bound, they stay words. Of vectors of variables
they are what solvers, the epigraph form and slopes know.
"""

from __future__ import annotations

from collections.abc import Mapping

from cspec.compiler.algebra.shapes import shape_of
from cspec.compiler.expressions.rewrite import call, function_name, rewrite
from cspec.compiler.passes.mapping import map_expressions
from cspec.compiler.records.problem import Problem
from cspec.dsl.tree.constants import Values
from cspec.dsl.tree.nodes import Call, Expr, Product, Sum
from cspec.dsl.values.shapes import Shape

WORDS = ("gap", "ratio")


def spread(problem: Problem, shapes: Mapping[str, Shape], params: Values) -> Problem:
    """The problem with both words spelled out. `shapes` are those of decision variables.

    gap(x) <= 1    ->    max(x) - min(x) <= 1
    """

    def spelled(expr: Expr) -> Expr:
        if not isinstance(expr, Call) or function_name(expr) not in WORDS:
            return expr
        (vector,) = expr.arguments
        if not shape_of(vector, shapes, params):
            return expr
        ends = call("max", vector), call("min", vector)
        if function_name(expr) == "gap":
            return Sum(operands=ends, operators=("-",), span=expr.span)
        return Product(operands=ends[::-1], operators=("/",), span=expr.span)

    return map_expressions(problem, lambda expr: rewrite(expr, spelled)) if shapes else problem
