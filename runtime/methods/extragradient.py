"""Extragradient: one step ahead and back again, optimizer state included.

Korpelevich 1976. The step is taken twice from the same place: once to find where it leads, once
with the gradients found there. Optimizers with memory (momentum, Adam) remember only the second.
"""

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from cspec.runtime.session.optimizers import Optimizers


class Place(NamedTuple):
    """Where a step starts from."""

    parameters: list[tuple[nn.Parameter, Tensor]]
    state: dict[str, Tensor]
    optimizer: dict[str, Any]


def keep_place(
    primal: Mapping[str, Any], state: Mapping[str, Tensor], optimizer: Optimizers
) -> Place:
    """Copies of all parameters, multipliers and the optimizer's memory."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    return Place(
        parameters=[(p, p.detach().clone()) for p in parameters],
        state={name: value.clone() for name, value in state.items()},
        optimizer=copy.deepcopy(optimizer.state_dict()),
    )


@torch.no_grad()
def go_back(
    place: Place, primal: Mapping[str, Any], state: dict[str, Tensor], optimizer: Optimizers
) -> None:
    """Everything as it was at `place`, except the gradients."""
    for parameter, value in place.parameters:
        parameter.copy_(value)
    state.clear()
    state.update(place.state)
    optimizer.load_state_dict(place.optimizer)
