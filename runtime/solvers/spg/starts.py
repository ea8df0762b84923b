"""Where else to start: corners, the minimum without the sets, random points, exchanged supports."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from cspec.runtime.operators import NoFormError
from cspec.runtime.solvers.spg.descent import DescentLimits, End, descend
from cspec.runtime.solvers.spg.problem import SetProblem, supports

STARTS = ((20, 10), (100, 6), (2_000, 3))
"""Variables up to a number: random starts where the problem is not known to be convex, half as
many where each is a whole method of multipliers."""
FEW = 1
"""Random starts of larger problems."""
SPREADS = (1.0, 0.3, 3.0)
"""Sizes of random starts, relative to max(1, |start|)."""
BESIDE = 1e-2
"""Relative size of the step away from the best point, in case it is a saddle."""
TRIED = 60
"""Exchanges of one round, the most promising ones first."""


def corner(problem: SetProblem, start: Tensor, tolerance: float) -> End | None:
    """The vertex that minimizes the linearized objective, where that is where it ends.

    For a linear objective it is the exact minimum. With s = argmin over S of <grad f(x), s>, the
    gap <grad f(s), s - s'> of the vertex s' that follows must vanish (Frank and Wolfe 1956).
    """
    if not problem.convex_sets or problem.equalities.numel():
        return None
    x = problem.project(start)
    first = problem.value(x)
    s = _vertex(problem, problem.gradient())
    if s is None:
        return None
    value = problem.value(s)
    gradient = problem.gradient()
    following = _vertex(problem, gradient)
    if following is None or not math.isfinite(value) or value > first:
        return None
    if float(gradient @ (s - following)) > tolerance * max(1.0, float(gradient.norm())):
        return None
    optimality = float((problem.project(s - gradient) - s).norm())
    optimality /= max(1.0, float(gradient.norm()))
    if optimality > tolerance:
        return None
    return End(s, value, gradient, optimality, "converged")


def _vertex(problem: SetProblem, gradient: Tensor) -> Tensor | None:
    """argmin over S of <gradient, s>; None where a set has no such oracle or is unbounded."""
    if not bool(torch.isfinite(gradient).all()):
        return None
    parts = []
    for part, operator in zip(problem.parts(gradient), problem.operators, strict=True):
        try:
            found = None if operator is None else operator.lmo(part)
        except NoFormError:
            return None
        if found is None or not bool(torch.isfinite(found).all()):
            return None
        parts.append(found.reshape(-1))
    return torch.cat(parts)


def other_starts(
    problem: SetProblem, start: Tensor, limits: DescentLimits, seed: int, count: int | None
) -> Iterator[tuple[Tensor, str]]:
    """The minimum without the sets that are not convex, then random points around the start."""
    if not problem.convex_sets and not problem.equalities.numel():
        found = descend(problem, problem.project_convex, start, limits, arc=False)
        if found.reason == "converged":
            yield found.x, "the minimum without the sets that are not convex"
    generator = torch.Generator().manual_seed(seed)
    if count is None:
        count = next((n for size, n in STARTS if problem.size <= size), FEW)
        count = -(-count // 2) if problem.equalities.numel() else count
    size = start.abs().clamp(min=1.0)
    for index in range(count):
        noise = torch.randn(problem.size, generator=generator, dtype=torch.float64).to(start)
        around = start if index % 2 else torch.zeros_like(start)
        yield around + SPREADS[index % len(SPREADS)] * size * noise, "a random start"


def beside_point(x: Tensor, seed: int) -> Tensor:
    """A point close to `x`: a descent from there comes back unless `x` is a saddle."""
    generator = torch.Generator().manual_seed(seed + 1)
    noise = torch.randn(x.numel(), generator=generator, dtype=torch.float64).to(x)
    return x + BESIDE * x.abs().clamp(min=1.0) * noise


def exchanged(problem: SetProblem, x: Tensor, f: float, limits: DescentLimits) -> Tensor | None:
    """A better point whose support differs in one entry, where an exchange gives one.

    A support that gains and loses one entry is minimized over with all others at zero (the
    partial sparse-simplex method of Beck and Eldar 2013 goes by single entries, too).
    """
    problem.value(x)
    gradient = problem.gradient()
    for place, operator in supports(problem):
        part, slope = problem.parts(x)[place].reshape(-1), problem.parts(gradient)[place]
        kept = operator.support(problem.parts(x)[place]).reshape(-1) & (part != 0)
        out = torch.where(kept, part.abs(), math.inf).argsort()[: int(kept.sum())]
        into = torch.where(kept, -math.inf, slope.reshape(-1).abs()).argsort(descending=True)
        into = into[: int((~kept).sum())]
        pairs = sorted(
            ((i + j, int(a), int(b)) for i, a in enumerate(out) for j, b in enumerate(into))
        )
        for _, leaves, enters in pairs[:TRIED]:
            mask = kept.clone()
            mask[leaves], mask[enters] = False, True
            found = _on_support(problem, x, place, mask, limits)
            if found.value < f - 1e-9 * max(1.0, abs(f)):
                return found.x
    return None


def _on_support(
    problem: SetProblem, x: Tensor, place: int, mask: Tensor, limits: DescentLimits
) -> End:
    """The minimum with one variable's support given."""
    before = sum(part.numel() for part in problem.parts(x)[:place])
    flat = torch.ones_like(x, dtype=torch.bool)
    flat[before : before + mask.numel()] = mask

    def project(v: Tensor) -> Tensor:
        return problem.project(v * flat) * flat

    return descend(problem, project, x, limits, arc=True)
