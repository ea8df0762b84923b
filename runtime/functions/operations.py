"""Floating-point operations of one forward pass, from the weights in use."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from cspec.runtime.functions.sparsity import weights_in_use
from cspec.runtime.models.without_trace import evaluating

_COUNTED = (nn.Linear, nn.modules.conv._ConvNd)


class Uncounted(ValueError):  # noqa: N818  what happened, in the words of a message
    """A layer whose operations nobody counts."""


class Operations(NamedTuple):
    """How often one example uses each weight, and the operations of what has no such weights."""

    uses: dict[str, int]
    """Of linear and convolution layers, by layer name."""
    other: int = 0
    """Operations of matrix products and convolutions outside these layers: attention, embeddings'
    heads, functional calls."""


def _positions(module: nn.Module, output: Tensor) -> int:
    """How often each weight of the layer is used for one example of the batch."""
    if isinstance(module, nn.Linear):
        return output[0].numel() // module.out_features
    return output[0, 0].numel()


def operations(
    model: nn.Module, arguments: Sequence[Any], named: Mapping[str, Any] | None = None
) -> Operations:
    """What one example of these arguments takes, seen in a forward pass in evaluation mode.

    Arguments are a batch of examples; nothing of the model is changed. Beside the layers, every
    matrix product and convolution that torch runs counts, as torch's own counter does.

    Raises:
        Uncounted: recurrent layers, whose kernels torch does not take apart.
    """
    recurrent = [name for name, m in model.named_modules() if isinstance(m, nn.RNNBase)]
    if recurrent:
        raise Uncounted(f"the operations of its recurrent layer `{recurrent[0]}` are not counted")
    uses: dict[str, int] = {}
    handles = []
    for name, module in model.named_modules():
        if isinstance(module, _COUNTED):

            def count(layer: nn.Module, inputs: Any, output: Tensor, name: str = name) -> None:
                uses[name] = uses.get(name, 0) + _positions(layer, output)

            handles.append(module.register_forward_hook(count))
    counter, fused = FlopCounterMode(display=False), torch.backends.mha.get_fastpath_enabled()
    try:
        torch.backends.mha.set_fastpath_enabled(False)  # fused attention is not counted
        with evaluating([model]), torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
            model(*arguments, **(named or {}))
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
        for handle in handles:
            handle.remove()
    rows = next((len(a) for a in arguments if isinstance(a, Tensor) and a.ndim), 1)
    layers = dict(model.named_modules())
    dense = sum(2 * n * cast(Tensor, layers[name].weight).numel() for name, n in uses.items())
    return Operations(uses, max(0, counter.get_total_flops() // rows - dense))


def flops(
    model: nn.Module, uses: Mapping[str, int], other: float = 0, *, expected: bool = False
) -> Tensor:
    """Operations of one forward pass of one example: 2 for each use of a weight that is not zero.

    `uses` says how often one example uses the weights of each linear and convolution layer, `other`
    how many operations there are besides (see `operations`); biases, activations and normalization
    do not count. `expected` takes P(z != 0) for gated weights and has a gradient. 0-dim float64.
    """
    counts = [
        weights_in_use(module, expected).to(torch.float64) * (2 * uses[name])
        for name, module in model.named_modules()
        if name in uses
    ]
    total = torch.stack(counts).sum() if counts else torch.zeros((), dtype=torch.float64)
    return total + other
