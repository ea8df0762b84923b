"""Gates that are decided: the most open ones stay, as many as sizes allow, the rest shut for good.

A decided gate is 1 or 0 whatever is drawn, so what is left trains as plain weights do, and
expected and deployed sizes are one. A weight is multiplied by the gate that it had: the network
goes on from where it was.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from cspec.runtime.models import clamp_gates, gated_layers
from cspec.runtime.models.gates import HardConcrete
from cspec.runtime.operators.sparsity import Sparse

OPEN = 30.0
"""`log_alpha` of a gate that is decided to be 1, and minus that of one that is 0."""
LEAST_GATE = 0.01
"""What multiplies the weight of a gate that was shut and is opened."""
LAYER_FLOOR = 0.2
"""Part of the share of all gates that each layer keeps at least."""


@torch.no_grad()
def decide_gates(models: Sequence[nn.Module], over: Callable[[], Tensor], due: bool) -> None:
    """Open for good the most open gates, the most for which `over()` <= 0, and shut the others.

    This is done where it is due, or `over()` <= 0: what is shut hardly opens again, so that sizes
    that come to their bounds would go on to fall. Until then gates stay in their range; later
    calls keep what was decided. Of equally open gates those of larger weights stay. Where no
    number of gates meets the bounds all stay as they are.
    """
    found = [layer for model in models for _, layer in gated_layers(model)]
    layers = list(dict.fromkeys(found))
    met = _met(over)
    decided = all(bool((layer.log_alpha.abs() > OPEN / 2).all()) for layer in layers)
    if decided and (met or not due):
        _set(layers, [layer.log_alpha > 0 for layer in layers])
        return
    if not (met or due):
        for model in models:
            clamp_gates(model)
        return
    before = [layer.log_alpha.clone() for layer in layers]
    gates = [layer.deployed_gate() for layer in layers]
    scores = _scores(layers)
    most = _most(layers, scores, over)
    if most is None:
        for layer, old in zip(layers, before, strict=True):
            layer.log_alpha.copy_(old)
        return
    _set(layers, _kept(scores, most))
    for layer, gate in zip(layers, gates, strict=True):
        layer.weight.mul_(torch.where(gate > 0, gate, LEAST_GATE))


def _met(over: Callable[[], Tensor]) -> bool:
    return bool((over() <= 0).all())


def _most(
    layers: Sequence[HardConcrete], scores: Sequence[Tensor], over: Callable[[], Tensor]
) -> int | None:
    """The largest number of open gates that meets all bounds, by bisection; None if 0 does not."""

    def meets(count: int) -> bool:
        _set(layers, _kept(scores, count))
        return _met(over)

    few, many = 0, sum(score.numel() for score in scores)
    if meets(many):
        return many
    if not meets(few):
        return None
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (middle, many) if meets(middle) else (few, middle)
    return few


def _scores(layers: Sequence[HardConcrete]) -> list[Tensor]:
    """1 of the least open gate to n of the most open one, in all layers together."""
    openness = torch.cat([layer.log_alpha.flatten() for layer in layers])
    by_size = torch.cat([layer.weight.abs().flatten() for layer in layers]).argsort(stable=True)
    order = by_size[openness[by_size].argsort(stable=True)]
    scores = torch.empty(len(order), dtype=torch.float64, device=order.device)
    scores[order] = torch.arange(1, len(order) + 1, dtype=torch.float64, device=order.device)
    pieces = torch.split(scores, [layer.log_alpha.numel() for layer in layers])
    found = zip(pieces, layers, strict=True)
    return [piece.reshape(layer.log_alpha.shape) for piece, layer in found]


def _kept(scores: Sequence[Tensor], count: int) -> list[Tensor]:
    return Sparse(count, floor=LAYER_FLOOR).support_jointly(scores)


def _set(layers: Sequence[HardConcrete], kept: Sequence[Tensor]) -> None:
    for layer, mask in zip(layers, kept, strict=True):
        layer.log_alpha.copy_(torch.where(mask, OPEN, -OPEN))
