"""Noise beside examples: the mean of a function over draws, for each example its own.

    E[e(z, d) for d in normal(m, s)]  ~  (e(z, d_1) + ... + e(z, d_K)) / K,    d_k independent

A draw is a number of each example, or one for each entry of the column that it is added to. The
draws of a step are a function of the seed of the run and the step, from a generator of their own:
what a step and its multipliers see is the same, a resumed run sees it again, and all other random
numbers stay as they are. Where a verdict is measured there are more of them, always the same.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from cspec.runtime.functions.samples import heard, note_draws
from cspec.runtime.functions.shapes import ShapeMismatch
from cspec.runtime.functions.worst_case import PRIME, WHOLE, Moved, Rows, Value

Noise = tuple[str, str, float, float, str | None]
"""Its name in the rows; `normal` with mean and deviation, `uniform` with its ends; the column whose
entries it is added to, None for a number of each example."""
TOGETHER = 16_384
"""Rows that go through a model at once, at most, or those of the batch."""
JUDGED = -1
"""In the place of the step, where a verdict is measured."""


def mean_over_draws(
    value: Value,
    primal: Mapping[str, Any],
    batch: Rows,
    dataset: str,
    noises: tuple[Noise, ...],
    draws: int,
    *,
    judged: int,
    seed: int = 0,
    whole: bool = False,
    on: str | None = None,
) -> Tensor:
    """The mean of `value`, one number an example, over draws of `noises`: (B,).

    Whole data that are brought to a verdict, and those that it is measured on (`whole`), see
    `judged` draws. With `on`, who listens hears the error of the draws of each example.

    Raises:
        ShapeMismatch: noise of a column of whole numbers.
    """
    rows = batch[dataset]
    verdict = whole or WHOLE in batch
    step = JUDGED if verdict or "clock" not in batch else int(batch["clock"])
    n = judged if verdict else draws
    generator = torch.Generator().manual_seed((seed * PRIME + step) % 2**40)
    whole_rows = dict(rows)
    size = len(next(iter(whole_rows.values())))
    found = []
    for start in range(0, n, times := max(1, min(n, TOGETHER // max(size, 1)))):
        count = min(times, n - start)
        several = {name: torch.cat([column] * count) for name, column in whole_rows.items()}
        drawn = {noise[0]: _drawn(noise, *_shape(several, noise), generator) for noise in noises}
        values = value(primal, Moved(batch, dataset, {**several, **drawn}))
        found.append(values.reshape(count, size))
    values_KB = torch.cat(found)
    mean = values_KB.mean(0)
    if on is None or not heard() or n < 2:
        return mean
    return note_draws(on, mean, values_KB.detach().var(0) / n)


def _shape(rows: Rows, noise: Noise) -> tuple[Tensor, torch.Size]:
    """The column whose number format noise has, and its shape."""
    name = noise[-1]
    like = next(iter(rows.values())) if name is None else rows[name]
    if name is None or like.ndim == 1:
        real = next((c for c in (like, *rows.values()) if c.is_floating_point()), None)
        real = like.new_zeros((), dtype=torch.get_default_dtype()) if real is None else real
        return real, like.shape[:1]
    if not like.is_floating_point():
        raise ShapeMismatch(f"`{name}` holds whole numbers: noise is added to real ones")
    return like, like.shape


def _drawn(noise: Noise, like: Tensor, shape: torch.Size, generator: torch.Generator) -> Tensor:
    _, kind, a, b, _ = noise
    if kind == "normal":
        found = a + b * torch.randn(shape, generator=generator, dtype=torch.float64)
    else:
        found = a + (b - a) * torch.rand(shape, generator=generator, dtype=torch.float64)
    return found.to(like)
