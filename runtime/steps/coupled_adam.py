"""Adam with one second moment for what a set couples.

Adam divides each entry of a step by its own size, and a Euclidean projection behind such a step has
other fixed points than the problem: on an l1 ball it ends 20% above the minimum. With one second
moment for all entries that a set couples (`runtime/steps/coupling`),

    v_b <- beta2 v_b + (1 - beta2) mean of r^2 over the block b

the step within a block is a multiple of a Euclidean one, and as the set is a product over blocks,
x = P(x - a m / sqrt(v)) holds exactly where x is stationary. r is what the set leaves of the
gradient g, (x - P(x - t g)) / t: at a minimum within a set g does not vanish, and with moments of g
the steps along the set shrink long before it is reached (a simplex, 3,000 steps of 1e-3: 1.5e-3
above the minimum; with r within rounding). Where x is outside the set ||r|| > ||g||, and g counts.
(Kingma and Ba 2015, Adam; Loshchilov and Hutter 2019, AdamW; one rate a block as in Zhang et al.
2024, Adam-mini; on manifolds Becigneul and Ganea 2019, Riemannian Adam.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from cspec.runtime.steps.coupling import Cluster
from cspec.runtime.steps.projection import COUPLED_MOMENT as FIRST
from cspec.runtime.steps.torch_optimizers import Unmarked

LEAST = 1e-6
"""Mean of r^2 relative to that of g^2 from which it counts: steps grow to 1000 times at most."""
REACH = 1e-3
"""Root mean square of t g, or the learning rate where it is larger: t is no smaller where the rate
falls, as r would become rounding."""


class CoupledAdam(Unmarked):
    """`torch.optim.Adam` (or AdamW, `decoupled`) over clusters; each is a group of its own.

    A tensor without a gradient stays where it is and counts as one whose gradient is zero.
    """

    def __init__(
        self,
        clusters: Sequence[Cluster],
        *,
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
        decoupled: bool,
    ) -> None:
        groups = [{"params": list(cluster.tensors)} for cluster in clusters]
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(groups, {**defaults, "decoupled": decoupled})
        self._clusters = tuple(clusters)
        self._means = [_Means(cluster) for cluster in clusters]

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step of every block."""
        for place, group in enumerate(self.param_groups):
            if any(p.grad is not None for p in group["params"]):
                self._step(group, self._clusters[place], self._means[place])

    def _step(self, group: dict[str, Any], cluster: Cluster, means: _Means) -> None:
        first, second = group["betas"]
        gradients = [_gradient(p, group) for p in group["params"]]
        held = self.state[group["params"][0]]
        square = self._square(group, cluster, means, gradients)
        held["step"] = held.get("step", 0) + 1
        held["block"] = second * held.get("block", torch.zeros_like(square)) + (1 - second) * square
        scale = (held["block"] / (1 - second ** held["step"])).sqrt() + group["eps"]
        rate = group["lr"] / (1 - first ** held["step"])
        for p, g, s in zip(group["params"], gradients, means.spread(scale), strict=True):
            if p.grad is None:
                continue
            state = self.state[p]
            state[FIRST] = first * state.get(FIRST, torch.zeros_like(p)) + (1 - first) * g
            if group["decoupled"]:
                p.mul_(1 - group["lr"] * group["weight_decay"])
            p.sub_(rate * state[FIRST] / s)

    def _square(
        self, group: dict[str, Any], cluster: Cluster, means: _Means, gradients: Sequence[Tensor]
    ) -> Tensor:
        """The mean of r^2 of every block, within [1e-6, 1] of that of g^2."""
        whole = means.of(gradients)
        held = self.state[group["params"][0]]
        before = whole
        if "block" in held:
            before = held["block"] / (1 - group["betas"][1] ** held["step"])
        steps = max(group["lr"], REACH) / (before.sqrt() + group["eps"])
        left = means.of(cluster.within(gradients, means.spread(steps)))
        # Not a number where a projection met one: the gradient is not finite then.
        return torch.where(left <= whole, torch.maximum(left, LEAST * whole), whole)


def _gradient(p: Tensor, group: dict[str, Any]) -> Tensor:
    """The gradient that the moments see: with the decay of the weights, unless it is decoupled."""
    if p.grad is None:
        return torch.zeros_like(p)
    decay = 0.0 if group["decoupled"] else group["weight_decay"]
    return p.grad + decay * p if decay else p.grad


class _Means:
    """Means over the blocks of a cluster, summed in an order that no kernel chooses."""

    def __init__(self, cluster: Cluster) -> None:
        self._shapes = [tensor.shape for tensor in cluster.tensors]
        self._sizes = [tensor.numel() for tensor in cluster.tensors]
        labels = torch.cat([part.flatten() for part in cluster.labels])
        order = torch.argsort(labels, stable=True)
        sorted_ = bool((order == torch.arange(len(order))).all())
        device = cluster.tensors[0].device
        self._counts = torch.bincount(labels).to(device)
        self._labels = labels.to(device)
        self._order = None if sorted_ else order.to(device)
        self._even = bool((self._counts == self._counts[0]).all())

    def of(self, gradients: Sequence[Tensor]) -> Tensor:
        """The mean of g^2 of every block, (blocks,)."""
        squares = torch.cat([g.square().flatten() for g in gradients])
        if self._order is not None:
            squares = squares[self._order]
        if self._even:
            return squares.reshape(len(self._counts), -1).mean(dim=1)
        return torch.segment_reduce(squares, "mean", lengths=self._counts)

    def spread(self, values: Tensor) -> list[Tensor]:
        """The value of its block for every entry, a tensor a parameter."""
        if len(values) == 1:
            return [values.reshape(()) for _ in self._shapes]
        parts = torch.split(values[self._labels], self._sizes)
        return [part.reshape(size) for part, size in zip(parts, self._shapes, strict=True)]
