"""Apply one function to every expression of a problem."""

from collections.abc import Callable
from operator import is_

from cspec.compiler.expressions.rewrite import map_binder
from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.tree.nodes import Expr

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


def map_constraints(problem: Problem, change: Callable[[Constraint], Constraint]) -> Problem:
    """The problem with `change` applied to each of its constraints."""
    return problem.with_constraints(map(change, problem.constraints))


def map_constraint(constraint: Constraint, change: Rewriter) -> Constraint:
    """One constraint with `change` applied to its expressions; the same one if none changed."""
    update: dict[str, object] = {
        "value": change(constraint.value),
        "bound": change(constraint.bound),
        "parts": _changed(constraint.parts, change),
    }
    if constraint.binders:
        update["binders"] = tuple(map_binder(binder, change) for binder in constraint.binders)
    if constraint.event is not None:
        update["event"] = change(constraint.event)
        update["cases"] = tuple((words, change(where)) for words, where in constraint.cases)
    if constraint.gradient_parts is not None:
        update["gradient_parts"] = _changed(constraint.gradient_parts, change)
    if constraint.surrogate is not None:
        update["surrogate"] = change(constraint.surrogate)
    if constraint.set is not None and constraint.set.subject is not None:
        subject = change(constraint.set.subject)
        if subject is not constraint.set.subject:
            update["set"] = constraint.set.model_copy(update={"subject": subject})
    values = constraint.__dict__
    news = {name: value for name, value in update.items() if value is not values[name]}
    return constraint.model_copy(update=news) if news else constraint


def _changed(parts: tuple[Expr, ...], change: Rewriter) -> tuple[Expr, ...]:
    """Each part changed; the same tuple if none did."""
    found = tuple([change(part) for part in parts])
    return parts if all(map(is_, found, parts)) else found
