"""A set on some rows of a tensor, the others free: `norm(W[0], 2) <= 1`, `W[2] in simplex`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from cspec.runtime.operators.base import Operator, ShapeError

Place = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class OnRows(Operator):
    """{x : each of the rows x[place] is in a set}, `inner` being a set that acts row by row.

    A row is what is left behind the indices of its place, flattened.
    """

    inner: Operator
    rows: Sequence[Place]
    name: ClassVar[str] = "on_rows"
    convex: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "convex", self.inner.convex)
        object.__setattr__(self, "entrywise", self.inner.entrywise)
        object.__setattr__(self, "states_equality", self.inner.equality)
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

    def _put(self, x: Tensor, rows: Tensor) -> Tensor:
        numbers, shape = self._places(x)
        return x.reshape(shape).index_copy(0, numbers, rows).reshape(x.shape)

    def residual(self, x: Tensor) -> Tensor:
        return self.inner.residual(self._taken(x))

    def inequality(self, x: Tensor) -> Tensor:
        """That of the rows."""
        if self.inner.equality:
            return super().inequality(x)
        return self.inner.inequality(self._taken(x))

    def coupling(self, shape: torch.Size) -> Tensor:
        """That of the set on the rows; the other entries are free."""
        numbers = torch.arange(shape.numel()).reshape(shape)
        inner = self.inner.coupling(self._taken(numbers).shape)
        return self._put(numbers, inner + shape.numel())

    def project(self, x: Tensor) -> Tensor:
        return self._put(x, self.inner.project(self._taken(x)))

    def project_momentum(self, x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
        parts = (self._taken(part) for part in (x_projected, x_before, momentum))
        return self._put(momentum, self.inner.project_momentum(*parts))
