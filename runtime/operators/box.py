"""Entrywise bounds: nonneg and box."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from cspec.runtime.operators.base import (
    EmptySetError,
    NoFormError,
    Operator,
    ShapeError,
    zero_where_moved,
)
from cspec.runtime.operators.linear_algebra import like
from cspec.runtime.operators.maps.elementwise import Identity, Sigmoid, Softplus


@dataclass(frozen=True)
class Nonneg(Operator):
    """{x : x >= 0}. Projection: max(x, 0)."""

    name: ClassVar[str] = "nonneg"
    entrywise: ClassVar[bool] = True
    convex: ClassVar[bool] = True
    maps: ClassVar[tuple[str, ...]] = ("softplus",)

    def residual(self, x: Tensor) -> Tensor:
        return torch.relu(-x)

    def inequality(self, x: Tensor) -> Tensor:
        return -x.flatten()

    def project(self, x: Tensor) -> Tensor:
        return x.clamp(min=0)

    def _map(self, by: str) -> nn.Module:
        return Softplus()

    def project_momentum(self, x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
        return zero_where_moved(x_projected, x_before, momentum)


@dataclass(frozen=True, eq=False)
class Box(Operator):
    """{x : lo <= x <= hi}, each bound a number (may be infinite) or a tensor like x.

    Raises EmptySetError when some lo exceeds its hi.
    """

    lo: float | Tensor
    hi: float | Tensor
    name: ClassVar[str] = "box"
    entrywise: ClassVar[bool] = True
    convex: ClassVar[bool] = True
    maps: ClassVar[tuple[str, ...]] = ("sigmoid", "softplus")

    def __post_init__(self) -> None:
        lo, hi = torch.as_tensor(self.lo), torch.as_tensor(self.hi)
        if not bool((lo <= hi).all()):
            raise EmptySetError(f"box({self.lo}, {self.hi}) has a lower bound above its upper one")

    def _bounds(self, x: Tensor) -> tuple[Tensor, Tensor]:
        try:
            return like(self.lo, x).expand_as(x), like(self.hi, x).expand_as(x)
        except RuntimeError as error:
            raise ShapeError(f"box: the bounds do not fit shape {tuple(x.shape)}") from error

    def residual(self, x: Tensor) -> Tensor:
        lo, hi = self._bounds(x)
        return torch.relu(lo - x) + torch.relu(x - hi)

    def inequality(self, x: Tensor) -> Tensor:
        """(lo - x, x - hi) stacked; infinite bounds state nothing and are left out."""
        lo, hi = self._bounds(x)
        below, above = torch.isfinite(lo), torch.isfinite(hi)
        return torch.cat([(lo - x)[below], (x - hi)[above]])

    def project(self, x: Tensor) -> Tensor:
        lo, hi = self._bounds(x)
        return x.clamp(lo, hi)

    def _map(self, by: str) -> nn.Module:
        """Sigmoid between two finite bounds, softplus from a single one, else the identity."""
        lower = bool(torch.isfinite(torch.as_tensor(self.lo)).all())
        upper = bool(torch.isfinite(torch.as_tensor(self.hi)).all())
        if lower and upper:
            if by == "softplus":
                raise NoFormError("softplus has one bound, this box has two (use sigmoid)")
            return Sigmoid(self.lo, self.hi)
        mixed = any(isinstance(bound, Tensor) for bound in (self.lo, self.hi))
        if lower and _unbounded(self.hi, math.inf):
            return Softplus(self.lo)
        if upper and _unbounded(self.lo, -math.inf):
            return Softplus(self.hi, upward=False)
        if mixed:
            raise NoFormError("a box with some infinite entries has no parametrization")
        return Identity()

    def lmo(self, gradient: Tensor) -> Tensor:
        """lo where the gradient is positive, hi elsewhere; NoFormError if that is infinite."""
        lo, hi = self._bounds(gradient)
        corner = torch.where(gradient > 0, lo, hi)
        if not bool(torch.isfinite(corner).all()):
            raise NoFormError("a box with an infinite bound has no linear minimization oracle")
        return corner.clone()

    def project_momentum(self, x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
        return zero_where_moved(x_projected, x_before, momentum)


def _unbounded(bound: float | Tensor, infinity: float) -> bool:
    return bool((torch.as_tensor(bound) == infinity).all())
