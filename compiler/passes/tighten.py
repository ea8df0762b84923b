"""Keep requirements that are to be certified some way inside their bounds in training.

    dp: gap(P[pred == 1 | sex]) <= 0.05     ->     .. <= 0.05 - 0.018, judged by 0.05

The bound as written stays what verdicts, certificates and reports are about.
"""

from __future__ import annotations

from collections.abc import Mapping

from cspec.compiler.passes.canonical import with_parts
from cspec.compiler.records.certificate import Margin
from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.settings.methods import Method
from cspec.dsl.tree.constants import Values
from cspec.dsl.tree.nodes import Number, Sum


def tighten(
    problem: Problem, margins: Mapping[str, Margin], params: Values, method: Method
) -> Problem:
    """The problem with margins taken from the bounds of what they name."""
    constraints = tuple(
        _tightened(c, margins[c.full_label].amount, problem.objective_sign, params, method)
        if c.full_label in margins and margins[c.full_label].amount
        else c
        for c in problem.constraints
    )
    return problem.model_copy(update={"constraints": constraints})


def _tightened(
    c: Constraint, margin: float, sign: float, params: Values, method: Method
) -> Constraint:
    operator = "-" if c.relation == "<=" else "+"
    number = Number(text=f"{margin:g}", value=margin)
    bound = Sum(operands=(c.bound, number), operators=(operator,), span=c.bound.span)
    update = {"bound": bound, "bound_written": c.bound, "margin": margin}
    return with_parts(c.model_copy(update=update), sign, params, method)
