"""Layers that learn their sizes from the first inputs: `nn.LazyLinear` and its kin."""

from __future__ import annotations

from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from cspec.runtime.models.without_trace import evaluating


def unsized(model: nn.Module) -> list[str]:
    """Names of parameters and buffers that have no shape yet."""
    named = chain(model.named_parameters(), model.named_buffers())
    return [name for name, tensor in named if is_lazy(tensor)]


def size_(model: nn.Module, inputs: Tensor) -> None:
    """Give every lazy layer its sizes, by a forward pass of these inputs in evaluation mode.

    Layers draw their first weights from torch's generator, in the order of the pass.
    """
    parameter = next((p for p in model.parameters() if not is_lazy(p)), None)
    dtype = torch.get_default_dtype() if parameter is None else parameter.dtype
    if inputs.is_floating_point():
        inputs = inputs.to(dtype)
    if parameter is not None:
        inputs = inputs.to(parameter.device)
    with evaluating([model]), torch.no_grad():
        model(inputs.clone())
