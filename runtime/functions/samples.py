"""What a mean, a fraction or a tail was taken over, for counts and standard errors.

Emitted `evaluate` says of each on which dataset it is: `fraction(event, where=.., on="val")`. Where
somebody listens, such a call also notes its examples and their influence on it,

    statistic(sample) - statistic(population)  =  sum over examples of influence + smaller terms

so that the standard error of any smooth function T of several statistics is the delta method's,
exact on all examples (the infinitesimal jackknife, Efron 1982, "The Jackknife, the Bootstrap and
Other Resampling Plans", chapter 6):

    u_i = sum over statistics s of  dT/ds * influence_i(s) * sqrt(n_s / (n_s - 1))
    standard error(T) = sqrt(sum_i u_i^2), over datasets that are drawn apart the sum of squares

The factor makes it s / sqrt(n) with n - 1 degrees of freedom for a single mean. The statistic is
handed on as a leaf of the gradient graph: dT/ds is read from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import torch
from torch import Tensor


class Sample(NamedTuple):
    """One statistic, as it was measured on the examples of a dataset."""

    dataset: str
    value: Tensor
    """0-dim, or one number a group; a leaf that T is a function of."""
    counted: Tensor
    """Which examples it is taken over."""
    counts: Tensor
    """Examples of each group; one number for a plain statistic."""
    influence: Callable[[Tensor], Tensor]
    """dT/ds, of the shape of `value` -> its part of u_i, (B,)."""
    members: Tensor | None = None
    """Where each number is that of one requirement of many: which examples each is over, (n, B)."""
    place: int | None = None
    """The member that is looked at."""

    def at(self, place: int | None) -> Sample:
        """What one requirement sees of a statistic of many; others are seen as they are."""
        if self.members is None or place is None:
            return self
        counts = self.counts[place : place + 1]
        return self._replace(counted=self.members[place], counts=counts, place=place)

    @property
    def seen(self) -> Tensor:
        """The value, of a member its own."""
        return self.value if self.place is None else self.value[self.place]


class Noted(list[Sample]):
    """Statistics in the order in which they came, and which values are those of members."""

    def __init__(self) -> None:
        super().__init__()
        self.places: dict[int, tuple[Tensor, int]] = {}
        """By the identity of a value: the value, kept so that it stays, and its member."""
        self.asked: dict[int, tuple[Tensor, int]] = {}
        """Of a largest or smallest value: the value, and how many examples it was taken over."""


_heard: ContextVar[Noted | None] = ContextVar("heard", default=None)


@contextmanager
def listening() -> Iterator[Noted]:
    """A block whose statistics are noted in the list given, in the order in which they come."""
    found = Noted()
    token = _heard.set(found)
    try:
        yield found
    finally:
        _heard.reset(token)


def heard() -> bool:
    """Whether somebody listens."""
    return _heard.get() is not None


def note(on: str, value: Tensor, scores: Tensor, selected: Tensor | None = None) -> Tensor:
    """A statistic that is, to first order, the mean of `scores` over the entries selected.

    `scores` are (B, ...): an example with several entries is drawn as a whole, so its influence
    is (sum of its scores - mean of all * its entries) / number of all entries.
    """
    if scores.ndim == 0:
        return value
    scores = scores.detach()
    kept = torch.ones_like(scores, dtype=torch.bool) if selected is None else selected
    counted_B = kept.reshape(len(kept), -1).any(1)
    count = counted_B.sum()

    def influence(slope: Tensor) -> Tensor:
        chosen = torch.where(kept, scores.double(), 0.0)
        sums_B, entries_B = (part.reshape(len(part), -1).sum(1) for part in (chosen, kept.double()))
        centered_B = sums_B - sums_B.sum() / entries_B.sum() * entries_B
        return _part(slope, centered_B / entries_B.sum() * _freedom(count))

    return _note(on, value, counted_B, count.reshape(1), influence)


def note_groups(
    on: str, value_G: Tensor, values_B: Tensor, codes_B: Tensor, counted_B: Tensor
) -> Tensor:
    """Means within groups: an example has influence on that of its own group.

    Those that do not count may have any code.
    """
    codes_B = codes_B.long().clamp(min=0)
    counts_G = value_G.new_zeros(len(value_G), dtype=torch.float64)
    counts_G = counts_G.index_add(0, codes_B, counted_B.double())
    values_B, center_G = values_B.detach(), value_G.detach()

    def influence(slope_G: Tensor) -> Tensor:
        spread_B = (values_B - center_G[codes_B]).double() / counts_G[codes_B]
        parts_B = torch.where(counted_B, spread_B * _freedom(counts_G)[codes_B], 0.0)
        return _part(slope_G[codes_B], parts_B)

    return _note(on, value_G, counted_B, counts_G, influence)


def note_members(on: str, value_n: Tensor, scores_nB: Tensor, counted_nB: Tensor) -> Tensor:
    """Means of the members of one form: each over examples of its own."""
    scores_nB, center_n = scores_nB.detach(), value_n.detach()
    counts_n = counted_nB.sum(1)

    def influence(slope_n: Tensor) -> Tensor:
        k = slope_n.nonzero().flatten()  # mostly one of a thousand
        counts_k, counted_kB = counts_n[k].unsqueeze(1), counted_nB[k]
        spread_kB = (scores_nB[k] - center_n[k].unsqueeze(1)).double() / counts_k
        parts_kB = torch.where(counted_kB, spread_kB * _freedom(counts_k), 0.0)
        return _part(slope_n[k].unsqueeze(1), parts_kB).sum(0)

    return _note(on, value_n, counted_nB.any(0), counts_n, influence, counted_nB)


def note_draws(on: str, values_B: Tensor, variances_B: Tensor) -> Tensor:
    """Means over noise of each example, independent of each other, with variances of their own."""
    error_B = variances_B.double().sqrt()
    every_B = torch.ones_like(values_B, dtype=torch.bool)
    count = every_B.sum().reshape(1)
    return _note(on, values_B, every_B, count, lambda slope: _part(slope, error_B))


def places_of_members(values: Sequence[Tensor]) -> Sequence[Tensor]:
    """Values of the members of one form, in order; who listens knows them again."""
    found = _heard.get()
    if found is not None:
        found.places |= {id(value): (value, place) for place, value in enumerate(values)}
    return values


def note_asked(value: Tensor, measured: Tensor) -> Tensor:
    """The value of the worst example, of as many as were measured."""
    found = _heard.get()
    if found is not None:
        rows = measured.reshape(len(measured), -1).any(1)
        found.asked[id(value)] = (value, int(rows.sum()))
    return value


def _part(slope: Tensor, parts_B: Tensor) -> Tensor:
    """Slope times influence; nothing where the slope is 0, even if the influence is not known."""
    slope = slope.double()
    return torch.where(slope != 0, slope * parts_B, 0.0)


def _freedom(counts: Tensor) -> Tensor:
    """sqrt(n / (n - 1)); NaN where a single example tells no spread."""
    counts = counts.double()
    return (counts / torch.where(counts > 1, counts - 1, torch.nan)).sqrt()


def _note(
    on: str,
    value: Tensor,
    counted_B: Tensor,
    counts_G: Tensor,
    influence: Callable[[Tensor], Tensor],
    members: Tensor | None = None,
) -> Tensor:
    leaf = value.detach().clone().requires_grad_()
    found = _heard.get()
    assert found is not None
    found.append(Sample(on, leaf, counted_B, counts_G, influence, members))
    return leaf
