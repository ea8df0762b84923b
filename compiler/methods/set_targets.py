"""The operations of methods that keep parameters in sets, as the update graph names them."""

from typing import Any

from cspec.compiler.expressions.text import text
from cspec.compiler.records.graph import Kind, Operation
from cspec.compiler.records.lowered import SetAction
from cspec.compiler.records.problem import ParameterRef


def set_operation(
    action: SetAction, kind: Kind, word: str, operator: str, meaning: str, **more: Any
) -> Operation:
    """An operation on the parameters of an action: `project_a` by its first word."""
    named = tuple(
        f"{t.model}:{t.name}" if isinstance(t, ParameterRef) else text(t) for t in action.targets
    )
    return Operation(
        kind=kind,
        name=f"{word}_{action.name}",
        operator=operator,
        targets=named or (f"{action.set.model}: every prunable weight",),
        meaning=meaning,
        **more,
    )
