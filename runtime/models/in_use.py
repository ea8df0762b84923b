"""Parameters as a model uses them: what `f.weights` and `f.params` name.

    layer.weight                                  a parameter
    layer.parametrizations.weight.original0, ..   what a parametrization of torch computes it from
    layer.weight_g, layer.weight_v                what a hook of torch computes it from before each
    layer.weight_orig                             call: weight_norm, spectral_norm, prune

A requirement is about `layer.weight`, whatever it is computed from; training moves the latter.
"""

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.utils import parametrize

from cspec.runtime.models.gates import HardConcrete
from cspec.runtime.models.hooks import hooks_of, weight_of

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
    def inputs_first(self) -> bool:
        """Whether it is the kernel of a transposed convolution: (inputs, outputs, ...)."""
        turned = isinstance(self.module, nn.modules.conv._ConvTransposeNd)
        return turned and self.last == "weight"

    @property
    def value(self) -> Tensor:
        """The weight; what computes it does so anew."""
        return weight_of(self.module, self.last)


def in_use(model: nn.Module) -> Iterator[Used]:
    """The weights of a model in module order; a shared one comes once."""
    seen: set[nn.Parameter] = set()
    for prefix, module in model.named_modules():
        of_map = isinstance(module, parametrize.ParametrizationList)
        hooks = hooks_of(module)
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


def _maps(module: nn.Module) -> list[tuple[str, nn.Module]]:
    found = module.parametrizations if parametrize.is_parametrized(module) else None
    return list(found.named_children()) if isinstance(found, nn.ModuleDict) else []


def _dotted(prefix: str, last: str) -> str:
    return f"{prefix}.{last}" if prefix else last
