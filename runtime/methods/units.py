"""Slopes of objective and constraints: the units that penalties are made of."""

from collections.abc import Sequence

import torch
from torch import Tensor

from cspec.runtime.session.optimizers import Optimizers


def gradient_rate(optimizer: torch.optim.Optimizer | Optimizers) -> float:
    """The largest lr / (1 - momentum) of plain gradient steps; 0 where none are taken."""
    rates = (
        float(group["lr"]) / max(1e-3, 1 - float(group.get("momentum", 0.0)))
        for group in optimizer.param_groups
        if "betas" not in group and "dampening" in group
    )
    return max(rates, default=0.0)


def slopes(values: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """|grad v_i|, the Euclidean norm over all that moves, of each entry; 0 of what is NaN.

    The graph of `values` is kept: the step that follows goes back through it once more.
    """
    return torch.stack([_slope(value, parameters) for value in values.reshape(-1)])


def _slope(value: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    zero = torch.zeros((), device=value.device, dtype=value.dtype)
    if not value.requires_grad or not torch.isfinite(value):
        return zero
    found = torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True)
    squares = [gradient.square().sum() for gradient in found if gradient is not None]
    return torch.nan_to_num(torch.stack(squares).sum().sqrt()) if squares else zero


@torch.no_grad()
def size_of(parameters: Sequence[Tensor]) -> Tensor:
    """The Euclidean norm of all that moves."""
    return torch.stack([parameter.square().sum() for parameter in parameters]).sum().sqrt()
