"""Floating-point operations of one forward pass, from the weights in use."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils.rnn import PackedSequence
from torch.utils.flop_counter import FlopCounterMode

from cspec.runtime.functions.sparsity import weights_in_use
from cspec.runtime.models.without_trace import evaluating

_COUNTED = (nn.Linear, nn.modules.conv._ConvNd, nn.RNNBase)


class Uncounted(ValueError):  # noqa: N818  what happened, in the words of a message
    """A layer whose operations are not those of one example."""


class Operations(NamedTuple):
    """How often one example uses each weight, and the operations of what has no such weights."""

    uses: dict[str, int]
    """Of linear, convolution and recurrent layers, by layer name."""
    other: int = 0
    """Operations of matrix products and convolutions outside these layers: attention, embeddings'
    heads, functional calls."""


def _positions(name: str, module: nn.Module, given: Tensor, output: Any) -> int:
    """How often each weight of the layer is used: for each number that a filter gives, for each
    that a transposed one spreads, at each step of a sequence.

    Raises:
        Uncounted: sequences of different lengths.
    """
    match module:
        case nn.Linear():
            return cast(int, output.numel() // module.out_features)
        case nn.modules.conv._ConvTransposeNd():
            return given.numel() // module.in_channels
        case nn.modules.conv._ConvNd():
            return cast(int, output.numel() // module.out_channels)
    steps = output[0]
    if isinstance(steps, PackedSequence):
        if len(set(steps.batch_sizes.tolist())) > 1:
            raise Uncounted(f"its layer `{name}` takes sequences of different lengths")
        steps = steps.data
    return cast(int, steps.numel() // steps.shape[-1])


def operations(
    model: nn.Module, arguments: Sequence[Any], named: Mapping[str, Any] | None = None
) -> Operations:
    """What one example of these arguments takes, seen in a forward pass in evaluation mode.

    Arguments are a batch of examples; nothing of the model is changed. Beside the layers, every
    matrix product and convolution that torch runs counts, as torch's own counter does.

    Raises:
        Uncounted: sequences of different lengths.
    """
    positions: dict[str, int] = {}
    counter, fused = FlopCounterMode(display=False), torch.backends.mha.get_fastpath_enabled()
    recurrent = [0]  # what torch counts of recurrent layers: all of some, nothing of others
    handles = []
    for name, module in model.named_modules():
        if isinstance(module, nn.RNNBase):

            def begin(*_: Any) -> None:
                recurrent[0] -= counter.get_total_flops()

            def end(*_: Any) -> None:
                recurrent[0] += counter.get_total_flops()

            handles += [module.register_forward_pre_hook(begin), module.register_forward_hook(end)]
        if isinstance(module, _COUNTED):

            def count(layer: nn.Module, args: Any, kwargs: Any, out: Any, name: str = name) -> None:
                found = _positions(name, layer, (*args, *kwargs.values())[0], out)
                positions[name] = positions.get(name, 0) + found

            handles.append(module.register_forward_hook(count, with_kwargs=True))
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
    dense = sum(
        2 * count * cast(Tensor, layers[name].weight).numel()
        for name, count in positions.items()
        if not isinstance(layers[name], nn.RNNBase)
    )
    other = max(0, counter.get_total_flops() - recurrent[0] - dense)
    return Operations({n: -(-count // rows) for n, count in positions.items()}, other // rows)


def flops(
    model: nn.Module, uses: Mapping[str, int], other: float = 0, *, expected: bool = False
) -> Tensor:
    """Operations of one forward pass of one example: 2 for each use of a weight that is not zero.

    `uses` says how often one example uses the weights of each layer, `other` how
    many operations there are besides (see `operations`); biases, activations and normalization
    do not count. `expected` takes P(z != 0) for gated weights and has a gradient. 0-dim float64.
    """
    counts = [
        weights_in_use(module, expected).to(torch.float64) * (2 * uses[name])
        for name, module in model.named_modules()
        if name in uses
    ]
    total = torch.stack(counts).sum() if counts else torch.zeros((), dtype=torch.float64)
    return total + other
