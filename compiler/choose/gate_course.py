"""How a size on gates comes to its bound: along a ramp; then gates are decided, the rest trains.

    bound(t) = full size + (bound - full size) min(t / 40%, 1)          t the share of the run
    once the size is at its bound, or at 80%: the most open gates are 1, as many as the bound
    allows; the others are 0

A multiplier that finds a distance of half the weights at its first step grows until it shuts gates
in droves, and what is shut has no gradient to come back by: densities ended at 55% to 90% of their
bounds. Along the ramp the multiplier follows a bound that is always near, and the decision ends
the fall where the bound is. A bound that moves, a given `dual` or `penalty` and other methods act
as written.
"""

from __future__ import annotations

from cspec.compiler.choose.strategy import ChoiceContext, gated_size
from cspec.compiler.expressions.rewrite import call, number, same
from cspec.compiler.methods.gate_decisions import RAMP
from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.settings.methods import AugmentedLagrangian, Auto, Lagrangian
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import Expr, Keyword, Sum


def gate_courses(problem: Problem, context: ChoiceContext, steps: int) -> Problem:
    """The problem with a course for each size on gates whose method is open; `steps` of the run."""
    loop = None if context.facts is None else context.facts.own_loop
    if loop is not None and not loop.steps:
        return problem  # nobody knows where its end is
    constraints = tuple(_course(c, context, steps) for c in problem.constraints)
    return problem.model_copy(update={"constraints": constraints})


def _course(c: Constraint, context: ChoiceContext, steps: int) -> Constraint:
    full = gated_size(c, context) if c.relation == "<=" and c.soft is None else None
    bound = value_or_none(c.bound, context.params)
    if full is None or bound is None or not _open(c, context):
        return c
    update: dict[str, object] = {"decides": c.parts}
    if bound < full:
        length = max(1, round(RAMP * steps))
        update["parts"] = tuple(_along(part, c.bound, full, length) for part in c.parts)
        seen = c.gradient_parts
        update["gradient_parts"] = seen and tuple(_along(p, c.bound, full, length) for p in seen)
    return c.model_copy(update=update)


def _open(c: Constraint, context: ChoiceContext) -> bool:
    """Whether nobody says how the multiplier of a size moves."""
    method = context.method if c.method is None or isinstance(c.method, Auto) else c.method
    match method:
        case Auto():
            return True
        case Lagrangian():
            return not method.given("dual")
        case AugmentedLagrangian():
            return not method.given("penalty")
    return False


def _along(part: Expr, bound: Expr, full: float, steps: int) -> Expr:
    """`value - ramp(full, bound, steps=N)` of `value - bound`."""
    match part:
        case Sum(operands=(value, last), operators=("-",)) if same(last, bound):
            keyword = Keyword(name="steps", value=number(steps))
            ramp = call("ramp", number(full), bound).model_copy(update={"keywords": (keyword,)})
            return part.model_copy(update={"operands": (value, ramp)})
    return part
