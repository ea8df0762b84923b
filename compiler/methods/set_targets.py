"""The parameters that a set action is about, as the update graph names them."""

from __future__ import annotations

from cspec.compiler.expressions.text import text
from cspec.compiler.records.lowered import SetAction
from cspec.compiler.records.problem import ParameterRef


def targets_in_words(action: SetAction) -> tuple[str, ...]:
    """The parameters of an action, as a graph names them."""
    if not action.targets:
        return (f"{action.set.model}: every prunable weight",)
    return tuple(
        f"{t.model}:{t.name}" if isinstance(t, ParameterRef) else text(t) for t in action.targets
    )
