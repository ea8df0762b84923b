"""Whether the line of the only number that moves is searched: `bisection`.

`using bisection` asks for it; `auto` takes it where a rate is required of one number and data. A
rate is a step in it: its surrogate is flat far from the data, where the objective pulls the number
away for ever.
"""

from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.settings.methods import Auto, Bisection, Method
from cspec.dsl.tree.nodes import Expectation, walk

REASON = (
    "one number moves: its line is measured at every value of the data, and the border of what is "
    "feasible is bisected, with the true rate and without gradients"
)
REJECTED = (
    "augmented_lagrangian: a rate's surrogate is flat far from the data, where the objective pulls "
    "the number away for ever",
    "threshold: it shifts a classifier's score, and there is no classifier",
)


def solved_by_bisection(problem: Problem, method: Method, line: bool) -> Problem | None:
    """The problem with its line searched; None where it is not.

    `line`: whether the only thing that moves is one number.

    Raises:
        SpecError: `bisection` asked for where more moves.
    """
    asked = isinstance(method, Bisection) or any(
        isinstance(c.method, Bisection) for c in problem.constraints
    )
    own = [c for c in problem.constraints if not _free(c)]
    if asked and (not line or own):
        raise _refusal(problem, own).error()
    if not asked and (own or not line or not isinstance(method, Auto)):
        return None
    if not asked and not any(is_rate(c) for c in problem.constraints):
        return None
    reason = "as written: `bisection`" if asked else REASON
    settings = Bisection()
    update = {"method": settings, "reason": reason, "rejected": () if asked else REJECTED}
    constraints = tuple(c.model_copy(update=update) for c in problem.constraints)
    return problem.model_copy(update={"constraints": constraints, "solver": settings})


def _free(c: Constraint) -> bool:
    """Whether a constraint names no other method and can be measured as functions."""
    mine = c.method is None or isinstance(c.method, Auto | Bisection)
    return mine and not c.construction and c.soft is None and c.relation != "in"


def is_rate(c: Constraint) -> bool:
    """Whether a surrogate stands in for events (not for a density)."""
    return c.gradient_parts is not None and any(
        isinstance(node, Expectation) for part in c.parts for node in walk(part)
    )


def _refusal(problem: Problem, own: list[Constraint]) -> Diagnostic:
    if own:
        message = f"`{own[0].label}` and `bisection` don't go together: it searches by itself"
        helps = ("leave its `by ...` out, or use another method for all",)
        return Diagnostic(code="CS521", message=message, span=own[0].span, helps=helps)
    span = problem.constraints[0].span if problem.constraints else problem.objective.span
    return Diagnostic(
        code="CS521",
        message="`bisection` can't solve this problem: more than one number moves",
        span=span,
        notes=("it searches the line of a single `var` without dimensions, and no model",),
        helps=("use `augmented_lagrangian`, or leave the method to cspec",),
    )
