"""Bounds that training and solvers see: some way inside where they are certified, else settled.

    dp: gap(P[pred == 1 | sex]) <= 0.05     ->     .. <= 0.05 - 0.018, judged by 0.05
    x <= ramp(3, 1)                         ->     x <= 1

The bound as written stays what verdicts, certificates and reports are about. One that moves during
training is its last value where a solver takes the whole problem.
"""

from collections.abc import Mapping

from cspec.compiler.expressions.rewrite import function_name, last_of_ramp, rewrite
from cspec.compiler.passes.canonical import with_parts
from cspec.compiler.records.certificate import Margin
from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.settings.methods import Method
from cspec.dsl.tree.constants import Values
from cspec.dsl.tree.nodes import Expr, Number, Sum, walk


def tighten(
    problem: Problem, margins: Mapping[str, Margin], params: Values, method: Method
) -> Problem:
    """The problem with margins taken from the bounds of what they name."""

    def tightened(c: Constraint) -> Constraint:
        margin = margins[c.full_label].amount if c.full_label in margins else 0.0
        if not margin:
            return c
        operator = "-" if c.relation == "<=" else "+"
        number = Number(text=f"{margin:g}", value=margin)
        bound = Sum(operands=(c.bound, number), operators=(operator,), span=c.bound.span)
        update = {"bound": bound, "bound_written": c.bound, "margin": margin}
        return with_parts(c.model_copy(update=update), problem.objective_sign, params, method)

    return problem.with_constraints(map(tightened, problem.constraints))


def settled_bounds(problem: Problem) -> Problem:
    """The problem with the last value in place of every `ramp`; itself where there is none."""
    if not any(_ramps(c) for c in problem.constraints):
        return problem
    return problem.with_constraints(map(_settled, problem.constraints))


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
