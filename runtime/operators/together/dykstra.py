"""Dykstra's algorithm: the nearest point of an intersection of convex sets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from cspec.runtime.operators.base import NotConvergedError, Operator, OperatorError
from cspec.runtime.operators.linear_algebra import norm

Projection = Callable[[Tensor], Tensor]


class DykstraResult(NamedTuple):
    """The last iterate in float64, and whether the corrections settled."""

    point: Tensor
    converged: bool


def dykstra(
    x: Tensor, projections: Sequence[Projection], tolerance: float = 1e-10, limit: int = 20_000
) -> DykstraResult:
    """Nearest point of the intersection to x, in float64.

    For each set i: y = P_i(x + p_i), p_i <- x + p_i - y, x <- y. It stops when the corrections
    p_i change by less than tolerance * (1 + ||x||) in a sweep: the iterate itself can rest for
    many sweeps before it moves again (Birgin & Raydan 2005). NaN stops it at once.
    """
    point = x.detach().double()
    corrections = [torch.zeros_like(point) for _ in projections]
    goal = tolerance * (1 + float(norm(point)))
    for _ in range(limit):
        change = point.new_zeros(())
        for i, project in enumerate(projections):
            shifted = point + corrections[i]
            point = project(shifted)
            correction = shifted - point
            change = change + norm(correction - corrections[i]) ** 2
            corrections[i] = correction
        if not float(change.sqrt()) > goal:
            return DykstraResult(point, True)
    return DykstraResult(point, False)


@dataclass(frozen=True, init=False)
class Intersection(Operator, name="intersection", convex=True):
    """Members of all of several convex sets; nearest point by Dykstra.

    Raises OperatorError for no set or a set that is not convex (split those with ADMM, one copy
    a set), NotConvergedError when no common point is found.
    """

    sets: tuple[Operator, ...]
    tolerance: float
    limit: int

    def __init__(self, *sets: Operator, tolerance: float = 1e-10, limit: int = 20_000) -> None:
        if not sets:
            raise OperatorError("intersection needs at least one set")
        for member in sets:
            if not member.convex:
                raise OperatorError(
                    f"intersection: {member.name} is not convex, so alternating "
                    "projections do not find the nearest point"
                )
        object.__setattr__(self, "sets", sets)
        object.__setattr__(self, "tolerance", tolerance)
        object.__setattr__(self, "limit", limit)

    @property
    def equality(self) -> bool:
        return all(member.equality for member in self.sets)

    def residual(self, x: Tensor) -> Tensor:
        return torch.cat([member.residual(x).flatten() for member in self.sets])

    def inequality(self, x: Tensor) -> Tensor:
        """The inequality forms stacked; a set stated by h = 0 gives (h, -h)."""
        if self.equality:
            return super().inequality(x)
        parts: list[Tensor] = []
        for member in self.sets:
            if member.equality:
                h = member.residual(x).flatten()
                parts += [h, -h]
            else:
                parts.append(member.inequality(x).flatten())
        return torch.cat(parts)

    def project(self, x: Tensor) -> Tensor:
        if x.numel() == 0:
            return x.clone()
        if len(self.sets) == 1:
            return self.sets[0].project(x)
        result = dykstra(x, [member.project for member in self.sets], self.tolerance, self.limit)
        if not result.converged:
            self._require_member(result.point)
        return result.point.to(x.dtype)

    def _require_member(self, point: Tensor) -> None:
        """A slow but feasible end is accepted; else an error names the set that is violated."""
        allowed = 1e-6 * (1 + float(norm(point)))
        for member in self.sets:
            violation = float(member.violation(point))
            if not violation <= allowed:
                raise NotConvergedError(
                    f"intersection: after {self.limit} sweeps {member.name} is still violated by "
                    f"{violation:.3g}; the sets may have no common point"
                )
