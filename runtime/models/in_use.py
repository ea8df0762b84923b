"""Parameters as a model uses them: what `f.weights` and `f.params` name.

    layer.weight                                  a parameter
    layer.parametrizations.weight.original0, ..   what a parametrization of torch computes it from
    layer.weight_g, layer.weight_v                what a hook of torch computes it from before each
    layer.weight_orig                             call: weight_norm, spectral_norm, prune

A requirement is about `layer.weight`, whatever it is computed from; training moves the latter.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from cspec.runtime.models.gates import HardConcrete

_ORIGINAL = "original"


class Used(NamedTuple):
    """One weight of a model: its dotted name, its module, its name there."""

    name: str
    module: nn.Module
    last: str
    trained: bool
    computed: str = ""
    """What to do for it to be a parameter; empty where nothing computes it."""

    @property
    def gates(self) -> HardConcrete | None:
        """The layer whose gates decide which of its entries count; None of other weights."""
        layer = self.module
        return layer if isinstance(layer, HardConcrete) and self.last == "weight" else None

    @property
    def gate(self) -> bool:
        """Whether it holds the gates of another weight."""
        return isinstance(self.module, HardConcrete) and self.last == "log_alpha"

    @property
    def value(self) -> Tensor:
        """The weight; what computes it does so anew."""
        return weight_of(self.module, self.last)


class _Hook(NamedTuple):
    """What a hook computes a weight from, how, and what to do to be without it."""

    parts: tuple[str, ...]
    compute: Callable[[], Tensor]
    instead: str


def in_use(model: nn.Module) -> Iterator[Used]:
    """The weights of a model in module order; a shared one comes once."""
    seen: set[nn.Parameter] = set()
    for prefix, module in model.named_modules():
        of_map = isinstance(module, parametrize.ParametrizationList)
        hooks = _hooks(module)
        parts = {part for hook in hooks.values() for part in hook.parts}
        for last, parameter in module.named_parameters(recurse=False):
            if parameter in seen or last in parts or (of_map and last.startswith(_ORIGINAL)):
                continue
            seen.add(parameter)
            yield Used(_dotted(prefix, last), module, last, parameter.requires_grad)
        for last, hook in hooks.items():
            trained = any(getattr(module, part).requires_grad for part in hook.parts)
            yield Used(_dotted(prefix, last), module, last, trained, hook.instead)
        for last, maps in _maps(module):
            trained = any(p.requires_grad for p in maps.parameters())
            off = f'parametrize.remove_parametrizations(layer, "{last}")'
            instead = f"take the parametrization off: `torch.nn.utils.{off}`"
            yield Used(_dotted(prefix, last), module, last, trained, instead)


def weight_of(module: nn.Module, last: str) -> Tensor:
    """A weight of a module by its name there. What a hook has left is that of the last call."""
    hook = _hooks(module).get(last) if module._forward_pre_hooks else None
    found: Tensor = getattr(module, last) if hook is None else hook.compute()
    return found


def _hooks(module: nn.Module) -> dict[str, _Hook]:
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
        found[name] = _Hook(parts, compute, instead if off else "make the layer without the hook")
    return found


def _maps(module: nn.Module) -> list[tuple[str, nn.Module]]:
    found = module.parametrizations if parametrize.is_parametrized(module) else None
    return list(found.named_children()) if isinstance(found, nn.ModuleDict) else []


def _dotted(prefix: str, last: str) -> str:
    return f"{prefix}.{last}" if prefix else last
