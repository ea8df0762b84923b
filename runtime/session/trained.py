"""What a run trains: models as they are used, variables, their parameters by name, and state."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cspec.runtime.bind.bind import Bound


def trained(primal: Mapping[str, Any]) -> dict[str, nn.Parameter]:
    """Every parameter that moves, by name; one shared by two models is listed once."""
    found: dict[str, nn.Parameter] = {}
    seen: set[int] = set()
    for name, value in primal.items():
        named = (
            [(f"{name}.{key}", p) for key, p in value.named_parameters()]
            if isinstance(value, nn.Module)
            else [(name, value)]
        )
        for key, parameter in named:
            if parameter.requires_grad and id(parameter) not in seen:
                seen.add(id(parameter))
                found[key] = parameter
    return found


def state_tensor(value: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    """A state tensor of at least one dimension: compiled code loses updates of 0-dim ones."""
    shaped = value.reshape(1) if value.ndim == 0 else value
    return shaped.to(device, dtype if value.is_floating_point() else None)


def as_used(model: nn.Module, bound: Bound) -> nn.Module:
    """A model as it is trained; where decision variables move alone, a copy for its values.

    There it is a function of them: as in deployment, in the precision of the variables, and the
    model that was bound stays as it came.
    """
    moves = any(parameter.requires_grad for parameter in model.parameters())
    return model if moves or bound.data or not bound.variables else copy.deepcopy(model)


def moved(value: nn.Parameter, device: torch.device, dtype: torch.dtype) -> nn.Parameter:
    """A decision variable on the device and in the precision of a run, as one of its own."""
    return nn.Parameter(value.detach().to(device, dtype), requires_grad=value.requires_grad)
