"""The parameters that a set action is about, as the update graph names them."""

from __future__ import annotations

from cspec.compiler.explain_expressions import text
from cspec.compiler.ir import ParameterRef
from cspec.compiler.lowered import SetAction


def targets_in_words(action: SetAction) -> tuple[str, ...]:
    """The parameters of an action, as a graph names them."""
    if not action.targets:
        return (f"{action.set.model}: every prunable weight",)
    return tuple(
        f"{t.model}:{t.name}" if isinstance(t, ParameterRef) else text(t) for t in action.targets
    )
