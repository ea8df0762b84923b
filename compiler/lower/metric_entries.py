"""What the numbers of a metric are called: `m[Female]` by group, `m[0]` by place, `cv[dp]`.

P[pred == 1 | sex]     m[Female], m[Male]
W[0]                   m[0], m[1], m[2]
violations             m[dp], m[eo.tpr]
"""

from __future__ import annotations

from itertools import product
from math import prod

from cspec.compiler.axes.inference import Inference
from cspec.compiler.records.problem import Problem, Violations
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.tree.nodes import Expectation, Expr, walk

MOST = 100
"""Places of a tensor that are recorded; of groups and requirements all are."""


def metric_entries(problem: Problem, inference: Inference) -> dict[str, tuple[str, ...]]:
    """Names of the numbers of each metric that is several, in order; empty where not known yet.

    Raises:
        SpecError: CS307, a tensor of too many numbers to be recorded one by one.
    """
    found: dict[str, tuple[str, ...]] = {}
    wrong: list[Diagnostic] = []
    for name, value in problem.metrics:
        names = _names(value, inference)
        if names is None:
            continue
        found[name] = names
        told_apart = isinstance(value, Violations) or inference.axes(value).groups
        if len(names) > MOST and not told_apart:
            wrong.append(_too_many(name, value, len(names)))
    if wrong:
        raise SpecError(wrong)
    return found


def _names(value: Expr, inference: Inference) -> tuple[str, ...] | None:
    """None of a single number, and of what is not known to have several."""
    if isinstance(value, Violations):
        return None if value.largest else tuple(label for label, _ in value.labels)
    axes = inference.axes(value)
    if axes.each is not None or not axes.shape:
        return None
    if axes.groups:
        return _groups(value, inference)
    if prod(axes.shape) > MOST:
        return ("",) * prod(axes.shape)
    return tuple(", ".join(map(str, place)) for place in product(*map(range, axes.shape)))


def _groups(value: Expr, inference: Inference) -> tuple[str, ...] | None:
    """The groups of the means that an expression is made of; arithmetic keeps their order."""
    for node in walk(value):
        if isinstance(node, Expectation) and node.dataset is not None:
            found = inference.grouping(node)
            if found.columns:
                return tuple(group.text for group in found.groups)
    return None


def _too_many(name: str, value: Expr, count: int) -> Diagnostic:
    return Diagnostic(
        code="CS307",
        message=f"metric `{name}` is {count:,} numbers",
        span=value.span,
        label="which of them, or what of them all?",
        notes=(f"at most {MOST} numbers of a metric are recorded one by one",),
        helps=("write one entry, or one number of them all: `max(...)`, `norm(..., 2)`",),
    )
