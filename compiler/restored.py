"""Which runs end in a restoration, or in a solver: those that leave their steps to the problem."""

from __future__ import annotations

from cspec.compiler.facts import Facts
from cspec.compiler.graph import Kind, Operation, UpdateGraph
from cspec.compiler.lower import Lowered
from cspec.dsl.settings.fit import FitSettings
from cspec.dsl.settings.methods import Projection

LEAST_STEPS = 30
"""A run of fewer steps is no training, and is left where its last step was."""


def is_restored(lowered: Lowered) -> bool:
    """Whether minimum-norm Newton steps on whole data follow the last step.

    A method whose penalty or dual step is given acts as written, to the last line.
    """
    return any(
        operation.kind is Kind.UNITS and rule.rule.total_steps >= LEAST_STEPS
        for rule in lowered.rules
        for operation in rule.fragment.operations
    )


def is_polished(lowered: Lowered, facts: Facts, written: FitSettings) -> bool:
    """Whether the end of the run may be the start of a solver (`runtime.polish`).

    Nobody gave an optimizer, a schedule or a length; nothing is flat, so no surrogate stands in;
    every requirement is a function whose method is open, or a set (a box, as the run will see).
    """
    given = any(written.given(n) for n in ("optimizer", "schedule", "steps", "epochs", "augment"))
    problem = lowered.problem
    flat = problem.objective_gradient is not None or any(
        c.gradient_parts is not None for c in problem.constraints
    )
    open_ = all(_open(rule.fragment.operations) for rule in lowered.rules)
    sets = all(isinstance(action.settings, Projection) for action in lowered.actions)
    plain = not lowered.soft and not lowered.outputs and not lowered.thresholds
    gated = any(model.gated for model in facts.models.values())
    known = bool(facts.data) and facts.own_loop is None and problem.solver is None
    return known and not (given or flat or gated) and open_ and sets and plain


def _open(operations: tuple[Operation, ...]) -> bool:
    return any(operation.kind is Kind.UNITS for operation in operations)


def with_polish(graph: UpdateGraph) -> UpdateGraph:
    """The graph of a run that may be polished."""
    meaning = "up to 300 parameters: SLSQP on whole data from where the steps ended"
    polish = Operation(
        kind=Kind.RESTORE, name="polish", often="after the last step", meaning=meaning
    )
    return graph.model_copy(update={"operations": (*graph.operations, polish)})
