"""Which runs end in a restoration: those whose methods leave their steps to the problem."""

from __future__ import annotations

from cspec.compiler.graph import Kind
from cspec.compiler.lower import Lowered

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
