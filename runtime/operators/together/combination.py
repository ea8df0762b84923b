"""Several tensors as one long vector, in one set together or in an affine relation.

A + B + C <= 1        A == B.T        sum(A) == sum(B)

Relations are of any size: rows of coefficients, one an entry, are written out for few entries only.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cspec.runtime.operators.base import Operator, ShapeError, require_order, together


@dataclass(frozen=True, eq=False)
class _Relation(Operator, convex=True):
    """{(x_1, x_2, ...) : lo <= a combination with coefficients c <= hi}, as one long vector."""

    c: Sequence[float]
    lo: float
    hi: float

    def __post_init__(self) -> None:
        require_order(self.lo, self.hi, self.name)
        if not any(self.c):
            raise ShapeError(f"{self.name}: a coefficient that is not 0 is needed")

    @abstractmethod
    def _combined(self, x: Tensor) -> Tensor:
        """What is between `lo` and `hi`, entry by entry."""

    def residual(self, x: Tensor) -> Tensor:
        found = self._combined(x)
        return found - found.clamp(self.lo, self.hi)

    def inequality(self, x: Tensor) -> Tensor:
        """(lo - s, s - hi), infinite bounds left out."""
        found = self._combined(x)
        sides = [self.lo - found] if self.lo > -math.inf else []
        sides += [found - self.hi] if self.hi < math.inf else []
        return torch.cat(sides) if sides else found.new_zeros(0)


@dataclass(frozen=True, eq=False)
class Combination(_Relation, name="combination"):
    """{(x_1, x_2, ...) : lo <= sum_j c_j x_j <= hi, entry by entry}, as one long vector.

    `shape` is that of each x_j, seen with its axes the other way round where `turned` says so
    (matrices: A == B.T). Projection x_j + c_j (clamp(s, lo, hi) - s) / ||c||^2, s the combination.
    """

    shape: Sequence[int]
    turned: Sequence[bool] = ()

    def _parts(self, x: Tensor) -> Tensor:
        """Each tensor as a row, in the order of the entries of `shape`."""
        if x.numel() != len(self.c) * math.prod(self.shape):
            raise ShapeError(
                f"combination: {len(self.c)} tensors of shape {tuple(self.shape)} are not "
                f"{x.numel()} entries"
            )
        return torch.stack(
            [self._seen(part, place) for place, part in enumerate(x.reshape(len(self.c), -1))]
        )

    def _is_turned(self, place: int) -> bool:
        return bool(self.turned) and self.turned[place]

    def _seen(self, part: Tensor, place: int) -> Tensor:
        if not self._is_turned(place):
            return part.flatten()
        return part.reshape(tuple(self.shape)[::-1]).permute(*_reversed(self.shape)).flatten()

    def _back(self, parts: Tensor, x: Tensor) -> Tensor:
        found = [
            part.reshape(tuple(self.shape)).permute(*_reversed(self.shape)).flatten()
            if self._is_turned(place)
            else part
            for place, part in enumerate(parts)
        ]
        return torch.cat(found).reshape(x.shape)

    def _weights(self, x: Tensor) -> Tensor:
        return torch.tensor(list(self.c), dtype=x.dtype, device=x.device)[:, None]

    def _sum(self, parts: Tensor) -> Tensor:
        return (self._weights(parts) * parts).sum(dim=0)

    def _combined(self, x: Tensor) -> Tensor:
        return self._sum(self._parts(x))

    def coupling(self, shape: torch.Size) -> Tensor:
        """The entries that are combined with each other."""
        numbers = torch.arange(math.prod(self.shape)).expand(len(self.c), -1)
        return self._back(numbers, torch.empty(tuple(shape), device="meta"))

    def project(self, x: Tensor) -> Tensor:
        parts = self._parts(x.detach().double())
        weights = self._weights(parts)
        # The second pass takes out what the first one's cancellation left of a huge x.
        for _ in range(2):
            over = self._sum(parts)
            parts = parts - weights * (over - over.clamp(self.lo, self.hi)) / weights.square().sum()
        return self._back(parts, x).to(x.dtype)


def _reversed(shape: Sequence[int]) -> list[int]:
    return list(range(len(shape)))[::-1]


@dataclass(frozen=True, eq=False)
class Totals(_Relation, name="totals"):
    """{(x_1, x_2, ...) : lo <= sum_j c_j sum(x_j) <= hi}, as one long vector.

    `sizes` are the numbers of entries of each. Projection x_j + c_j (clamp(s, lo, hi) - s) /
    sum_j n_j c_j^2, s the weighted sum.
    """

    sizes: Sequence[int]

    def _row(self, x: Tensor) -> Tensor:
        if x.numel() != sum(self.sizes):
            raise ShapeError(f"totals: {list(self.sizes)} entries are not {x.numel()}")
        c = torch.tensor(list(self.c), dtype=x.dtype, device=x.device)
        return c.repeat_interleave(torch.tensor(list(self.sizes), device=x.device))

    def _combined(self, x: Tensor) -> Tensor:
        return (self._row(x) * x.flatten()).sum().reshape(1)

    def coupling(self, shape: torch.Size) -> Tensor:
        """All tensors whose coefficient is not 0."""
        held = self._row(torch.empty(tuple(shape))) != 0
        numbers = torch.arange(shape.numel())
        return torch.where(held, shape.numel(), numbers).reshape(shape)

    def project(self, x: Tensor) -> Tensor:
        wide = x.detach().double()
        row = self._row(wide)
        for _ in range(2):
            over = self._combined(wide)
            step = (over - over.clamp(self.lo, self.hi)) / row.square().sum()
            wide = wide - (step * row).reshape(x.shape)
        return wide.to(x.dtype)


@dataclass(frozen=True, eq=False)
class Jointly(Operator, name="jointly", convex=True):
    """{(x, y, ...) : the entries of all, one after another, are in `inner`}."""

    inner: Operator

    def __post_init__(self) -> None:
        object.__setattr__(self, "convex", self.inner.convex)
        object.__setattr__(self, "states_equality", self.inner.equality)

    @property
    def joint(self) -> bool:
        """Its tensors are projected together."""
        return True

    def coupling(self, shape: torch.Size) -> Tensor:
        """That of the long vector."""
        return self.inner.coupling(torch.Size([shape.numel()])).reshape(shape)

    def residual(self, x: Tensor) -> Tensor:
        return self.inner.residual(x.flatten())

    def inequality(self, x: Tensor) -> Tensor:
        """That of the long vector."""
        return self.inner.inequality(x.flatten())

    def project(self, x: Tensor) -> Tensor:
        return self.inner.project(x.flatten()).reshape(x.shape)

    def project_jointly(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The nearest members of all tensors as one vector."""
        return together(self.project, tensors)
