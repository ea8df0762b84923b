"""Means over batches of late steps: what preferences and penalties are judged by within a step.

The violation of a mean is not the mean of the violations of batches: E[max(0, g(batch))] is above
max(0, g) wherever batches are noisy, and pulls where the preference holds. So a step takes each
mean in it for the average of what late steps measured, with the gradient of its own batch
(stochastic compositional gradients: Wang, Fang and Liu 2017, Mathematical Programming 161). What is
measured on whole data, in batches without a memory, is as it is written.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from cspec.compiler.choose.schedule import LATE_STEPS
from cspec.runtime.steps.update import distance, shortfall, stands_in, weigh

MEMORY = "late"
"""What a batch holds the state by in which averages are remembered."""
WIDE = 4.0
"""Standard deviations of g on batches, about, from which a violation has its whole weight at once;
within, it gets there as time goes by: faster, weight and model would circle."""


def late(value: Tensor, batch: Mapping[str, Any], name: str, window: int = LATE_STEPS) -> Tensor:
    """The average of a mean over late steps, with the gradient of this batch.

    Entries that a batch does not measure (NaN) keep their average; the less often one is measured,
    the more it pulls where it is. NaN where nothing was measured yet.
    """
    memory = batch.get(MEMORY)
    if memory is None:
        return value
    new = value.detach().reshape(-1).to(torch.promote_types(value.dtype, torch.float32))
    mean, measured, steps = memory.get(name, new.new_zeros(3, len(new))).to(new)
    there = torch.isfinite(new)
    if not torch.is_grad_enabled():  # somebody looks, and nothing moves
        return torch.where(measured > 0, mean, new).reshape(value.shape).to(value.dtype)
    measured, steps = measured + there, steps + 1
    newest = (1 / measured.clamp(1)).clamp(1 / window)
    mean = torch.where(there, mean + newest * (new - mean), mean)
    memory[name] = torch.stack([mean, measured, steps])
    found = torch.where(measured > 0, mean, torch.nan).reshape(value.shape).to(value.dtype)
    often = (steps / measured.clamp(1)).reshape(value.shape).to(value.dtype)
    moves = torch.where(there.reshape(value.shape), value, 0.0) * often
    return stands_in(found, moves)


def late_violation(
    g: Tensor,
    batch: Mapping[str, Any],
    name: str,
    window: int = LATE_STEPS,
    *,
    equal: bool = False,
) -> Tensor:
    """Sum of [g]+, or of |g|, of averages g, with weights in [0, 1] that settle at the kink.

    max(0, g) is the largest m g over 0 <= m <= 1, so m rises while g > 0 and falls while g < 0:
    where the minimum lies on the kink m settles between, and steps do not go from side to side.
    """
    amount = distance(g) if equal else shortfall(g)
    memory = batch.get(MEMORY)
    if memory is None or not torch.is_grad_enabled():
        return amount
    now = torch.nan_to_num(g.detach().reshape(-1)).to(torch.promote_types(g.dtype, torch.float32))
    before, width, weight, steps = memory.get(name, now.new_zeros(4, len(now))).to(now)
    moved = torch.where(steps > 0, (now - before).abs(), 0)
    width = width + (1 / (steps + 1)).clamp(1 / window) * (moved - width)
    least = -1.0 if equal else 0.0
    pull = (now / (WIDE * window * width).clamp(torch.finfo(now.dtype).tiny)).clamp(-1, 1)
    weight = torch.where(steps > 0, weight + pull / window, pull).clamp(least, 1)
    memory[name] = torch.stack([now, width, weight, steps + 1])
    return stands_in(amount, weigh((weight + pull).clamp(least, 1).to(g.dtype), g))


def combined(
    module: Mapping[str, Any],
    measured: tuple[Tensor, Tensor, Tensor],
    state: Mapping[str, Tensor],
    batch: Mapping[str, Any],
) -> Tensor:
    """The loss of what was measured on a batch, which may remember weights."""
    combine = module["combine"]
    more = (batch,) if combine.__code__.co_argcount > 4 else ()
    loss: Tensor = combine(*measured, state, *more)
    return loss
