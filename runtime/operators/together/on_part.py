"""A set on a part of a tensor or on some of its rows, the rest free.

W[:, 0] in simplex        X[0:2, 0:2] in psd        norm(W[0], 2) <= 1        W[2] in simplex
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cspec.runtime.operators.base import Operator, ShapeError

Place = int | tuple[int, int]
RowPlace = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class _OnSome(Operator, convex=True):
    """A set on what is taken out of a tensor; the other entries are free."""

    inner: Operator

    def __post_init__(self) -> None:
        object.__setattr__(self, "convex", self.inner.convex)
        object.__setattr__(self, "entrywise", self.inner.entrywise)
        object.__setattr__(self, "states_equality", self.inner.equality)

    @abstractmethod
    def _taken(self, x: Tensor) -> Tensor:
        """What of a tensor is in the set."""

    @abstractmethod
    def _put(self, x: Tensor, taken: Tensor) -> Tensor:
        """The tensor with something else in the place of that."""

    def coupling(self, shape: torch.Size) -> Tensor:
        """That of the set on what is taken; the other entries are free."""
        numbers = torch.arange(shape.numel()).reshape(shape)
        inner = self.inner.coupling(self._taken(numbers).shape)
        return self._put(numbers, inner + shape.numel())

    def residual(self, x: Tensor) -> Tensor:
        return self.inner.residual(self._taken(x))

    def inequality(self, x: Tensor) -> Tensor:
        """That of what is taken."""
        if self.inner.equality:
            return super().inequality(x)
        return self.inner.inequality(self._taken(x))

    def project(self, x: Tensor) -> Tensor:
        return self._put(x, self.inner.project(self._taken(x)))

    def project_momentum(self, x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
        parts = (self._taken(whole) for whole in (x_projected, x_before, momentum))
        return self._put(momentum, self.inner.project_momentum(*parts))


@dataclass(frozen=True, eq=False)
class OnPart(_OnSome, name="on_part"):
    """{x : x[part] is in a set}, `part` an index or the ends of a slice for each of the first axes.

    An index takes its axis away, a slice keeps it: x[:, 0] of a matrix is a vector.
    """

    part: Sequence[Place]

    def _index(self, x: Tensor) -> tuple[int | slice, ...]:
        ends = [p if isinstance(p, tuple) else (p, p + 1) for p in self.part]
        short = len(ends) > x.ndim
        if short or any(not 0 <= a < b <= n for (a, b), n in zip(ends, x.shape, strict=False)):
            raise ShapeError(f"on_part: shape {tuple(x.shape)} has no part {list(self.part)}")
        return tuple(slice(*p) if isinstance(p, tuple) else p for p in self.part)

    def _taken(self, x: Tensor) -> Tensor:
        return x[self._index(x)]

    def _put(self, x: Tensor, taken: Tensor) -> Tensor:
        whole = x.clone()
        whole[self._index(x)] = taken
        return whole


@dataclass(frozen=True, eq=False)
class OnRows(_OnSome, name="on_rows"):
    """{x : each of the rows x[place] is in a set}, `inner` being a set that acts row by row.

    A row is what is left behind the indices of its place, flattened.
    """

    rows: Sequence[RowPlace]

    def __post_init__(self) -> None:
        super().__post_init__()
        if len({len(place) for place in self.rows}) != 1:
            raise ShapeError("on_rows: places of one length are needed")

    def _places(self, x: Tensor) -> tuple[Tensor, tuple[int, ...]]:
        """Numbers of the rows, and the shape of x with one axis for all rows."""
        depth = len(self.rows[0])
        lead, rest = x.shape[:depth], x.shape[depth:]
        if len(lead) < depth or not rest:
            raise ShapeError(f"on_rows: shape {tuple(x.shape)} has no rows x{list(self.rows[0])}")
        numbers = []
        for place in self.rows:
            if any(not 0 <= i < n for i, n in zip(place, lead, strict=True)):
                raise ShapeError(f"on_rows: shape {tuple(x.shape)} has no row {list(place)}")
            number = 0
            for i, n in zip(place, lead, strict=True):
                number = number * n + i
            numbers.append(number)
        return torch.tensor(numbers, device=x.device), (math.prod(lead), math.prod(rest))

    def _taken(self, x: Tensor) -> Tensor:
        numbers, shape = self._places(x)
        return x.reshape(shape)[numbers]

    def _put(self, x: Tensor, taken: Tensor) -> Tensor:
        numbers, shape = self._places(x)
        return x.reshape(shape).index_copy(0, numbers, taken).reshape(x.shape)
