"""All that does not fit in a problem whose data and models are bound."""

from __future__ import annotations

from collections.abc import Iterator

from cspec.compiler.axes.inference import Inference
from cspec.compiler.records.problem import Constraint, PerExample, Problem
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.tree.nodes import Expr


def infer(problem: Problem, inference: Inference) -> None:
    """Read every expression of a problem once; findings stay with the inference."""
    objective = inference.axes(problem.objective)
    if objective.groups and objective.shape:
        inference.findings.by_group(problem.objective, "an objective is one number")
    many = objective.known and objective.each is None and objective.shape
    if many and problem.objective_text and not objective.groups:
        inference.findings.which_output(problem.objective, objective)
    for c in problem.constraints:
        for side in (c.value, c.bound):
            if c.relation != "in" and inference.axes(side).groups and inference.axes(side).shape:
                inference.findings.by_group(side, "a constraint compares one number")
        for expr in _expressions(c):
            inference.axes(expr)
    for _, value in problem.metrics:
        inference.axes(value)


def check_axes(problem: Problem, inference: Inference) -> None:
    """Raise SpecError with everything that does not fit, in source order."""
    infer(problem, inference)
    found = inference.findings.all
    if found:
        raise SpecError(sorted(found, key=lambda d: d.span))


def _expressions(c: Constraint) -> Iterator[Expr]:
    yield c.value
    if c.relation != "in":
        yield c.bound
    yield from c.parts
    if c.surrogate is not None and not isinstance(c.value, PerExample):
        yield c.surrogate
