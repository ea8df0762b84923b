"""The best feasible iterate: feasibility first, objective second."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cspec.runtime.result import Iterate


def tensors_of(primal: Mapping[str, Any]) -> dict[str, Tensor]:
    """Copies of all parameters and buffers, `model.layer.weight`, and of variables by name."""
    found: dict[str, Tensor] = {}
    for name, value in primal.items():
        if isinstance(value, nn.Module):
            found |= {f"{name}.{key}": item for key, item in value.state_dict().items()}
        else:
            found[name] = value
    return {name: tensor.detach().clone() for name, tensor in found.items()}


@torch.no_grad()
def load_tensors(primal: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Put copies made by `tensors_of` back, in place.

    Raises:
        KeyError: a tensor that is missing.
    """
    for name, value in primal.items():
        if isinstance(value, nn.Module):
            held = {key: tensors[f"{name}.{key}"] for key in value.state_dict()}
            value.load_state_dict(held)
        else:
            value.copy_(tensors[name])


def better(candidate: Iterate, held: Iterate | None, sense: str) -> bool:
    """Whether a candidate replaces what is held.

    A feasible one beats an infeasible one; among feasible ones the better objective wins, with
    preferences added as in training, among infeasible ones the smaller violation; the later of
    two equals wins.
    """
    if held is None:
        return True
    if candidate.feasible != held.feasible:
        return candidate.feasible
    if not candidate.feasible:
        return candidate.violation <= held.violation and math.isfinite(candidate.violation)
    new, old = _minimized(candidate, sense), _minimized(held, sense)
    if math.isnan(new) or math.isnan(old):
        return not math.isnan(new)
    return new <= old


def _minimized(iterate: Iterate, sense: str) -> float:
    sign = -1.0 if sense == "maximize" else 1.0
    return sign * iterate.objective + iterate.preference
