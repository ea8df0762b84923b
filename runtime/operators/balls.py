"""Norm balls around zero: l1, l2, l-infinity, and the l1 ball of row norms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from cspec.runtime.operators.base import (
    EmptySetError,
    NoFormError,
    Operator,
    OperatorError,
    like,
    zero_where_moved,
)
from cspec.runtime.operators.linear_algebra import as_matrix, norm
from cspec.runtime.operators.maps_elementwise import Sigmoid
from cspec.runtime.operators.simplex import project_simplex


def project_l1(magnitudes: Tensor, radius: float) -> Tensor:
    """Nearest point of {x >= 0, sum x <= radius} to nonnegative x, along the last dimension."""
    outside = magnitudes.sum(dim=-1, keepdim=True) > radius
    return torch.where(outside, project_simplex(magnitudes, radius), magnitudes)


def require_radius(radius: float, name: str) -> None:
    if not radius >= 0:
        raise EmptySetError(f"{name}({radius}): a nonnegative number is needed")


@dataclass(frozen=True)
class Ball(Operator):
    """{x : ||x - center||_norm <= r} over the whole tensor, norm 1, 2 or inf ("inf" is read too).

    `center` is a number or a tensor of x's shape, 0 by default. With `joint` several tensors are
    in one ball together, as if they were one long vector.
    """

    r: float
    norm: float | str = 2
    joint: bool = False
    center: Tensor | float = 0.0
    name: ClassVar[str] = "ball"
    convex: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_radius(self.r, self.name)
        order = float(self.norm)
        if order not in (1.0, 2.0, math.inf):
            raise OperatorError(f"ball(norm={self.norm}): the norm is 1, 2 or inf")
        object.__setattr__(self, "norm", order)

    def _from_center(self, x: Tensor) -> Tensor:
        return x - like(self.center, x) if self._moved else x

    @property
    def _moved(self) -> bool:
        return isinstance(self.center, Tensor) or self.center != 0

    def _excess(self, x: Tensor) -> Tensor:
        x = self._from_center(x)
        if self.norm == 1.0:
            return (x.abs().sum() - self.r).reshape(1)
        if self.norm == 2.0:
            return (norm(x) - self.r).reshape(1)
        return x.abs() - self.r

    def residual(self, x: Tensor) -> Tensor:
        return torch.relu(self._excess(x))

    def inequality(self, x: Tensor) -> Tensor:
        """||x - center|| - r; for norm inf (-x - r, x - r) of x - center, entry by entry."""
        if self.norm == math.inf:
            flat = self._from_center(x).flatten()
            return torch.cat([-flat - self.r, flat - self.r])
        return self._excess(x)

    def project(self, x: Tensor) -> Tensor:
        if self._moved:
            centered = replace(self, center=0.0)
            return like(self.center, x) + centered.project(self._from_center(x))
        if x.numel() == 0:
            return x.clone()
        if self.norm == math.inf:
            return x.clamp(-self.r, self.r)
        if self.norm == 1.0:
            return x.sign() * project_l1(x.abs().flatten(), self.r).reshape(x.shape)
        length = norm(x)
        return torch.where(length > self.r, x * (self.r / length), x)

    def project_jointly(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The nearest members as one vector: all are scaled, or thresholded, together."""
        if not tensors:
            return []
        wide = torch.float64 if any(t.dtype == torch.float64 for t in tensors) else torch.float32
        flat = self.project(torch.cat([t.flatten().to(wide) for t in tensors]))
        parts = torch.split(flat, [t.numel() for t in tensors])
        return [p.reshape(t.shape).to(t.dtype) for p, t in zip(parts, tensors, strict=True)]

    def parametrization(self, by: str | None = None) -> nn.Module | None:
        """Sigmoid for the l-infinity ball, none for the others."""
        if self.norm == math.inf and by in (None, "sigmoid") and not self._moved:
            return Sigmoid(-self.r, self.r)
        if by is not None:
            raise NoFormError(f"{by} does not parametrize ball(norm={self.norm})")
        return None

    def lmo(self, gradient: Tensor) -> Tensor:
        if self._moved:
            return like(self.center, gradient) + replace(self, center=0.0).lmo(gradient)
        if gradient.numel() == 0:
            return gradient.clone()
        if self.norm == math.inf:
            return -self.r * gradient.sign()
        if self.norm == 2.0:
            length = norm(gradient)
            return -self.r * gradient / torch.where(length > 0, length, 1.0)
        flat = gradient.flatten()
        largest = flat.abs().argmax()
        vertex = torch.zeros_like(flat)
        vertex[largest] = -self.r * flat[largest].sign()
        return vertex.reshape(gradient.shape)

    def project_momentum(self, x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
        if self.norm == math.inf:
            return zero_where_moved(x_projected, x_before, momentum)
        return super().project_momentum(x_projected, x_before, momentum)


@dataclass(frozen=True)
class GroupBall(Operator):
    """{x : sum of the Euclidean norms of the rows of (outputs, rest) <= r}."""

    r: float
    name: ClassVar[str] = "group_ball"
    convex: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_radius(self.r, self.name)

    def inequality(self, x: Tensor) -> Tensor:
        return (norm(as_matrix(x), dim=1).sum() - self.r).reshape(1)

    def residual(self, x: Tensor) -> Tensor:
        return torch.relu(self.inequality(x))

    def project(self, x: Tensor) -> Tensor:
        """The vector of row norms on the l1 ball, each row rescaled to its new norm."""
        if x.numel() == 0:
            return x.clone()
        rows = as_matrix(x)
        lengths = norm(rows, dim=1)
        wanted = project_l1(lengths, self.r)
        ratio = torch.where(lengths > 0, wanted / torch.where(lengths > 0, lengths, 1.0), 0.0)
        ratio = torch.where(lengths.isnan(), torch.nan, ratio).to(x.dtype)
        return (rows * ratio[:, None]).reshape(x.shape)

    def lmo(self, gradient: Tensor) -> Tensor:
        """-r g / ||g|| on the row with the largest gradient norm, zero on the others."""
        if gradient.numel() == 0:
            return gradient.clone()
        rows = as_matrix(gradient)
        lengths = norm(rows, dim=1)
        best = lengths.argmax()
        corner = torch.zeros_like(rows)
        corner[best] = -self.r * rows[best] / torch.where(lengths[best] > 0, lengths[best], 1.0)
        return corner.reshape(gradient.shape)
