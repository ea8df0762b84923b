"""The sphere: a fixed Euclidean norm of each row, or of the whole tensor."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cspec.runtime.operators.base import EmptySetError, Operator
from cspec.runtime.operators.linear_algebra import as_rows, norm, row_numbers
from cspec.runtime.operators.maps.elementwise import UnitNorm, normalized


@dataclass(frozen=True)
class Sphere(Operator, name="sphere", convex=False, states_equality=True, maps=("unit_norm",)):
    """{x : ||row||_2 = radius} of each row of (outputs, rest); with `whole`: ||x||_2 = radius.

    The nearest point of a row of zeros is not unique: the constant vector is taken.
    """

    radius: float = 1.0
    whole: bool = False

    def __post_init__(self) -> None:
        if not self.radius >= 0:
            raise EmptySetError(f"sphere(radius={self.radius}): a nonnegative radius is needed")

    def residual(self, x: Tensor) -> Tensor:
        if x.numel() == 0:
            return x.new_zeros(0)
        length = norm(x).reshape(1) if self.whole else norm(as_rows(x), dim=1)
        return length - self.radius

    def coupling(self, shape: torch.Size) -> Tensor:
        """Row by row, or all of it."""
        return super().coupling(shape) if self.whole else row_numbers(shape)

    def project(self, x: Tensor) -> Tensor:
        return self.radius * normalized(x, not self.whole)

    def _map(self, by: str) -> nn.Module:
        return UnitNorm(self.radius, not self.whole)

    def lmo(self, gradient: Tensor) -> Tensor:
        return -self.project(gradient)

    def project_momentum(self, x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
        """The tangent part m - <m, u> u with u = x / ||x||."""
        if momentum.numel() == 0:
            return momentum.clone()
        unit = normalized(x_projected, not self.whole)
        if self.whole:
            return momentum - torch.sum(unit * momentum) * unit
        rows, turned = as_rows(momentum), as_rows(unit)
        along = (rows * turned).sum(dim=1, keepdim=True)
        return (rows - along * turned).reshape(momentum.shape)
