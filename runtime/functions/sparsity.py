"""Counts of a network: density, parameters, operations, memory, deployed or expected.

The *prunable set* holds the weights: parameters with two or more dimensions, without biases,
normalization layers and gates. *Deployed* counts take a weight whose test-time gate is zero as
zero; *expected* ones replace each gate by P(z != 0), which has a gradient.
"""

import re
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from cspec.runtime.models.in_use import Used, in_use

_NORMALIZATION = re.compile(r"Norm(\d+d)?$")
_Entry = tuple[Used, Tensor]


def _all_in_use(model: nn.Module) -> Iterator[tuple[Used, Tensor, bool]]:
    """Each weight, its value, and whether it is prunable; gates are left out."""
    for used in in_use(model):
        if used.gate:
            continue
        value, kinds = used.value, type(used.module).__mro__
        normalizes = any(_NORMALIZATION.search(kind.__name__) for kind in kinds)
        yield used, value, value.ndim >= 2 and "bias" not in used.last and not normalizes


def prunable(model: nn.Module) -> list[tuple[str, Tensor]]:
    """Names and values of the prunable set, in module order.

    Weights of two or more dimensions; no biases, no normalization, no gates.
    """
    return [(used.name, value) for used, value, chosen in _all_in_use(model) if chosen]


def _nonzeros(used: Used, value: Tensor, expected: bool) -> Tensor:
    """Entries that are not zero as deployed; of gated weights also as expected."""
    if (layer := used.gates) is None:
        return (value != 0).sum()
    if expected:
        return layer.expected_l0()
    return ((value != 0) & layer.deployed_mask()).sum()


def weights_in_use(layer: nn.Module, expected: bool = False) -> Tensor:
    """Non-zero entries of a layer's weights as deployed, or expected; 0-dim. A recurrent one has
    several, for each of its layers and directions."""
    names = ["weight"]
    if isinstance(layer, nn.RNNBase):
        names = [n for n, w in layer.named_parameters(recurse=False) if w.ndim > 1]
    used = [Used(name, layer, name, trained=True) for name in names]
    return torch.stack([_nonzeros(each, each.value, expected) for each in used]).sum()


def _some_prunable(model: nn.Module) -> tuple[list[_Entry], int]:
    """The prunable weights of a model that has some, and how many entries they have."""
    entries = [(used, value) for used, value, chosen in _all_in_use(model) if chosen]
    total = sum(value.numel() for _, value in entries)
    if total == 0:
        raise ValueError(
            "the model has no prunable weight: no parameter of two or more dimensions outside "
            "normalization layers"
        )
    return entries, total


def density(model: nn.Module | Tensor) -> Tensor:
    """Fraction of the prunable entries that are not zero as deployed; 0-dim float64, no gradient.

    Of a tensor: of its entries.

    Raises:
        ValueError: a model without prunable weights.
    """
    if isinstance(model, Tensor):
        return (model.detach() != 0).to(torch.float64).mean()
    entries, total = _some_prunable(model)
    with torch.no_grad():
        counts = [_nonzeros(used, value, False) for used, value in entries]
        return torch.stack(counts).sum().to(torch.float64) / total


def expected_density(model: nn.Module) -> Tensor:
    """Expected fraction of prunable entries in use, differentiable in the gates; 0-dim.

    `(sum P(z != 0) over gated weights + non-zeros of the others) / all`.

    Raises:
        ValueError: a model without prunable weights.
    """
    entries, total = _some_prunable(model)
    counts = [_nonzeros(used, value, True) for used, value in entries]
    dtype = entries[0][1].dtype
    return torch.stack([count.to(dtype) for count in counts]).sum() / total


def _sum_in_use(model: nn.Module, expected: bool, unit: Callable[[Tensor], int]) -> Tensor:
    """Sum over the parameters in use of their unit cost."""
    counts = [
        _nonzeros(used, value, expected).to(torch.float64) * unit(value)
        for used, value, _ in _all_in_use(model)
    ]
    return torch.stack(counts).sum() if counts else torch.zeros((), dtype=torch.float64)


def params(model: nn.Module, *, expected: bool = False) -> Tensor:
    """Number of non-zero parameters as deployed, biases and normalization too; 0-dim float64.

    Gates are not deployed and not counted.
    """
    return _sum_in_use(model, expected, lambda parameter: 1)


def bytes_(model: nn.Module, *, expected: bool = False) -> Tensor:
    """Bytes of the non-zero parameters at their own dtype, without indices; 0-dim float64."""
    return _sum_in_use(model, expected, lambda parameter: parameter.element_size())
