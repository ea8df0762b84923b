"""Floating-point operations of one forward pass, from the weights in use."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from cspec.runtime.functions.sparsity import weights_in_use

_COUNTED = (nn.Linear, nn.modules.conv._ConvNd)
_USES: WeakKeyDictionary[nn.Module, dict[tuple[int, ...], dict[str, int]]] = WeakKeyDictionary()


def _positions(module: nn.Module, output: Tensor) -> int:
    """How often each weight of the layer is used for one example."""
    if isinstance(module, nn.Linear):
        return output[0].numel() // module.out_features
    return output[0, 0].numel()


def _trace(model: nn.Module, input_shape: tuple[int, ...]) -> dict[str, int]:
    uses: dict[str, int] = {}
    handles = []
    for name, module in model.named_modules():
        if isinstance(module, _COUNTED):

            def count(layer: nn.Module, inputs: Any, output: Tensor, name: str = name) -> None:
                uses[name] = uses.get(name, 0) + _positions(layer, output)

            handles.append(module.register_forward_hook(count))
    modes = [(module, module.training) for module in model.modules()]
    reference = next(model.parameters())
    try:
        model.eval()
        with torch.no_grad():
            model(torch.zeros(1, *input_shape, dtype=reference.dtype, device=reference.device))
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.training = training
    return uses


def weight_uses(model: nn.Module, input_shape: Sequence[int]) -> dict[str, int]:
    """How often one example uses each weight of the linear and convolution layers, by layer name.

    Measured once by a forward pass on zeros in evaluation mode, then remembered for the model.
    """
    shape = tuple(input_shape)
    by_shape = _USES.setdefault(model, {})
    if shape not in by_shape:
        by_shape[shape] = _trace(model, shape)
    return by_shape[shape]


def _uses(model: nn.Module, input_shape: Sequence[int] | None) -> dict[str, int]:
    if input_shape is not None:
        return weight_uses(model, input_shape)
    remembered = list(_USES.get(model, {}).values())
    if len(remembered) != 1:
        raise ValueError(
            "the operations of a forward pass depend on the shape of an example: "
            "give it, or call weight_uses(model, input_shape) once before"
        )
    return remembered[0]


def flops(
    model: nn.Module, input_shape: Sequence[int] | None = None, *, expected: bool = False
) -> Tensor:
    """Operations of one forward pass of one example: 2 for each use of a weight that is not zero.

    Linear and convolution layers count, one multiplication and one addition a weight; biases,
    activations and normalization do not. `expected` takes P(z != 0) for gated weights and has a
    gradient. 0-dim float64. Without `input_shape`, the one that `weight_uses` was called with.

    Raises:
        ValueError: no shape is given, and none or several are remembered.
    """
    uses = _uses(model, input_shape)
    counts = [
        weights_in_use(module, expected).to(torch.float64) * (2 * uses[name])
        for name, module in model.named_modules()
        if name in uses
    ]
    return torch.stack(counts).sum() if counts else torch.zeros((), dtype=torch.float64)
