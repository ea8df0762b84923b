"""The best feasible iterate: feasibility first, objective second."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cspec.runtime.models.parametrization import Mapped, mapped_parameters, settle_
from cspec.runtime.result.iterate import Iterate


def tensors_of(primal: Mapping[str, Any]) -> dict[str, Tensor]:
    """Copies of all parameters and buffers, `model.layer.weight`, and of variables by name."""
    found: dict[str, Tensor] = {}
    for name, value in primal.items():
        if isinstance(value, nn.Module):
            found |= {f"{name}.{key}": item for key, item in value.state_dict().items()}
        else:
            found[name] = value
    return {name: _copy(tensor) for name, tensor in found.items()}


def _copy(tensor: Tensor) -> Tensor:
    """A copy row by row: as files hold it, however the model lays it out."""
    return tensor.detach().clone(memory_format=torch.contiguous_format)


def plain_tensors(primal: Mapping[str, Any]) -> dict[str, Tensor]:
    """Copies as `tensors_of` makes, with values in place of what maps compute them from."""
    found = tensors_of(primal)
    for name, value in primal.items():
        if isinstance(value, Mapped):
            found = {key: item for key, item in found.items() if not key.startswith(f"{name}.")}
            found[name] = _copy(value())
        elif isinstance(value, nn.Module):
            for prefix, module, last in mapped_parameters(value):
                inner = f"{name}.{prefix}parametrizations.{last}."
                found = {key: item for key, item in found.items() if not key.startswith(inner)}
                found[f"{name}.{prefix}{last}"] = _copy(getattr(module, last))
    return found


@torch.no_grad()
def load_tensors(primal: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Put copies made by `tensors_of` back, in place; those of `plain_tensors` end all maps.

    Raises:
        KeyError: a tensor that is missing.
    """
    for name, value in primal.items():
        if isinstance(value, Mapped):
            value.held = tensors[name].to(value.original) if name in tensors else None
            if value.held is not None:
                continue
        if isinstance(value, nn.Module):
            if any(f"{name}.{p}{last}" in tensors for p, _, last in mapped_parameters(value)):
                settle_(value)
            held = {key: tensors[f"{name}.{key}"] for key in value.state_dict()}
            value.load_state_dict(held)
        else:
            value.copy_(tensors[name])


def better(candidate: Iterate, held: Iterate | None, sense: str) -> bool:
    """Whether a candidate replaces what is held.

    A feasible one beats an infeasible one; among feasible ones the better objective wins, with
    preferences added as in training, among infeasible ones the smaller violation; the later of
    two equals wins. An objective that is not finite (also -inf, an overflow) is the worst.
    """
    if held is None:
        return True
    if candidate.feasible != held.feasible:
        return candidate.feasible
    if not candidate.feasible:
        # A requirement that is not measured on the data is violated without end, at every iterate.
        known = math.isfinite(candidate.violation) or math.isfinite(candidate.objective)
        return candidate.violation <= held.violation and known
    new, old = minimized(candidate, sense), minimized(held, sense)
    if not math.isfinite(new) or not math.isfinite(old):
        return math.isfinite(new) or not math.isfinite(old)
    return new <= old


def minimized(iterate: Iterate, sense: str) -> float:
    """The objective, or its negative, and what preferences add to it."""
    sign = -1.0 if sense == "maximize" else 1.0
    return sign * iterate.objective + iterate.preference
