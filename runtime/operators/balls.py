"""Norm balls and spheres, of the whole or of each row; the l1 ball of row norms.

Norms are l1, l2 and l-infinity.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cspec.runtime.operators.base import (
    EmptySetError,
    NoFormError,
    Operator,
    OperatorError,
    ShapeError,
    together,
    zero_where_moved,
)
from cspec.runtime.operators.linear_algebra import as_matrix, as_rows, like, norm, row_numbers
from cspec.runtime.operators.maps.elementwise import Sigmoid, UnitNorm, normalized
from cspec.runtime.operators.simplex import project_simplex


def project_l1(magnitudes: Tensor, radius: float) -> Tensor:
    """Nearest point of {x >= 0, sum x <= radius} to nonnegative x, along the last dimension."""
    outside = magnitudes.sum(dim=-1, keepdim=True) > radius
    return torch.where(outside, project_simplex(magnitudes, radius), magnitudes)


def require_radius(radius: float, name: str) -> None:
    if not radius >= 0:
        raise EmptySetError(f"{name}({radius}): a nonnegative number is needed")


@dataclass(frozen=True, eq=False)
class Ball(Operator, name="ball", convex=True):
    """{x : ||x - center||_norm <= r} over the whole tensor, norm 1, 2 or inf ("inf" is read too).

    The center is 0, a number for every entry, or a tensor of x's shape. With `rows` it is a ball of
    each row of (outputs, rest); with `joint` several tensors are in one ball together, as if they
    were one long vector.
    """

    r: float
    norm: float | str = 2
    joint: bool = False
    center: float | Tensor = 0.0
    rows: bool = False

    def __post_init__(self) -> None:
        require_radius(self.r, self.name)
        order = float(self.norm)
        if order not in (1.0, 2.0, math.inf):
            raise OperatorError(f"ball(norm={self.norm}): the norm is 1, 2 or inf")
        object.__setattr__(self, "norm", order)

    def _from_center(self, x: Tensor) -> Tensor:
        """x - center, as rows; all of x is one row unless each is in a ball of its own."""
        if isinstance(self.center, Tensor) and self.center.numel() not in (1, x.numel()):
            raise ShapeError(f"ball: the center is {_sizes(self.center)}, x is {_sizes(x)}")
        return self._as_rows(x - self._center_of(x) if self._moved else x)

    def _as_rows(self, x: Tensor) -> Tensor:
        return as_rows(x) if self.rows else x.reshape(1, -1)

    def _center_of(self, x: Tensor) -> Tensor:
        center = like(self.center, x)
        return center.reshape(x.shape) if center.numel() == x.numel() else center

    def _back(self, rows: Tensor, x: Tensor) -> Tensor:
        whole = rows.reshape(x.shape)
        return whole + self._center_of(x) if self._moved else whole

    @property
    def _moved(self) -> bool:
        return isinstance(self.center, Tensor) or self.center != 0

    def _excess(self, x: Tensor) -> Tensor:
        rows = self._from_center(x)
        if self.norm == 1.0:
            return rows.abs().sum(dim=1) - self.r
        if self.norm == 2.0:
            return norm(rows, dim=1) - self.r
        return rows.abs().reshape(x.shape) - self.r

    def residual(self, x: Tensor) -> Tensor:
        return torch.relu(self._excess(x))

    def inequality(self, x: Tensor) -> Tensor:
        """||x - center|| - r; for norm inf (-(x - center) - r, x - center - r), entry by entry."""
        if self.norm == math.inf:
            flat = self._from_center(x).flatten()
            return torch.cat([-flat - self.r, flat - self.r])
        return self._excess(x)

    def coupling(self, shape: torch.Size) -> Tensor:
        """Row by row where each has its ball; entry by entry for norm inf."""
        if self.norm == math.inf:
            return torch.arange(shape.numel()).reshape(shape)
        return row_numbers(shape) if self.rows else super().coupling(shape)

    def project(self, x: Tensor) -> Tensor:
        if x.numel() == 0:
            return x.clone()
        rows = self._from_center(x)
        if self.norm == math.inf:
            inside = rows.clamp(-self.r, self.r)
        elif self.norm == 1.0:
            inside = rows.sign() * project_l1(rows.abs(), self.r)
        else:
            length = norm(rows, dim=1, keepdim=True)
            inside = torch.where(length > self.r, rows * (self.r / length), rows)
        # What is inside stays as it is to the last bit: the center is not taken off and put back.
        return torch.where((inside == rows).reshape(x.shape), x, self._back(inside, x))

    def project_jointly(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The nearest members as one vector: all are scaled, or thresholded, together."""
        return together(self.project, tensors)

    def parametrization(self, by: str | None = None) -> nn.Module | None:
        """Sigmoid for the l-infinity ball, none for the others."""
        if self.norm == math.inf and by in (None, "sigmoid"):
            return Sigmoid(self.center - self.r, self.center + self.r)
        if by is not None:
            raise NoFormError(f"{by} does not parametrize ball(norm={self.norm})")
        return None

    def lmo(self, gradient: Tensor) -> Tensor:
        """The vertex on each row, center and all."""
        if gradient.numel() == 0:
            return gradient.clone()
        rows = self._as_rows(gradient)
        if self.norm == math.inf:
            vertex = -self.r * rows.sign()
        elif self.norm == 2.0:
            length = norm(rows, dim=1, keepdim=True)
            vertex = -self.r * rows / torch.where(length > 0, length, 1.0)
        else:
            largest = rows.abs().argmax(dim=1, keepdim=True)
            steps = -self.r * rows.gather(1, largest).sign()
            vertex = torch.zeros_like(rows).scatter(1, largest, steps)
        return self._back(vertex, gradient)

    def project_momentum(self, x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
        if self.norm == math.inf:
            return zero_where_moved(x_projected, x_before, momentum)
        return super().project_momentum(x_projected, x_before, momentum)


def _sizes(x: Tensor) -> str:
    return " x ".join(map(str, x.shape)) or "one number"


@dataclass(frozen=True)
class WithRadius(Operator, convex=True):
    """{x : a norm of x <= r}."""

    r: float

    def __post_init__(self) -> None:
        require_radius(self.r, self.name)


@dataclass(frozen=True)
class GroupBall(WithRadius, name="group_ball"):
    """{x : sum of the Euclidean norms of the rows of (outputs, rest) <= r}."""

    def inequality(self, x: Tensor) -> Tensor:
        return (norm(as_matrix(x), dim=1).sum() - self.r).reshape(1)

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
