"""Several tensors in one set together, as if they were one long vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cspec.runtime.operators.base import Operator, together


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
