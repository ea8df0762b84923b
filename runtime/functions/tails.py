"""Tail statistics of a sample: conditional value at risk and quantiles, with masks."""

import torch
from torch import Tensor

from cspec.runtime.functions.samples import heard, note
from cspec.runtime.functions.statistics import as_numbers, mask_like


def _ordered(values: Tensor, where: Tensor | None, descending: bool) -> tuple[Tensor, Tensor]:
    """All values in order, those that are not selected last; and the count, float64 and 0-dim."""
    flat = as_numbers(values).flatten()
    if where is None:
        count = torch.full((), flat.numel(), dtype=torch.float64, device=flat.device)
    else:
        selected = mask_like(values, where).flatten()
        flat = flat.masked_fill(~selected, -torch.inf if descending else torch.inf)
        count = selected.sum().to(torch.float64)
    return flat.sort(descending=descending).values, count


def cvar(
    values: Tensor, level: float, where: Tensor | None = None, on: str | None = None
) -> Tensor:
    """Conditional value at risk: mean of the worst (largest) 1 - level of the values; 0-dim.

    With n values and tail k = n (1 - level), value i of the descending order weighs
    `clip(k - i, 0, 1) / k`: exact also where k is no whole number. It equals the minimum over t of
    `t + mean([v - t]+) / (1 - level)`. `level` 0 is the mean; levels near 1 give the maximum.
    Empty selections give NaN with zero gradient.
    Source: Rockafellar and Uryasev 2000, "Optimization of conditional value-at-risk", eq. 4-5.

    Raises:
        ValueError: a level outside [0, 1).
    """
    if not 0 <= level < 1:
        raise ValueError(f"cvar needs a level in [0, 1), but it is {level}")
    ordered, count = _ordered(values, where, descending=True)
    tail = torch.where(count > 0, count * (1 - level), torch.ones_like(count))
    ranks = torch.arange(ordered.numel(), dtype=torch.float64, device=ordered.device)
    weights = ((tail - ranks).clamp(0, 1) / tail).to(ordered.dtype)
    used = (weights > 0) & (ranks < count)
    total = (weights * torch.where(used, ordered, torch.zeros_like(ordered))).sum()
    value = torch.where(count > 0, total, torch.full_like(total, torch.nan))
    if on is None or not heard():
        return value
    # Of 0.15 * 60 = 9.000000000000002 values the last is the ninth.
    last = ((tail * (1 - 1e-12)).ceil() - 1).clamp(min=0).long().reshape(1)
    threshold = ordered.index_select(0, last).squeeze(0)
    scores = threshold + (as_numbers(values) - threshold).relu() / (1 - level)
    return note(on, value, scores, None if where is None else mask_like(values, where))


def quantile(
    values: Tensor, q: float, where: Tensor | None = None, on: str | None = None
) -> Tensor:
    """Empirical quantile with linear interpolation at position q (n - 1); 0-dim.

    The gradient reaches the two neighbouring order statistics. Empty selections give NaN with zero
    gradient.

    Raises:
        ValueError: q outside [0, 1].
    """
    if not 0 <= q <= 1:
        raise ValueError(f"quantile needs q in [0, 1], but it is {q}")
    ordered, count = _ordered(values, where, descending=False)
    if ordered.numel() == 0:
        return ordered.new_full((), torch.nan)
    value = _at(ordered, q * (count - 1))
    value = torch.where(count > 0, value, torch.full_like(value, torch.nan))
    if on is None or not heard():
        return value
    below = (as_numbers(values) <= value).to(value.dtype)
    scores = value + (q - below) * _sparsity(ordered, q, count)
    return note(on, value, scores, None if where is None else mask_like(values, where))


def _at(ordered: Tensor, position: Tensor) -> Tensor:
    """The value at a position between two order statistics."""
    position = position.clamp(min=0)
    below = position.floor()
    share = (position - below).to(ordered.dtype)
    lower = ordered.index_select(0, below.long().reshape(1)).squeeze(0)
    upper = ordered.index_select(0, position.ceil().long().reshape(1)).squeeze(0)
    return torch.where(share > 0, lower + share * (upper - lower), lower)


def _sparsity(ordered: Tensor, q: float, count: Tensor) -> Tensor:
    """1 / density at the quantile, from the distance of the quantiles one error of q apart.

    NaN at the ends, which have no first-order error. Siddiqui 1960; Bahadur 1966 for the score
    (q - [v <= quantile]) / density.
    """
    error = (q * (1 - q) / count.clamp(min=1)).sqrt()
    low, high = (q - error).clamp(0, 1), (q + error).clamp(0, 1)
    apart = _at(ordered, high * (count - 1)) - _at(ordered, low * (count - 1))
    return torch.where(high > low, apart / (high - low), torch.nan)
