"""Affine rows that share no entry: each is projected onto by itself, all at once.

forall i in range(n): sum(W[i]) == 1        forall i in range(n), j in range(i): W[i, j] == W[j, i]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from cspec.runtime.operators.base import Operator, ShapeError, require_order
from cspec.runtime.operators.box import sides
from cspec.runtime.operators.rows import Row, dense


class _Entries(NamedTuple):
    """The entries of all rows, one after another."""

    places: Tensor
    """In the flattened tensor."""
    owners: Tensor
    """The row of each."""
    values: Tensor
    lengths: Tensor
    """||a||^2 of each row."""


@dataclass(frozen=True, eq=False)
class Separate(Operator, name="separate", convex=True):
    """{x : lo_i <= <a_i, x> <= hi_i}, rows a_i without a common entry; equal ends: an equality."""

    a: Sequence[Row]
    lo: Sequence[float]
    hi: Sequence[float]

    def __post_init__(self) -> None:
        if not len(self.a) == len(self.lo) == len(self.hi):
            raise ShapeError("separate: a row needs a lower and an upper bound")
        for low, high in zip(self.lo, self.hi, strict=True):
            require_order(low, high, self.name)

    @cached_property
    def _known(self) -> dict[torch.Size, _Entries]:
        return {}

    def _entries(self, x: Tensor) -> _Entries:
        if x.shape not in self._known:
            self._known[x.shape] = self._found(x.shape)
        return _Entries(*(part.to(x.device) for part in self._known[x.shape]))

    def _found(self, shape: torch.Size) -> _Entries:
        places, owners, values = [], [], []
        for owner, row in enumerate(self.a):
            whole = dense(row, shape, self.name).flatten()
            held = whole.nonzero().flatten()
            places.append(held)
            owners.append(torch.full_like(held, owner))
            values.append(whole[held])
        every, value, mine = torch.cat(places), torch.cat(values), torch.cat(owners)
        if len(set(every.tolist())) < every.numel():
            raise ShapeError("separate: two rows have an entry in common")
        lengths = torch.zeros(len(self.a), dtype=torch.float64).index_add(0, mine, value**2)
        return _Entries(every, mine, value, lengths)

    def _products(self, x: Tensor) -> Tensor:
        """<a_i, x> of every row."""
        entries = self._entries(x)
        terms = entries.values.to(x.dtype) * x.flatten()[entries.places]
        return terms.new_zeros(len(self.a)).index_add(0, entries.owners, terms)

    def _ends(self, x: Tensor) -> tuple[Tensor, Tensor]:
        lo = torch.tensor(list(self.lo), dtype=x.dtype, device=x.device)
        return lo, torch.tensor(list(self.hi), dtype=x.dtype, device=x.device)

    def residual(self, x: Tensor) -> Tensor:
        products = self._products(x)
        return products - products.clamp(*self._ends(x))

    def inequality(self, x: Tensor) -> Tensor:
        """(lo - <a, x>, <a, x> - hi), infinite bounds left out."""
        return sides(self._products(x), *self._ends(x))

    def coupling(self, shape: torch.Size) -> Tensor:
        """Each row's entries; the others are free."""
        entries = self._entries(torch.empty(tuple(shape)))
        numbers = torch.arange(shape.numel())
        numbers[entries.places] = shape.numel() + entries.owners
        return numbers.reshape(shape)

    def project(self, x: Tensor) -> Tensor:
        """x + a_i (nearest value - <a_i, x>) / ||a_i||^2 of every row, in float64."""
        flat = x.detach().double().flatten()
        entries = self._entries(x)
        # The second pass takes out what the first one's cancellation left of a huge x.
        for _ in range(2):
            step = -self.residual(flat.reshape(x.shape)) / entries.lengths
            flat = flat.index_add(0, entries.places, entries.values * step[entries.owners])
        return flat.reshape(x.shape).to(x.dtype)

    def project_momentum(self, x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
        """Without what points out of the rows that hold it."""
        entries = self._entries(momentum)
        moved = self.residual(x_before.double())
        along = self._products(momentum.double())
        # The step is minus the momentum: outward where it goes on in the direction taken back.
        outward = torch.where(moved * along < 0, along, torch.zeros_like(along)) / entries.lengths
        flat = momentum.double().flatten()
        flat = flat.index_add(0, entries.places, -entries.values * outward[entries.owners])
        return flat.reshape(momentum.shape).to(momentum.dtype)
