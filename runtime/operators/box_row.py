"""A box cut by one affine row: the capped simplex, budgets with limits on each entry."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from cspec.runtime.operators.base import EmptySetError, Operator, ShapeError
from cspec.runtime.operators.linear_algebra import like
from cspec.runtime.operators.rows import Row, coupled, dense

ROUNDS = 3
EMPTY = 1e-6
"""What is left of the row, relative to its terms, where the box has no point on it."""


@dataclass(frozen=True, eq=False)
class BoxRow(Operator):
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
    name: ClassVar[str] = "box_row"
    convex: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not bool((torch.as_tensor(self.lo) <= torch.as_tensor(self.hi)).all()):
            raise EmptySetError("box_row: a lower bound is above its upper one")

    def _ends(self, x: Tensor) -> tuple[Tensor, Tensor]:
        try:
            return like(self.lo, x).expand_as(x), like(self.hi, x).expand_as(x)
        except RuntimeError as error:
            raise ShapeError(f"box_row: the bounds do not fit shape {tuple(x.shape)}") from error

    def _normal(self, x: Tensor) -> Tensor:
        return dense(self.a, x.shape, self.name).to(dtype=x.dtype, device=x.device)

    def residual(self, x: Tensor) -> Tensor:
        lo, hi = self._ends(x)
        row = ((self._normal(x) * x).sum() - self.b).reshape(1)
        row = row.abs() if self.equals else torch.relu(row)
        return torch.cat([(torch.relu(lo - x) + torch.relu(x - hi)).flatten(), row])

    def inequality(self, x: Tensor) -> Tensor:
        """(lo - x, x - hi, <a, x> - b), an equality as two; infinite bounds are left out."""
        lo, hi = self._ends(x)
        row = ((self._normal(x) * x).sum() - self.b).reshape(1)
        sides = [(lo - x)[torch.isfinite(lo)], (x - hi)[torch.isfinite(hi)], row]
        return torch.cat([*sides, -row] if self.equals else sides)

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
