"""Symmetric and skew-symmetric matrices (batched over leading dimensions)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from cspec.runtime.operators.base import Operator, require_square
from cspec.runtime.operators.maps_matrix import SymmetricMap


@dataclass(frozen=True)
class Symmetric(Operator):
    """{X : X = X^T}. Projection (X + X^T) / 2."""

    name: ClassVar[str] = "symmetric"
    convex: ClassVar[bool] = True
    states_equality: ClassVar[bool] = True
    maps: ClassVar[tuple[str, ...]] = ("symmetric",)

    def residual(self, x: Tensor) -> Tensor:
        require_square(x, self.name)
        return x - x.mT

    def project(self, x: Tensor) -> Tensor:
        require_square(x, self.name)
        return x / 2 + x.mT / 2

    def _map(self, by: str) -> nn.Module:
        return SymmetricMap()

    def project_momentum(self, x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
        return self.project(momentum)


@dataclass(frozen=True)
class Skew(Operator):
    """{X : X = -X^T}. Projection (X - X^T) / 2."""

    name: ClassVar[str] = "skew"
    convex: ClassVar[bool] = True
    states_equality: ClassVar[bool] = True
    maps: ClassVar[tuple[str, ...]] = ("skew",)

    def residual(self, x: Tensor) -> Tensor:
        require_square(x, self.name)
        return x + x.mT

    def project(self, x: Tensor) -> Tensor:
        require_square(x, self.name)
        return x / 2 - x.mT / 2

    def _map(self, by: str) -> nn.Module:
        return SymmetricMap(skew=True)

    def project_momentum(self, x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
        return self.project(momentum)
