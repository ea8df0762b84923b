"""Adam with one second moment for what a set couples.

Adam divides each entry of a step by its own size, and a Euclidean projection behind such a step has
other fixed points than the problem: on an l1 ball it ends 20% above the minimum. With one second
moment for all entries that a set couples,

    v <- beta2 v + (1 - beta2) mean of g^2 over the block

the step is a multiple of a Euclidean one, and x = P(x - a m / sqrt(v)) holds exactly where x is
stationary. (Kingma and Ba 2015, Adam; Loshchilov and Hutter 2019, AdamW; one rate a block as in
Zhang et al. 2024, Adam-mini.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class CoupledAdam(torch.optim.Optimizer):
    """`torch.optim.Adam` (or AdamW, `decoupled`) over blocks; each is a group of its own."""

    def __init__(
        self,
        blocks: Sequence[Sequence[Tensor]],
        *,
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
        decoupled: bool,
    ) -> None:
        groups = [{"params": list(block)} for block in blocks]
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(groups, {**defaults, "decoupled": decoupled})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step of every block."""
        for group in self.param_groups:
            moved = [p for p in group["params"] if p.grad is not None]
            if moved:
                self._step(group, moved)

    def _step(self, group: dict[str, Any], moved: Sequence[Tensor]) -> None:
        first, second = group["betas"]
        decay, lr = group["weight_decay"], group["lr"]
        gradients = [p.grad for p in moved]
        if decay and not group["decoupled"]:
            gradients = [g + decay * p for g, p in zip(gradients, moved, strict=True)]
        size = sum(g.numel() for g in gradients)
        square = torch.stack([g.square().sum() for g in gradients]).sum() / size
        held = self.state[group["params"][0]]
        held["step"] = held.get("step", 0) + 1
        held["block"] = second * held.get("block", torch.zeros_like(square)) + (1 - second) * square
        scale = (held["block"] / (1 - second ** held["step"])).sqrt() + group["eps"]
        for p, g in zip(moved, gradients, strict=True):
            state = self.state[p]
            state["exp_avg"] = first * state.get("exp_avg", torch.zeros_like(p)) + (1 - first) * g
            if decay and group["decoupled"]:
                p.mul_(1 - lr * decay)
            p.sub_(lr / (1 - first ** held["step"]) * state["exp_avg"] / scale)


def blocks(*found: Sequence[Tensor]) -> list[list[Tensor]]:
    """Blocks without common tensors: those that share one are one."""
    merged: list[list[Tensor]] = []
    for tensors in found:
        apart, joined = [], list(tensors)
        for block in merged:
            if any(a is b for a in block for b in joined):
                joined = [*block, *(t for t in joined if all(t is not b for b in block))]
            else:
                apart.append(block)
        merged = [*apart, joined]
    return merged


def each(tensors: Sequence[Tensor]) -> list[list[Tensor]]:
    """Every tensor as a block of its own."""
    return [[tensor] for tensor in tensors]
