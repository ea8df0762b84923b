"""Numbers made of entries: of a tensor, of each example, or of the groups of the data.

`axes` says how many of the last axes hold the entries; None takes all of them, -1 all but the
first, which is that of the examples. `E[mean(f(x))]` is `mean(entries_mean(f(x), axes=1))`: the
mean of each example's outputs, then over the examples. An entry that was not measured (NaN: a group
without examples) counts for nothing with `groups=True`, and makes the result NaN otherwise.
"""

import torch
from torch import Tensor

from cspec.runtime.functions.elementary import as_tensor, operands
from cspec.runtime.functions.shapes import ShapeMismatch, Value, in_words
from cspec.runtime.functions.statistics import as_numbers, quotient


def in_one_axis(values: Tensor, axes: int | None, word: str) -> Tensor:
    """The entries that are taken together, in the last axis: (..., K).

    Raises:
        ShapeMismatch: one number, which has no entries, or fewer axes than asked for.
    """
    if axes is None or axes < 0:
        axes = values.ndim if axes is None else values.ndim - 1
    if not 0 < axes <= values.ndim:
        raise ShapeMismatch(f"`{word}` is made of several entries, but got {in_words(values)}")
    return values.flatten(values.ndim - axes)


def _measured_mean(values: Tensor) -> Tensor:
    """Mean over the last axis of the entries that are not NaN; NaN where there is none."""
    present = ~values.isnan()
    kept = torch.where(present, values, torch.zeros_like(values))
    return quotient(kept.sum(-1), present.sum(-1).to(values.dtype))


def entries_mean(values: Tensor, *, axes: int | None = None, groups: bool = False) -> Tensor:
    """`mean(v)` = sum(v) / n over the entries."""
    flat = in_one_axis(as_numbers(values), axes, "mean")
    return _measured_mean(flat) if groups else flat.mean(-1)


def entries_variance(values: Tensor, *, axes: int | None = None, groups: bool = False) -> Tensor:
    """`variance(v)` = mean((v - mean(v))^2): divided by n, as of all there is, not by n - 1."""
    flat = in_one_axis(as_numbers(values), axes, "variance")
    center = _measured_mean(flat) if groups else flat.mean(-1)
    squares = (flat - center.unsqueeze(-1)).square()
    return _measured_mean(squares) if groups else squares.mean(-1)


def entries_std(values: Tensor, *, axes: int | None = None, groups: bool = False) -> Tensor:
    """`std(v)` = sqrt(variance(v)); at equal entries, where it has a kink, its slope is 0."""
    variance = entries_variance(values, axes=axes, groups=groups)
    spread = variance > 0
    root = torch.where(spread, variance, torch.ones_like(variance)).sqrt()
    flat = torch.where(variance.isnan(), variance, torch.zeros_like(variance))
    return torch.where(spread, root, flat)


def entries_median(values: Tensor, *, axes: int | None = None, groups: bool = False) -> Tensor:
    """`median(v)`: the middle entry in order; of an even number the mean of the middle two."""
    flat = in_one_axis(as_numbers(values), axes, "median")
    ordered = flat.sort(-1).values  # NaN comes last
    count = (~flat.isnan()).sum(-1, keepdim=True)
    low = ((count - 1) // 2).clamp(min=0)
    high = (count // 2).clamp(max=flat.shape[-1] - 1)
    found = (ordered.gather(-1, low) + ordered.gather(-1, high)).squeeze(-1) / 2
    broken = flat.isnan().all(-1) if groups else flat.isnan().any(-1)
    return torch.where(broken, torch.full_like(found, torch.nan), found)


def topk(values: Tensor, k: float, *, axes: int | None = None) -> Tensor:
    """`topk(v, k)`: the k largest entries, largest first; (..., k).

    Raises:
        ShapeMismatch: fewer than k entries.
    """
    flat = in_one_axis(as_numbers(values), axes, "topk")
    if int(k) > flat.shape[-1]:
        raise ShapeMismatch(f"`topk` takes {int(k)} entries of {flat.shape[-1]}")
    return flat.topk(int(k), dim=-1).values


def argmax(values: Tensor, *, axes: int | None = None) -> Tensor:
    """`argmax(v)`: the place of the largest entry of a vector, the first of equal ones; int64."""
    if axes is None and values.ndim > 1:
        raise ShapeMismatch(f"`argmax` is of a vector, but got {in_words(values)}")
    flat = in_one_axis(values, axes, "argmax")
    places = torch.arange(flat.shape[-1], device=flat.device).expand(flat.shape)
    largest = flat == flat.amax(-1, keepdim=True)
    return torch.where(largest, places, flat.shape[-1] - 1).amin(-1)


def cumsum(values: Tensor) -> Tensor:
    """`cumsum(v)`: sums of the first 1, 2, ... entries of the last axis."""
    return in_one_axis(as_numbers(values), 1, "cumsum").cumsum(-1)


def dot(left: Tensor, right: Tensor) -> Tensor:
    """`dot(a, b)`: the sum of the products of the entries of two vectors, along the last axis.

    Raises:
        ShapeMismatch: vectors of different lengths.
    """
    one, other = in_one_axis(left, 1, "dot"), in_one_axis(right, 1, "dot")
    if one.shape[-1] != other.shape[-1]:
        raise ShapeMismatch(f"`dot` of vectors of {one.shape[-1]} and {other.shape[-1]} entries")
    return (one * other).sum(-1)


# --- probabilities -------------------------------------------------------------------------------


def _log(values: Tensor) -> Tensor:
    """log(v) with the smallest positive number in place of 0: its slope is finite there."""
    return torch.log(values.clamp(min=torch.finfo(values.dtype).tiny))


def _not_negative(found: Tensor, *probabilities: Tensor) -> Tensor:
    """NaN where a probability is negative: its logarithm is no real number."""
    for p in probabilities:
        found = torch.where(p < 0, torch.full_like(found, torch.nan), found)
    return found


def _entropy(p: Tensor) -> Tensor:
    return _not_negative(-p * _log(p), p)


def _relative(p: Tensor, q: Tensor) -> Tensor:
    """p (log p - log q), entry by entry; 0 at p = 0, infinite at q = 0 < p."""
    found = p * (_log(p) - _log(q))
    found = torch.where((q == 0) & (p > 0), torch.full_like(found, torch.inf), found)
    return _not_negative(found, p, q)


def entropy(p: Value, *, axes: int | None = None) -> Tensor:
    """`entropy(p)` = -sum p log p, in nats; 0 log 0 = 0. NaN for negative entries.

    Of one number p (a number, or one an example: `axes=0`) that of the two outcomes p and 1 - p.
    The slope at 0, which is infinite, is finite here: -log of the smallest positive number - 1.
    """
    values = as_tensor(p)
    if axes == 0 or (axes is None and values.ndim == 0):
        return _entropy(values) + _entropy(1 - values)
    return in_one_axis(_entropy(values), axes, "entropy").sum(-1)


def kl(p: Value, q: Value, *, axes: int | None = None) -> Tensor:
    """`kl(p, q)` = sum p (log p - log q), in nats, of probabilities; infinite where q = 0 < p.

    Of two numbers (or one an example each: `axes=0`) that of the outcomes (p, 1 - p), (q, 1 - q).
    NaN for negative entries: what is no probability, such as a logit, is not measured.
    """
    one, other = operands(p, q)
    if axes == 0 or (axes is None and one.ndim == other.ndim == 0):
        return _relative(one, other) + _relative(1 - one, 1 - other)
    return in_one_axis(_relative(one, other), axes, "kl").sum(-1)
