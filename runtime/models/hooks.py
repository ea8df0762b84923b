"""Weights that older hooks of torch compute before each call: weight_norm, spectral_norm, prune."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

from torch import Tensor, nn
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

T = TypeVar("T", nn.Module, dict[str, nn.Module])


class Hook(NamedTuple):
    """What a hook computes a weight from, how, and what to do to be without it."""

    parts: tuple[str, ...]
    compute: Callable[[], Tensor]
    instead: str


def weight_of(module: nn.Module, last: str) -> Tensor:
    """A weight of a module by its name there. What a hook has left is that of the last call."""
    hook = hooks_of(module).get(last) if module._forward_pre_hooks else None
    found: Tensor = getattr(module, last) if hook is None else hook.compute()
    return found


def hooks_of(module: nn.Module) -> dict[str, Hook]:
    """Hooks of torch that compute weights of a module, by the weight."""
    found = {}
    parts: tuple[str, ...]
    for hook in module._forward_pre_hooks.values():
        made: Any = hook
        match made:
            case WeightNorm(name=name):
                parts, off = (f"{name}_g", f"{name}_v"), f'remove_weight_norm(layer, "{name}")'
                compute = partial(made.compute_weight, module)
            case SpectralNorm(name=name):
                parts, off = (f"{name}_orig",), ""  # torch leaves hooks on states behind
                compute = partial(made.compute_weight, module, do_power_iteration=False)
            case BasePruningMethod(_tensor_name=name):
                parts, off = (f"{name}_orig",), f'prune.remove(layer, "{name}")'
                compute = partial(made.apply_mask, module)
            case _:
                continue
        instead = f"take the hook off: `torch.nn.utils.{off}`"
        found[name] = Hook(parts, compute, instead if off else "make the layer without the hook")
    return found


def copied(models: T) -> T:
    """A deep copy of a model, or of several by name, which may share layers.

    What hooks left of the last call has a gradient, which torch does not copy: it is computed anew.
    """
    for model in models.values() if isinstance(models, dict) else (models,):
        for module in model.modules():
            for last in hooks_of(module):
                setattr(module, last, getattr(module, last).detach())
    return copy.deepcopy(models)
