"""Apply one function to every expression of a problem."""

from __future__ import annotations

from collections.abc import Callable

from cspec.compiler.ir import Constraint, Problem
from cspec.dsl.nodes import Binder, Expr

Rewriter = Callable[[Expr], Expr]


def map_expressions(problem: Problem, change: Rewriter) -> Problem:
    """The problem with `change` applied to its objective, constraints and metrics."""
    return problem.model_copy(
        update={
            "objective": change(problem.objective),
            "constraints": tuple(map_constraint(c, change) for c in problem.constraints),
            "metrics": tuple((name, change(value)) for name, value in problem.metrics),
        }
    )


def map_constraint(constraint: Constraint, change: Rewriter) -> Constraint:
    """One constraint with `change` applied to its expressions."""
    update: dict[str, object] = {
        "value": change(constraint.value),
        "bound": change(constraint.bound),
        "parts": tuple(change(part) for part in constraint.parts),
        "binders": tuple(map_binder(binder, change) for binder in constraint.binders),
    }
    if constraint.event is not None:
        update["event"] = change(constraint.event)
        update["cases"] = tuple((words, change(where)) for words, where in constraint.cases)
    if constraint.gradient_parts is not None:
        update["gradient_parts"] = tuple(change(part) for part in constraint.gradient_parts)
    if constraint.surrogate is not None:
        update["surrogate"] = change(constraint.surrogate)
    if constraint.set is not None and constraint.set.subject is not None:
        subject = change(constraint.set.subject)
        update["set"] = constraint.set.model_copy(update={"subject": subject})
    return constraint.model_copy(update=update)


def map_binder(binder: Binder, change: Rewriter) -> Binder:
    """A quantifier with `change` applied to its set and condition."""
    condition = None if binder.condition is None else change(binder.condition)
    return binder.model_copy(update={"domain": change(binder.domain), "condition": condition})
