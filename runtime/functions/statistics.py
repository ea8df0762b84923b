"""Means, fractions and their relatives over examples, with masks and without host synchronization.

NaN is a value with a meaning: *not measured on this batch* (no example meets the condition).
Its gradient is exactly zero, because the branch is taken by `torch.where` after a safe division.
Events and whole numbers are counted in float64, so that a fraction equals the Python quotient of
its counts; other values keep their dtype. `on` names the dataset whose examples they are, for who
counts them and tells errors (`samples`).
"""

import torch
from torch import Tensor

from cspec.runtime.functions.samples import heard, note, note_groups
from cspec.runtime.functions.shapes import ShapeMismatch, in_words


def as_numbers(values: Tensor) -> Tensor:
    return values if values.is_floating_point() else values.to(torch.float64)


def mask_like(values: Tensor, where: Tensor) -> Tensor:
    """The mask, seen over the entries of `values`: (B,) holds for all the entries of an example."""
    if where.shape == values.shape:
        return where.bool()
    if where.ndim == 1 and values.ndim > 1 and where.shape[0] == values.shape[0]:
        return where.bool().reshape(-1, *([1] * (values.ndim - 1))).expand_as(values)
    raise ShapeMismatch(
        f"a condition of shape {in_words(where)} does not select among values of shape "
        f"{in_words(values)}; it needs one truth value an example"
    )


def quotient(numerator: Tensor | float, denominator: Tensor) -> Tensor:
    """numerator / denominator of means; NaN (not measured) with zero gradient where that is 0.

    Where the host need not wait it looks first: mostly there is nothing to be kept from 0 / 0.
    """
    if not isinstance(numerator, Tensor):
        numerator = denominator.new_tensor(numerator)
    counts = denominator.detach()
    if counts.is_cpu and bool(counts if counts.ndim == 0 else counts.all()):
        return numerator / denominator
    measured = denominator != 0
    found = numerator / torch.where(measured, denominator, torch.ones_like(denominator))
    return torch.where(measured, found, torch.full_like(found, torch.nan))


def sum_and_count(values: Tensor, where: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Sum of the selected values and how many they are, both 0-dim: what is added across devices.

    Reduce both, then divide: the mean of per-device ratios solves another problem.
    """
    values = as_numbers(values)
    if where is None:
        return values.sum(), values.new_full((), values.numel())
    selected = mask_like(values, where)
    kept = torch.where(selected, values, 0.0)
    return kept.sum(), selected.sum().to(values.dtype)


def several_numbers(values: Tensor) -> ShapeMismatch:
    """The error for an average over more than one number an example."""
    return ShapeMismatch(
        f"an average is over one number an example, but the values are {in_words(values)}"
    )


def mean(
    values: Tensor, where: Tensor | None = None, *, tokens: int = 0, on: str | None = None
) -> Tensor:
    """Mean over the examples, or over those where the mask holds; (B,) -> 0-dim.

    `tokens` axes of positions behind the examples are averaged with them: (B, T) -> 0-dim. `where`
    is boolean, (B,) or of the shape of `values`. An empty selection gives NaN (not measured) whose
    gradient is zero.

    Raises:
        ShapeMismatch: several numbers an example, or a mask of another length.
    """
    if values.ndim != 1 + tokens:
        raise several_numbers(values)
    value = as_numbers(values).mean() if where is None else quotient(*sum_and_count(values, where))
    if on is None or not heard():
        return value
    return note(on, value, values, None if where is None else mask_like(values, where))


def fraction(
    event: Tensor, where: Tensor | None = None, *, tokens: int = 0, on: str | None = None
) -> Tensor:
    """P[event | where]: the fraction of the (selected) examples where the event holds; 0-dim.

    A boolean event is counted in float64; a soft event in [0, 1] is averaged and has a gradient.
    """
    return mean(event, where, tokens=tokens, on=on)


def group_sums(
    values_B: Tensor, codes_B: Tensor, groups: int, where: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Sums and counts by group, each (G,), by one scatter-add; a code of -1 is in no group."""
    values_B = as_numbers(values_B)
    if values_B.ndim != 1 or codes_B.shape != values_B.shape:
        raise ShapeMismatch(
            f"grouping needs one value and one group an example, but the values are "
            f"{in_words(values_B)} and the groups {in_words(codes_B)}"
        )
    selected = codes_B >= 0
    if where is not None:
        selected = selected & mask_like(values_B, where)
    values_B = torch.where(selected, values_B, torch.zeros_like(values_B))
    table_2B = torch.stack([values_B, selected.to(values_B.dtype)])
    sums_2G = table_2B.new_zeros(2, groups).index_add(1, codes_B.long().clamp(min=0), table_2B)
    return sums_2G[0], sums_2G[1]


def by_group(
    values_B: Tensor,
    codes_B: Tensor,
    groups: int,
    where: Tensor | None = None,
    on: str | None = None,
) -> Tensor:
    """Mean within each group, (G,): `E[v | column]`. Empty groups are NaN with zero gradient.

    `codes_B` holds integers 0 ... groups - 1; -1 is in no group.
    """
    value_G = quotient(*group_sums(values_B, codes_B, groups, where))
    if on is None or not heard():
        return value_G
    counted_B = codes_B >= 0
    if where is not None:
        counted_B = counted_B & mask_like(values_B, where)
    return note_groups(on, value_G, as_numbers(values_B), codes_B, counted_B)


def every_group(values_G: Tensor) -> Tensor:
    """The values of all groups; none of them where one group has no example (NaN).

    Where a verdict is measured a group that is absent is not left out: `gap`, `ratio`, `max` and
    `min` of its groups are not known then.
    """
    return torch.where(values_G.isnan().any(), torch.full_like(values_G, torch.nan), values_G)


def if_measured(value: Tensor, *means: Tensor) -> Tensor:
    """`value`, or NaN (not measured) where one of the means that decide it is.

    Entry by entry where means are as many as values are; else one that misses decides them all.
    """
    for mean in means:
        missing = mean.isnan()
        missing = missing if missing.shape == value.shape else missing.any()
        value = torch.where(missing, torch.full_like(value, torch.nan), value)
    return value


def one_if_missing(values: Tensor) -> Tensor:
    """1 in place of what was not measured (NaN), without a gradient: derivatives stay finite."""
    return torch.where(values.isnan(), torch.ones_like(values), values)


def vmax(values: Tensor) -> Tensor:
    """Largest entry that was measured (not NaN), 0-dim; NaN if there is none."""
    missing = values.isnan()
    largest = values.masked_fill(missing, -torch.inf).amax()
    return torch.where(missing.all(), torch.full_like(largest, torch.nan), largest)


def vmin(values: Tensor) -> Tensor:
    """Smallest entry that was measured (not NaN), 0-dim; NaN if there is none."""
    return -vmax(-values)


def gap(values: Tensor) -> Tensor:
    """max - min over the groups that were measured, 0-dim; NaN if none was."""
    return vmax(values) - vmin(values)


def ratio(values: Tensor) -> Tensor:
    """min / max over the groups that were measured, 0-dim; NaN if none was, or if the max is 0."""
    return quotient(vmin(values), vmax(values))


def standard_error(values: Tensor, where: Tensor | None = None) -> Tensor:
    """Standard error of the mean, `s / sqrt(n)` with s of n - 1 degrees of freedom; 0-dim.

    A number for reports: no gradient. NaN for fewer than two values.
    """
    values = as_numbers(values.detach())
    center = mean(values, where)
    squares, count = sum_and_count((values - center).square(), where)
    variance = squares / torch.where(count > 1, count - 1, torch.full_like(count, torch.nan))
    return (variance / count).sqrt()
