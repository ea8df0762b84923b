"""A set on a part of a tensor, the rest free: `W[:, 0] in simplex`, `X[0:2, 0:2] in psd`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from cspec.runtime.operators.base import Operator, ShapeError

Place = int | tuple[int, int]


@dataclass(frozen=True, eq=False)
class OnPart(Operator):
    """{x : x[part] is in a set}, `part` an index or the ends of a slice for each of the first axes.

    An index takes its axis away, a slice keeps it: x[:, 0] of a matrix is a vector.
    """

    inner: Operator
    part: Sequence[Place]
    name: ClassVar[str] = "on_part"
    convex: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "convex", self.inner.convex)
        object.__setattr__(self, "entrywise", self.inner.entrywise)
        object.__setattr__(self, "states_equality", self.inner.equality)

    def _index(self, x: Tensor) -> tuple[int | slice, ...]:
        ends = [p if isinstance(p, tuple) else (p, p + 1) for p in self.part]
        short = len(ends) > x.ndim
        if short or any(not 0 <= a < b <= n for (a, b), n in zip(ends, x.shape, strict=False)):
            raise ShapeError(f"on_part: shape {tuple(x.shape)} has no part {list(self.part)}")
        return tuple(slice(*p) if isinstance(p, tuple) else p for p in self.part)

    def _put(self, x: Tensor, part: Tensor) -> Tensor:
        whole = x.clone()
        whole[self._index(x)] = part
        return whole

    def coupling(self, shape: torch.Size) -> Tensor:
        """That of the set on the part; the other entries are free."""
        numbers = torch.arange(shape.numel()).reshape(shape)
        inner = self.inner.coupling(numbers[self._index(numbers)].shape)
        return self._put(numbers, inner + shape.numel())

    def residual(self, x: Tensor) -> Tensor:
        return self.inner.residual(x[self._index(x)])

    def inequality(self, x: Tensor) -> Tensor:
        """That of the part."""
        if self.inner.equality:
            return super().inequality(x)
        return self.inner.inequality(x[self._index(x)])

    def project(self, x: Tensor) -> Tensor:
        return self._put(x, self.inner.project(x[self._index(x)]))

    def project_momentum(self, x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
        index = self._index(momentum)
        parts = (whole[index] for whole in (x_projected, x_before, momentum))
        return self._put(momentum, self.inner.project_momentum(*parts))
