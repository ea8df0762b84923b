"""Counts of a network: density, parameters, operations, memory, deployed or expected.

The *prunable set* holds the weights: parameters with two or more dimensions, without biases,
normalization layers and gates. *Deployed* counts take a weight whose test-time gate is zero as
zero; *expected* ones replace each gate by P(z != 0), which has a gradient.
"""

import re
from collections.abc import Callable, Iterator
from typing import cast

import torch
from torch import Tensor, nn

from cspec.runtime.models.gates import HardConcrete, gate_parameters

_NORMALIZATION = re.compile(r"Norm(\d+d)?$")
_Entry = tuple[str, nn.Module, nn.Parameter]


def _prunable(model: nn.Module) -> Iterator[_Entry]:
    """Name, owner and parameter of each prunable weight; a shared one comes once."""
    seen: set[nn.Parameter] = set()
    for prefix, module in model.named_modules():
        if any(_NORMALIZATION.search(kind.__name__) for kind in type(module).__mro__):
            continue
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.ndim < 2 or "bias" in name or parameter in seen:
                continue
            if isinstance(module, HardConcrete) and parameter is module.log_alpha:
                continue
            seen.add(parameter)
            yield f"{prefix}.{name}" if prefix else name, module, parameter


def prunable(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Names and parameters of the prunable set, in module order.

    Weights of two or more dimensions; no biases, no normalization, no gates.
    """
    return [(name, parameter) for name, _, parameter in _prunable(model)]


def _nonzeros(module: nn.Module, parameter: nn.Parameter, expected: bool) -> Tensor:
    """Entries that are not zero as deployed; of gated weights also as expected."""
    if not isinstance(module, HardConcrete) or parameter is not module.weight:
        return (parameter != 0).sum()
    if expected:
        return module.expected_l0()
    return ((parameter != 0) & module.deployed_mask()).sum()


def weights_in_use(layer: nn.Module, expected: bool = False) -> Tensor:
    """Non-zero entries of `layer.weight` as deployed, or expected; 0-dim."""
    return _nonzeros(layer, cast(nn.Parameter, layer.weight), expected)


def _some_prunable(model: nn.Module) -> tuple[list[_Entry], int]:
    """The prunable weights of a model that has some, and how many entries they have."""
    entries = list(_prunable(model))
    total = sum(parameter.numel() for _, _, parameter in entries)
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
        counts = [_nonzeros(module, parameter, False) for _, module, parameter in entries]
        return torch.stack(counts).sum().to(torch.float64) / total


def expected_density(model: nn.Module) -> Tensor:
    """Expected fraction of prunable entries in use, differentiable in the gates; 0-dim.

    `(sum P(z != 0) over gated weights + non-zeros of the others) / all`.

    Raises:
        ValueError: a model without prunable weights.
    """
    entries, total = _some_prunable(model)
    counts = [_nonzeros(module, parameter, True) for _, module, parameter in entries]
    dtype = entries[0][2].dtype
    return torch.stack([count.to(dtype) for count in counts]).sum() / total


def _sum_in_use(model: nn.Module, expected: bool, unit: Callable[[nn.Parameter], int]) -> Tensor:
    """Sum over the parameters in use of their unit cost."""
    entries = list(_prunable(model))
    special = {parameter for _, _, parameter in entries} | set(gate_parameters(model))
    counts = [(_nonzeros(m, p, expected), p) for _, m, p in entries]
    counts += [((p != 0).sum(), p) for p in model.parameters() if p not in special]
    if not counts:
        return torch.zeros((), dtype=torch.float64)
    return torch.stack([count.to(torch.float64) * unit(p) for count, p in counts]).sum()


def params(model: nn.Module, *, expected: bool = False) -> Tensor:
    """Number of non-zero parameters as deployed, biases and normalization too; 0-dim float64.

    Gates are not deployed and not counted.
    """
    return _sum_in_use(model, expected, lambda parameter: 1)


def bytes_(model: nn.Module, *, expected: bool = False) -> Tensor:
    """Bytes of the non-zero parameters at their own dtype, without indices; 0-dim float64."""
    return _sum_in_use(model, expected, lambda parameter: parameter.element_size())
