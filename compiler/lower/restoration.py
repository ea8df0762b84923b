"""Which runs end in a restoration, or in a solver: those that leave their steps to the problem."""

from __future__ import annotations

from cspec.compiler.methods.projection import projects
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.graph import Kind, Operation, UpdateGraph
from cspec.compiler.records.lowered import Lowered
from cspec.dsl.settings.fit import FitSettings

STEPS = 30
"""Newton steps, at most: a violation that can be taken away is, within a few."""
LEAST_STEPS = 30
"""A run of fewer steps is no training, and is left where its last step was."""


def is_restored(lowered: Lowered) -> bool:
    """Whether minimum-norm Newton steps on whole data follow the last step.

    A method whose penalty or dual step is given acts as written, to the last line.
    """
    measured = lowered.operations(Kind.UNITS)
    if any(rule.total_steps >= LEAST_STEPS for rule in lowered.examples):
        return True
    return any(rule.rule.total_steps >= LEAST_STEPS for _, rule in measured)


def restoration(lowered: Lowered) -> tuple[Operation, ...]:
    """What follows the last step."""
    step = "x <- x + d on whole data, min |d|^2 s.t. J d <= -g, g what is violated or was"
    meaning = f"{step}, {STEPS} steps at most"
    found = [_at_the_end("restore", meaning)] if is_restored(lowered) else []
    if is_exchanged(lowered):
        nearest = "x_j <- argmax g near x_i: points go where it is broken between them, and again"
        found.append(_at_the_end("exchanged", nearest))
    if settles_offsets(lowered):
        moved = "b <- b + s, the offsets of outputs where the true objective is best"
        found.append(_at_the_end("settle_offsets", moved))
    return tuple(found)


def is_exchanged(lowered: Lowered) -> bool:
    """Whether inequalities that are restored may be broken between the points of a box."""
    return is_restored(lowered) and any(rule.boxed for rule in lowered.examples)


def settles_offsets(lowered: Lowered) -> bool:
    """Whether the offsets of outputs are settled at the end: of what minimizes a count."""
    return lowered.problem.objective_gradient is not None and is_restored(lowered)


def _at_the_end(name: str, meaning: str) -> Operation:
    return Operation(kind=Kind.RESTORE, name=name, often="after the last step", meaning=meaning)


def is_polished(lowered: Lowered, facts: Facts, written: FitSettings) -> bool:
    """Whether the end of the run may be the start of a solver (`runtime.finish.polish`).

    Nobody gave an optimizer, a schedule or a length; every requirement is a function whose method
    is open, or a set (one that functions state, as the run will see).
    """
    given = any(written.given(n) for n in ("optimizer", "schedule", "steps", "epochs", "augment"))
    problem = lowered.problem
    open_ = len(lowered.operations(Kind.UNITS)) == len(lowered.rules)
    sets = all(projects(action) for action in lowered.actions)
    plain = (
        not lowered.soft and not lowered.outputs and not problem.lifted and not lowered.thresholds
    )
    gated = any(model.gated for model in facts.models.values())
    known = bool(facts.data) and facts.own_loop is None and problem.solver is None
    return known and not (given or gated) and open_ and sets and plain


def with_polish(graph: UpdateGraph) -> UpdateGraph:
    """The graph of a run that may be polished."""
    meaning = "up to 300 parameters: SLSQP on whole data from where the steps ended"
    last = graph.of(Kind.RESTORE)
    before = (op for op in graph.operations if op.kind is not Kind.RESTORE)
    operations = (*before, _at_the_end("polish", meaning), *last)
    return graph.model_copy(update={"operations": operations})
