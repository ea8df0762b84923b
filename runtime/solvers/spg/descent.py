"""The spectral projected gradient method: minimize a smooth function over a set by its projection.

On a convex set (Birgin, Martinez and Raydan 2000, algorithm SPG2)

    d = P(x - t grad) - x              t = <s, s> / <s, y>    Barzilai and Borwein 1988
    x <- x + a d                       a = 1, then smaller, until
    f(x + a d) <= max of the last M values + 1e-4 a <grad, d>    Grippo, Lampariello, Lucidi 1986

so that every iterate is a member. On a set that is not convex the segment would leave it, and the
search goes along the arc of projections (Wright, Nowak and Figueiredo 2009; Gong et al. 2013)

    x <- P(x - t grad)                 t, then t/2, ..., until
    f(x) falls below the max of the last M values by 1e-4 / (2 t) ||change||^2

Optimality is || P(x - grad) - x ||, and on sets that are not convex || P(x - t grad) - x || / t at
the step t <= 1 that was taken. Where the entropy or a logarithm is infinite at the border, the
search turns back into the inside.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from cspec.runtime.solvers.spg.problem import SetProblem

DECREASE = 1e-4
"""Share of the decrease promised by the slope that a step must bring."""
SHORTEST, LONGEST = 1e-10, 1e10
"""Limits of the spectral step (Birgin, Martinez and Raydan 2000, section 4)."""
SMALLEST = 1e-14
"""Line-search factor below which no progress is possible."""
PATIENCE = 500
"""Iterations without a smaller optimality measure or objective after which it is given up."""
BOTTOM = -1e20
FAR = 1e12
"""An objective below that, or that still falls this far from the start, is unbounded."""


class DescentLimits(NamedTuple):
    """When a descent ends, and who is told of each iterate."""

    tolerance: float
    """Optimality, relative to max(1, ||grad||)."""
    iterations: int
    memory: int
    seen: Callable[[], None]


class End(NamedTuple):
    """Where a descent ended."""

    x: Tensor
    value: float
    gradient: Tensor
    optimality: float
    """Relative to max(1, ||grad||)."""
    reason: str
    """`converged`, `no further progress`, `completed` (iterations), `unbounded`, `nonfinite`."""


class Step(NamedTuple):
    """An accepted step: the new point, its value, and the optimality it shows of the old one."""

    x: Tensor
    value: float


Project = Callable[[Tensor], Tensor]


def descend(
    function: SetProblem, project: Project, start: Tensor, limits: DescentLimits, arc: bool
) -> End:
    """Minimize from `P(start)`; `arc`: search along projections, for sets that are not convex."""
    x = project(start)
    value = function.value(x)
    gradient = function.gradient() if math.isfinite(value) else torch.full_like(x, math.nan)
    if not bool(torch.isfinite(gradient).all()):
        return End(x, value, gradient, math.inf, "nonfinite")
    run = _Run(function, project, limits, arc)
    return run.descend(x, value, gradient)


class _Run:
    """One descent: what it compares with, and how long nothing got better."""

    def __init__(
        self, function: SetProblem, project: Project, limits: DescentLimits, arc: bool
    ) -> None:
        self.function, self.project, self.limits, self.arc = function, project, limits, arc
        self.recent: deque[float] = deque(maxlen=limits.memory)
        self.best_value = self.best_optimality = math.inf
        self.waited = 0

    def descend(self, x: Tensor, value: float, gradient: Tensor) -> End:
        """Iterate from a member with finite value and gradient."""
        optimality, reason = math.inf, "completed"
        self.far = FAR * (1 + float(x.abs().max())) if x.numel() else math.inf
        step = _first_step(self.project, x, gradient)
        for _ in range(self.limits.iterations):
            self.recent.append(value)
            self.limits.seen()
            optimality, found = self._advance(x, value, gradient, step)
            if optimality <= self.limits.tolerance:
                reason = "converged"
                break
            if found is None or self._waits(value, optimality):
                reason = "no further progress"
                break
            if found.value < BOTTOM or float(found.x.abs().max()) > self.far:
                x, value, reason = found.x, found.value, "unbounded"
                break
            before, x, value = x, found.x, found.value
            last, gradient = gradient, self.function.gradient()
            if not bool(torch.isfinite(gradient).all()):
                reason = "nonfinite"
                break
            step = spectral_step(x - before, gradient - last, self.arc)
        return End(x, value, gradient, optimality, reason)

    def _advance(
        self, x: Tensor, value: float, gradient: Tensor, step: float
    ) -> tuple[float, Step | None]:
        """Optimality at x, and the next point; None where no step is short enough."""
        size = max(1.0, float(gradient.norm()))
        target = self.project(x - step * gradient)
        if self.arc:
            return self._along_arc(x, value, gradient, target, step, size)
        direction = target - x
        optimality = self._optimality(x, gradient, float(direction.norm()), step) / size
        if optimality <= self.limits.tolerance:
            return optimality, None
        return optimality, self._along_segment(x, value, direction, gradient)

    def _optimality(self, x: Tensor, gradient: Tensor, length: float, step: float) -> float:
        """||P(x - grad) - x||, projected for only where the step in hand leaves it open.

        ||P(x - t grad) - x|| grows with t, and divided by t it falls (Calamai and More 1987), so
        `length` at `step` bounds it: what is not below the tolerance by the bound is not at all.
        """
        least = length / max(1.0, step)
        if least > self.limits.tolerance * max(1.0, float(gradient.norm())):
            return least
        return float((self.project(x - gradient) - x).norm())

    def _along_segment(
        self, x: Tensor, value: float, direction: Tensor, gradient: Tensor
    ) -> Step | None:
        slope = float(gradient @ direction)
        ceiling = max(self.recent) + _rounding(value, x)
        share = 1.0
        while share > SMALLEST:
            tried = x + share * direction if share < 1 else x + direction
            found = self.function.value(tried)
            if found <= ceiling + DECREASE * share * slope:
                return Step(tried, found)
            share = _shorter(share, value, found, slope)
        return None

    def _along_arc(
        self, x: Tensor, value: float, gradient: Tensor, target: Tensor, step: float, size: float
    ) -> tuple[float, Step | None]:
        ceiling = max(self.recent) + _rounding(value, x)
        optimality = math.inf
        while step > SMALLEST:
            change = float((target - x).norm())
            optimality = change / min(step, 1.0) / size
            found = self.function.value(target)
            if found <= ceiling - DECREASE / 2 / step * change**2:
                done = optimality <= self.limits.tolerance
                return optimality, None if done else Step(target, found)
            step /= 2
            target = self.project(x - step * gradient)
        return optimality, None

    def _waits(self, value: float, optimality: float) -> bool:
        """Whether neither objective nor optimality got better for long."""
        margin = 1e-13 * max(1.0, abs(value))
        better = value < self.best_value - margin or optimality < 0.9 * self.best_optimality
        self.best_value = min(self.best_value, value)
        self.best_optimality = min(self.best_optimality, optimality)
        self.waited = 0 if better else self.waited + 1
        return self.waited > PATIENCE


def _first_step(project: Project, x: Tensor, gradient: Tensor) -> float:
    """1 / max |P(x - grad) - x|, within the limits."""
    change = float((project(x - gradient) - x).abs().max()) if x.numel() else 0.0
    return min(max(1.0 / change, SHORTEST), LONGEST) if change > 0 else 1.0


def spectral_step(s: Tensor, y: Tensor, arc: bool) -> float:
    """<s, s> / <s, y>; where the function curves down the longest, along an arc by size alone."""
    curvature = float(s @ y)
    if arc:
        curvature = abs(curvature)
    if curvature <= 0:
        return LONGEST
    return min(max(float(s @ s) / curvature, SHORTEST), LONGEST)


def _shorter(share: float, value: float, found: float, slope: float) -> float:
    """The minimum of the parabola through both ends, within [0.1, 0.5] of the share."""
    if not math.isfinite(found):
        return share / 2
    bend = found - value - share * slope
    wanted = -slope * share**2 / (2 * bend) if bend > 0 else share / 2
    return min(max(wanted, 0.1 * share), 0.5 * share)


def _rounding(value: float, x: Tensor) -> float:
    """What a value may be off by rounding: no decrease below it can be seen."""
    return 10 * torch.finfo(x.dtype).eps * max(1.0, abs(value))
