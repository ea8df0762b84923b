"""Entrywise bounds: nonneg, box, and a box cut by one affine row.

The last are the capped simplex, and budgets with limits on each entry.
"""

import math
from bisect import bisect_left
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cspec.runtime.operators.base import EmptySetError, NoFormError, Operator, ShapeError
from cspec.runtime.operators.linear_algebra import like
from cspec.runtime.operators.maps.elementwise import Identity, Sigmoid, Softplus
from cspec.runtime.operators.rows import Row, coupled, dense

ROUNDS = 3
EMPTY = 1e-6
"""What is left of the row, relative to its terms, where the box has no point on it."""

Bound = float | Tensor


def are_in_order(lo: Bound, hi: Bound) -> bool:
    """Whether no lower bound is above its upper one."""
    return bool((torch.as_tensor(lo) <= torch.as_tensor(hi)).all())


def bounds_of(x: Tensor, lo: Bound, hi: Bound, name: str) -> tuple[Tensor, Tensor]:
    """Both bounds of each entry of x.

    Raises:
        ShapeError: they are of another shape.
    """
    try:
        return like(lo, x).expand_as(x), like(hi, x).expand_as(x)
    except RuntimeError as error:
        raise ShapeError(f"{name}: the bounds do not fit shape {tuple(x.shape)}") from error


def sides(values: Tensor, lo: Tensor, hi: Tensor) -> Tensor:
    """(lo - values, values - hi) stacked; infinite bounds state nothing and are left out."""
    return torch.cat([(lo - values)[torch.isfinite(lo)], (values - hi)[torch.isfinite(hi)]])


@dataclass(frozen=True)
class Nonneg(Operator, name="nonneg", entrywise=True, convex=True, maps=("softplus",)):
    """{x : x >= 0}. Projection: max(x, 0)."""

    def residual(self, x: Tensor) -> Tensor:
        return torch.relu(-x)

    def inequality(self, x: Tensor) -> Tensor:
        return -x.flatten()

    def project(self, x: Tensor) -> Tensor:
        return x.clamp(min=0)


@dataclass(frozen=True, eq=False)
class Box(Operator, name="box", entrywise=True, convex=True, maps=("sigmoid", "softplus")):
    """{x : lo <= x <= hi}, each bound a number (may be infinite) or a tensor like x.

    Raises EmptySetError when some lo exceeds its hi.
    """

    lo: float | Tensor
    hi: float | Tensor

    def __post_init__(self) -> None:
        if not are_in_order(self.lo, self.hi):
            raise EmptySetError(f"box({self.lo}, {self.hi}) has a lower bound above its upper one")

    def _bounds(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return bounds_of(x, self.lo, self.hi, self.name)

    def residual(self, x: Tensor) -> Tensor:
        lo, hi = self._bounds(x)
        return torch.relu(lo - x) + torch.relu(x - hi)

    def inequality(self, x: Tensor) -> Tensor:
        """(lo - x, x - hi), infinite bounds left out."""
        return sides(x, *self._bounds(x))

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


def _unbounded(bound: float | Tensor, infinity: float) -> bool:
    return bool((torch.as_tensor(bound) == infinity).all())


@dataclass(frozen=True, eq=False)
class BoxRow(Operator, name="box_row", convex=True):
    """{x : lo <= x <= hi and <a, x> <= b}, with `equality` <a, x> == b, over the whole tensor.

    Projection clamp(v - m a, lo, hi), m the multiplier of the row: <a, x(m)> falls in m and is
    linear between the 2n places where an entry meets its bound, so m is found exactly by bisection
    over them (Pardalos and Kovoor 1990; n log n).
    """

    lo: float | Tensor
    hi: float | Tensor
    a: Row
    b: float
    equals: bool = False

    def __post_init__(self) -> None:
        if not are_in_order(self.lo, self.hi):
            raise EmptySetError("box_row: a lower bound is above its upper one")

    def _ends(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return bounds_of(x, self.lo, self.hi, self.name)

    def _over(self, x: Tensor) -> Tensor:
        """<a, x> - b, as a vector of one."""
        return ((self._normal(x) * x).sum() - self.b).reshape(1)

    def _normal(self, x: Tensor) -> Tensor:
        return dense(self.a, x.shape, self.name).to(dtype=x.dtype, device=x.device)

    def residual(self, x: Tensor) -> Tensor:
        lo, hi = self._ends(x)
        row = self._over(x).abs() if self.equals else torch.relu(self._over(x))
        return torch.cat([(torch.relu(lo - x) + torch.relu(x - hi)).flatten(), row])

    def inequality(self, x: Tensor) -> Tensor:
        """(lo - x, x - hi, <a, x> - b), an equality as two; infinite bounds are left out."""
        row, ends = self._over(x), sides(x, *self._ends(x))
        return torch.cat([ends, row, -row] if self.equals else [ends, row])

    def coupling(self, shape: torch.Size) -> Tensor:
        """The entries of the row; the others are in a box of their own."""
        return coupled([self.a], shape, self.name)

    def project(self, x: Tensor) -> Tensor:
        """The nearest member. Raises EmptySetError where the box and the row have none."""
        if x.numel() == 0 or not bool(torch.isfinite(x).all()):
            return x.clone()
        v = x.detach().double().flatten()
        lo, hi = (end.double().flatten() for end in self._ends(x))
        a = self._normal(x.detach().double()).flatten()
        found = v.clamp(lo, hi)
        over = float((a * found).sum()) - self.b
        if over > 0 or (self.equals and over < 0):
            found = self._on_row(v, lo, hi, a)
        return found.reshape(x.shape).to(x.dtype)

    def _on_row(self, v: Tensor, lo: Tensor, hi: Tensor, a: Tensor) -> Tensor:
        """clamp(v - m a, lo, hi) with <a, .> == b.

        Points that differ by a multiple of `a` have the same nearest point, so what cancellation
        leaves of a huge v is taken out by further rounds.
        """
        for _ in range(ROUNDS):
            v = v - self._multiplier(v, lo, hi, a) * a
        found = v.clamp(lo, hi)
        gap = float((a * found).sum()) - self.b
        size = max(1.0, abs(self.b), float((a * found).abs().sum()))
        if not abs(gap) <= EMPTY * size:
            raise EmptySetError(f"box_row: no point of the box has <a, x> = {self.b:g}")
        return found

    def _multiplier(self, v: Tensor, lo: Tensor, hi: Tensor, a: Tensor) -> float:
        """The m with <a, clamp(v - m a, lo, hi)> nearest to b."""

        def over(m: float) -> float:
            return float((a * (v - m * a).clamp(lo, hi)).sum()) - self.b

        moving = a != 0
        slope = torch.where(moving, a, 1.0)
        meets = torch.cat([((v - lo) / slope)[moving], ((v - hi) / slope)[moving]])
        places = meets[torch.isfinite(meets)].sort().values.tolist()
        # At least b before `first`, less than b from there on.
        first = bisect_left(places, True, key=lambda m: over(m) < 0)
        left = places[first - 1] if first > 0 else -math.inf
        right = places[first] if first < len(places) else math.inf
        if math.isinf(left) and math.isinf(right):
            start, inside = 0.0, 0.0
        elif math.isinf(right):
            start, inside = left, left + max(1.0, abs(left))
        elif math.isinf(left):
            start, inside = right, right - max(1.0, abs(right))
        else:
            start, inside = min((left, right), key=lambda m: abs(over(m))), (left + right) / 2
        point = v - inside * a
        falls = float((a[(point > lo) & (point < hi)] ** 2).sum())
        return start if falls == 0 else start + over(start) / falls
