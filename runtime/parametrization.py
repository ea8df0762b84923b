"""Pre-images in place of parameters: a map makes every value a member of its set.

    W = map(V), V free        softplus, sigmoid, softmax, Cayley, ...    (runtime/operators/maps*)

Parameters of models go through `torch.nn.utils.parametrize`: `layer.weight` stays what the model
reads, `layer.parametrizations.weight.original` is what is trained and saved. Decision variables
become a small module that is called for its value. Both start at the nearest member (moved inside
a little where a map reaches the boundary only at infinity).
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from cspec.runtime.operators import NoFormError, Operator


class Mapped(nn.Module):
    """A decision variable as the image of a free one: `primal["w"]()`."""

    def __init__(self, start: nn.Parameter, map: nn.Module) -> None:
        super().__init__()
        self.map = map
        with torch.no_grad():
            free = map.right_inverse(start.detach())  # type: ignore[operator]
        self.original = nn.Parameter(free.clone(), requires_grad=start.requires_grad)

    def forward(self) -> Tensor:
        value: Tensor = self.map(self.original)
        return value


def map_of(operator: Operator, by: str | None) -> nn.Module:
    """The map onto a set, by its name or the set's usual one.

    Raises:
        NoFormError: the set has no such map.
    """
    found = operator.parametrization(by)
    if found is None:
        raise NoFormError(f"{operator.name} has no parametrization")
    return found


@torch.no_grad()
def parametrize_(
    model: nn.Module, names: Iterable[str], operator: Operator, by: str | None
) -> None:
    """Register the map on parameters by their dotted names; each starts at its nearest member."""
    for name in names:
        owner, _, last = name.rpartition(".")
        module = model.get_submodule(owner)
        if not parametrize.is_parametrized(module, last):
            value = getattr(module, last)
            value.copy_(operator.project(value))
        parametrize.register_parametrization(module, last, map_of(operator, by))


def map_variable_(
    primal: MutableMapping[str, Any], name: str, operator: Operator, by: str | None
) -> None:
    """Replace a decision variable by its pre-image and the map."""
    value = primal[name]
    with torch.no_grad():
        value.copy_(operator.project(value.detach()))
    primal[name] = Mapped(value, map_of(operator, by))


def value_of(variable: Any) -> Tensor:
    """A decision variable's value, mapped or not."""
    value: Tensor = variable() if isinstance(variable, Mapped) else variable
    return value.detach()
