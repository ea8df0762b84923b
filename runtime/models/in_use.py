"""Parameters as a model uses them: what `f.weights` and `f.params` name.

    layer.weight                                  a parameter
    layer.parametrizations.weight.original0, ..   what a parametrization of torch computes it from

A requirement is about `layer.weight`, whatever it is computed from; training moves the latter.
"""

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.utils import parametrize

from cspec.runtime.models.gates import HardConcrete

_ORIGINAL = "original"


class Used(NamedTuple):
    """One weight of a model: its dotted name, its module, its name there."""

    name: str
    module: nn.Module
    last: str
    trained: bool
    computed: bool
    """Whether a parametrization computes it."""

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
        """The weight; a parametrization computes it anew."""
        found: Tensor = getattr(self.module, self.last)
        return found


def in_use(model: nn.Module) -> Iterator[Used]:
    """The weights of a model in module order; a shared one comes once."""
    seen: set[nn.Parameter] = set()
    for prefix, module in model.named_modules():
        of_map = isinstance(module, parametrize.ParametrizationList)
        for last, parameter in module.named_parameters(recurse=False):
            if parameter in seen or (of_map and last.startswith(_ORIGINAL)):
                continue
            seen.add(parameter)
            yield Used(_dotted(prefix, last), module, last, parameter.requires_grad, False)
        for last, maps in _maps(module):
            trained = any(p.requires_grad for p in maps.parameters())
            yield Used(_dotted(prefix, last), module, last, trained, True)


def _maps(module: nn.Module) -> list[tuple[str, nn.Module]]:
    found = module.parametrizations if parametrize.is_parametrized(module) else None
    return list(found.named_children()) if isinstance(found, nn.ModuleDict) else []


def _dotted(prefix: str, last: str) -> str:
    return f"{prefix}.{last}" if prefix else last
