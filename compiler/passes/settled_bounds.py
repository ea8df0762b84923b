"""A bound that moves during training is its last value where a solver takes the whole problem.

x <= ramp(3, 1)     ->   x <= 1
"""

from __future__ import annotations

from cspec.compiler.expressions.rewrite import function_name, last_of_ramp, rewrite
from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.tree.nodes import Expr, walk


def settled_bounds(problem: Problem) -> Problem:
    """The problem with the last value in place of every `ramp`; itself where there is none."""
    if not any(_ramps(c) for c in problem.constraints):
        return problem
    return problem.model_copy(update={"constraints": tuple(map(_settled, problem.constraints))})


def _ramps(c: Constraint) -> bool:
    sides = (c.value, c.bound, *c.parts, *(c.gradient_parts or ()))
    return any(function_name(n) == "ramp" for s in sides for n in walk(s) if isinstance(n, Expr))


def _settled(c: Constraint) -> Constraint:
    gradient = c.gradient_parts
    return c.model_copy(
        update={
            "value": rewrite(c.value, last_of_ramp),
            "bound": rewrite(c.bound, last_of_ramp),
            "parts": tuple(rewrite(part, last_of_ramp) for part in c.parts),
            "gradient_parts": gradient and tuple(rewrite(part, last_of_ramp) for part in gradient),
        }
    )
