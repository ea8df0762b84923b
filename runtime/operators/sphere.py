"""The sphere: a fixed Euclidean norm of the whole tensor or of each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from cspec.runtime.operators.base import EmptySetError, Operator
from cspec.runtime.operators.linear_algebra import as_matrix, norm
from cspec.runtime.operators.maps_elementwise import UnitNorm, normalized


@dataclass(frozen=True)
class Sphere(Operator):
    """{x : ||x||_2 = radius}; with `unit_rows` each row of (outputs, rest) has that norm.

    The nearest point of zero is not unique: the constant vector is taken.
    """

    radius: float = 1.0
    unit_rows: bool = False
    name: ClassVar[str] = "sphere"
    convex: ClassVar[bool] = False
    states_equality: ClassVar[bool] = True
    maps: ClassVar[tuple[str, ...]] = ("unit_norm",)

    def __post_init__(self) -> None:
        if not self.radius >= 0:
            raise EmptySetError(f"sphere(radius={self.radius}): a nonnegative radius is needed")

    def residual(self, x: Tensor) -> Tensor:
        if x.numel() == 0:
            return x.new_zeros(0)
        length = norm(as_matrix(x), dim=1) if self.unit_rows else norm(x).reshape(1)
        return length - self.radius

    def project(self, x: Tensor) -> Tensor:
        return self.radius * normalized(x, self.unit_rows)

    def _map(self, by: str) -> nn.Module:
        return UnitNorm(self.radius, self.unit_rows)

    def lmo(self, gradient: Tensor) -> Tensor:
        return -self.project(gradient)

    def project_momentum(self, x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
        """The tangent part m - <m, u> u with u = x / ||x||."""
        if momentum.numel() == 0:
            return momentum.clone()
        unit = normalized(x_projected, self.unit_rows)
        product = unit * momentum
        if self.unit_rows:
            along = as_matrix(product).sum(dim=1)
            return momentum - along.reshape(-1, *[1] * (momentum.ndim - 1)) * unit
        return momentum - torch.sum(product) * unit
