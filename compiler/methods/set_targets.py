"""The operations of methods that keep parameters in sets, and what they are about."""

from __future__ import annotations

from typing import Any

from cspec.compiler.expressions.text import text
from cspec.compiler.records.graph import Kind, Operation
from cspec.compiler.records.lowered import SetAction
from cspec.compiler.records.problem import ParameterRef


def set_operation(
    action: SetAction, kind: Kind, word: str, operator: str, meaning: str, **more: Any
) -> Operation:
    """An operation on the parameters of an action: `project_a` by its first word."""
    name, targets = f"{word}_{action.name}", targets_in_words(action)
    return Operation(
        kind=kind, name=name, operator=operator, targets=targets, meaning=meaning, **more
    )


def targets_in_words(action: SetAction) -> tuple[str, ...]:
    """The parameters of an action, as a graph names them."""
    if not action.targets:
        return (f"{action.set.model}: every prunable weight",)
    return tuple(
        f"{t.model}:{t.name}" if isinstance(t, ParameterRef) else text(t) for t in action.targets
    )
