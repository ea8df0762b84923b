"""Values that change where torch sees no slope: a function of a person's own that leaves torch.

A solver would take every point for stationary, and its start for a minimum. Functions that are 0
steep at one point (x^2 at 0) or in pieces (floor) are no such: near three points the slope by
automatic differentiation is exactly 0 while the value changes in proportion to the step.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cspec.compiler.records.program import ConstraintFacts
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.runtime.solvers.nlp import autograd as nlp_autograd
from cspec.runtime.task import Task

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]

STEP = 1e-4
"""Step of the differences, in the size of the point."""
CHANGE = 1e-3
"""Change by a step, per step and size of the value, that a function without a slope has not."""
POINTS = 3
"""Points near the start that are looked at."""


def require_slopes(task: Task) -> None:
    """Raise where a function changes with the variables and has no gradient anywhere near.

    Raises:
        SpecError: CS310, at the constraint or the objective.
    """
    if not task.foreign:
        return
    tensors = [task.primal[v.name] for v in task.variables]
    start = [t.detach().clone() for t in tensors]
    generator = torch.Generator().manual_seed(0)
    missing: Mask | None = None
    try:
        for _ in range(POINTS):
            found = _without_slope(task, tensors, start, generator)
            missing = found if missing is None else missing & found
            if not missing.any():
                return
    finally:
        _put(tensors, start)
    assert missing is not None
    place = int(np.flatnonzero(missing)[0])
    raise _finding(place, task.constraints, task.written).error()


def _without_slope(
    task: Task, tensors: Sequence[Tensor], start: Sequence[Tensor], generator: torch.Generator
) -> Mask:
    """Which of g and, last, f change near the start, their slope being 0."""
    size = [STEP * (1 + t.abs()) for t in start]
    noise = [[torch.randn(t.shape, generator=generator).to(t) for t in start] for _ in range(2)]
    point = [t + 100 * s * n for t, s, n in zip(start, size, noise[0], strict=True)]
    step = [s * n for s, n in zip(size, noise[1], strict=True)]
    ends = []
    for sign in (1, -1):
        _put(tensors, [p + sign * d for p, d in zip(point, step, strict=True)])
        with torch.no_grad():
            ends.append(_values(task.measure(task.primal, task.batch)))
    _put(tensors, point)
    with torch.enable_grad():
        f, g, _ = task.measure(task.primal, task.batch)
    values = _values((f, g, g))
    count = len(values)
    slopes = np.zeros((count, sum(t.numel() for t in tensors)))
    if g.numel():
        places = np.arange(g.numel())
        slopes[:-1] = nlp_autograd.jacobian(g.reshape(-1), places, tensors, slopes.shape[1])
    slopes[-1] = nlp_autograd.gradient(f, tensors)
    change = np.abs(ends[0] - ends[1]) / (2 * STEP)
    moved = np.isfinite(change) & (change > CHANGE * np.maximum(1, np.abs(values)))
    return np.asarray(moved & (slopes == 0).all(1))


def _values(measured: tuple[Tensor, Tensor, Tensor]) -> Vector:
    f, g, _ = measured
    return np.append(g.detach().double().reshape(-1).cpu().numpy(), float(f.detach()))


@torch.no_grad()
def _put(tensors: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    for tensor, value in zip(tensors, values, strict=True):
        tensor.copy_(value)


def _finding(place: int, constraints: Sequence[ConstraintFacts], objective: str) -> Diagnostic:
    holders = (c for c in constraints if c.segment and c.segment[0] <= place < c.segment[1])
    owner = next(holders, None)
    what = f"the objective `{objective}`" if owner is None else f"`{owner.label}` (`{owner.text}`)"
    return Diagnostic(
        code="CS310",
        message=f"{what} has no gradient: it changes with the variables, and torch sees no slope",
        notes=("a function that leaves torch (numpy, `.item()`, `.detach()`) hides it",),
        helps=("compute it with torch functions on the tensors that it is given",),
    )
