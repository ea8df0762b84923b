"""Whether a state that was saved is of this program: a multiplier must not stand for another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from cspec.compiler.records.program import Program


def entries(program: Program) -> list[str]:
    """Each constraint with its place in the constraint vector: what a state is about."""
    return [f"{c.label} {c.segment}" for c in program.constraints]


def require_fits(program: Program, state: Mapping[str, Tensor], saved: Mapping[str, Any]) -> None:
    """Refuse a state of other constraints, or of another method.

    Raises:
        ValueError: what it is about, and what the program is.
    """
    own = entries(program)
    held = saved.get("entries", own)
    if held != own:
        raise ValueError(f"it is of {', '.join(held) or 'none'}, the spec has {', '.join(own)}")
    absent = [name for name in state if name not in saved["state"]]
    if absent:
        raise ValueError(f"it has no {', '.join(absent)}, which the method of the spec keeps")
