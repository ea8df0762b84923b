"""What `model ref = frozen(f)` holds in a loop of one's own: it is part of the loop's state."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from torch import nn

from cspec.compiler.records.program import Program

Modules = Mapping[str, nn.Module]


def _copies(program: Program, modules: Modules) -> dict[str, nn.Module]:
    """The copies that the spec asks for, by name."""
    return {setup.name: modules[setup.name] for setup in program.models if setup.frozen_of}


def state_of(program: Program, modules: Modules) -> dict[str, Any]:
    """Their weights, copied."""
    return {n: deepcopy(m.state_dict()) for n, m in _copies(program, modules).items()}


def load(program: Program, modules: Modules, saved: Mapping[str, Any]) -> list[str]:
    """Bring back what was saved; a note for each that was not, by an older version."""
    notes = []
    for name, model in _copies(program, modules).items():
        if name in saved:
            model.load_state_dict(saved[name])
        else:
            notes.append(f"the state has no `{name}`, which is as its model was at `bind`")
    return notes
