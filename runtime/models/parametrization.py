"""Pre-images in place of parameters: a map makes every value a member of its set.

    W = map(V), V free        softplus, sigmoid, softmax, Cayley, ...
    (runtime/operators/maps)

Parameters of models go through `torch.nn.utils.parametrize`: `layer.weight` stays what the model
reads, `layer.parametrizations.weight.original` is what is trained and checkpointed. Decision
variables become a small module that is called for its value. Both start at the nearest member
(moved inside a little where a map reaches the boundary only at infinity).

Delivered are plain parameters: at the end of a run each map is taken away and its value left in
place (`settle_`), so that names, state dicts and a second run are those of the model as it came.
So is the layout in memory (`Laid`): a plain model that loads the same numbers computes the same
last bit, which kernels choose by strides. Parametrizations of the user's own stay.
"""

from collections.abc import Iterable, MutableMapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from cspec.runtime.operators import NoFormError, Operator

MARK = "_made_by_a_run"
"""Attribute of the maps that `parametrize_` registers."""
ORDER = "_order_before_a_run"
"""Attribute of their modules: the names of its parameters in order."""


class Laid(nn.Module):
    """A map whose values lie in memory as the parameter did that it stands for.

    Transposes and triangular solves hand over their results by columns.
    """

    def __init__(self, map: nn.Module, like: Tensor) -> None:
        super().__init__()
        self.map = map
        self.strides = torch.empty_like(like, device="meta").stride()

    def forward(self, *free: Tensor) -> Tensor:
        value: Tensor = self.map(*free)
        if value.stride() == self.strides:
            return value
        laid = torch.empty_strided(
            value.shape, self.strides, dtype=value.dtype, device=value.device
        )
        return laid.copy_(value)

    def right_inverse(self, member: Tensor) -> Tensor | tuple[Tensor, ...]:
        found: Tensor | tuple[Tensor, ...] = self.map.right_inverse(member)  # type: ignore[operator]
        return found


class Mapped(nn.Module):
    """A decision variable as the image of a free one: `primal["w"]()`."""

    def __init__(self, start: nn.Parameter, map: nn.Module) -> None:
        super().__init__()
        self.map = Laid(map, start)
        with torch.no_grad():
            free = map.right_inverse(start.detach())  # type: ignore[operator]
        self.original = nn.Parameter(free.clone(), requires_grad=start.requires_grad)
        self.held: Tensor | None = None
        """The value itself, where a delivered one was loaded."""

    def forward(self) -> Tensor:
        value: Tensor = self.map(self.original) if self.held is None else self.held
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
        if not hasattr(module, ORDER):
            setattr(module, ORDER, tuple(module._parameters))
        made = Laid(map_of(operator, by), getattr(module, last))
        setattr(made, MARK, True)
        parametrize.register_parametrization(module, last, made)


def mapped_parameters(model: nn.Module) -> list[tuple[str, nn.Module, str]]:
    """Parameters whose only map is one that a run registered: prefix, module, name."""
    found = []
    for prefix, module in model.named_modules():
        if not hasattr(module, ORDER):
            continue
        maps: Any = module.parametrizations
        found += [
            (f"{prefix}." if prefix else "", module, name)
            for name in list(maps)
            if len(maps[name]) == 1 and hasattr(maps[name][0], MARK)
        ]
    return found


@torch.enable_grad()
def settle_(model: nn.Module) -> None:
    """Take the maps that a run registered away; their values stay, as plain parameters.

    With gradients enabled: torch makes a parameter of several originals only where the value of
    their map requires a gradient.
    """
    for _, module, name in mapped_parameters(model):
        parametrize.remove_parametrizations(module, name, leave_parametrized=True)
        if parametrize.is_parametrized(module):
            continue
        # In the order that they had: optimizers and `parameters()` count by it.
        order = getattr(module, ORDER)
        module._parameters = {key: module._parameters[key] for key in order}
        delattr(module, ORDER)


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
