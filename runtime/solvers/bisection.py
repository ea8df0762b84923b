"""`bisection`: one number that moves, its whole line searched; no function needs a gradient.

Rates are steps in the number, so no gradient finds where they jump. The line is measured at the
values in the data (at most `POINTS` of them, quantiles of each column), around the start and at the
bounds; where two neighbors differ in feasibility the border between them is bisected to the last
bit, and between neighbors where the objective has a valley it is minimized by golden sections. The
result is the best of all feasible points, or the least violation where there is none.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cspec.runtime.task import Outcome, Stopped, Task
from cspec.runtime.verdict.why.endless import Fall, coordinates, limit_of

POINTS = 2000
"""Values of all columns together that are measured."""
REACH = range(-20, 41)
"""Powers of two by which the line is measured around the start."""
FALLS = 3
"""Places beyond the data on which an objective has to fall that falls for ever."""
BORDERS = 200
"""Changes of feasibility that are bisected, and valleys that are searched."""
GOLDEN = (math.sqrt(5) - 1) / 2


class Point(NamedTuple):
    """A place on the line: violation first, objective second."""

    violation: float
    f: float
    t: float

    @property
    def feasible(self) -> bool:
        """Whether nothing is violated, to the last bit."""
        return self.violation == 0


class Line:
    """The problem along the only number that moves."""

    def __init__(self, task: Task, equalities: Sequence[bool]) -> None:
        self._task, self.batch, self.places_seen = task, task.batch, 0
        self._number: Tensor = task.primal[task.variables[0].name]
        self._equal = torch.tensor(equalities, dtype=torch.bool, device=self._number.device)
        setup = task.variables[0]
        self.low = -math.inf if setup.lower is None else setup.lower
        self.high = math.inf if setup.upper is None else setup.upper
        self.best: Point | None = None

    @torch.no_grad()
    def at(self, t: float) -> Point:
        """Measure a place; it becomes the best where it is."""
        self._number.fill_(t)
        task = self._task
        _, _, true = task.measure(task.primal, self.batch)
        # The objective itself, not what stands in for its events where gradients are needed.
        f = task.objective()
        measured = torch.nan_to_num(true)
        over = torch.where(self._equal, measured.abs(), measured.clamp(min=0))
        self.places_seen += 1
        task.seen(f, true)
        if task.interrupted():
            raise Stopped
        value = float(f) if math.isfinite(float(f)) else math.inf
        found = Point(float(over.max()) if over.numel() else 0.0, value, float(self._number))
        self.best = found if self.best is None else min(self.best, found)
        return found

    def places(self) -> list[float]:
        """Where the line is measured first, in order."""
        start = float(self._number.detach())
        size = max(abs(start), 1.0)
        found = {start, *(start + sign * size * 2.0**k for k in REACH for sign in (-1, 1))}
        columns = _columns(self.batch)
        for column in columns:
            values, most = torch.unique(column), max(POINTS // len(columns), 2)
            if len(values) > most:
                values = values[torch.linspace(0, len(values) - 1, most).long()]
            found.update(values.tolist())
        ends = {end for end in (self.low, self.high) if math.isfinite(end)}
        return sorted({min(max(t, self.low), self.high) for t in found} | ends)


def solve(task: Task, *, equalities: Sequence[bool] = ()) -> Outcome:
    """Move the only number to the best feasible place of its line."""
    line = Line(task, equalities)
    termination = ""
    try:
        points = [line.at(t) for t in line.places()]
        for before, after in _borders(points):
            _bisect(line, before, after)
        for low, high in _valleys(points):
            _golden(line, low, high)
    except Stopped:
        termination = "interrupted"
    best = line.best
    if best is None:
        return Outcome(termination)
    line.at(best.t)
    falling = None if termination else _falling(line, points, best)
    found = "the best feasible one" if best.feasible else "none is feasible: the least violation"
    note = f"the line was measured at {line.places_seen} places, borders to the last bit; {found}"
    if falling:
        note = falling.sentence(coordinates(task.variables), task.sense)
    return Outcome(termination or ("unbounded" if falling else "converged"), (note,))


def _falling(line: Line, points: Sequence[Point], best: Point) -> Fall | None:
    """The side on which the objective falls for ever; None where the best place is one.

    Beyond all values of the data a rate is constant: what falls there is the rest of the objective.
    """
    columns = _columns(line.batch)
    edge = max((float(c.abs().max()) for c in columns), default=0.0)
    for side, end in ((1.0, line.high), (-1.0, line.low)):
        far = sorted((p for p in points if side * p.t > edge), key=lambda p: side * p.t)
        values = [p.f for p in far]
        if math.isfinite(end) or len(far) <= FALLS or not all(p.feasible for p in far):
            continue
        steps = list(pairwise(values))
        falls = all(b < a for a, b in steps[:FALLS]) and all(b <= a for a, b in steps)
        if falls and best.feasible and values[-1] <= best.f:
            return Fall(np.array([side]), limit_of(values))
    return None


def _columns(batch: Mapping[str, Any]) -> list[Tensor]:
    """Columns of numbers of all the data."""
    datasets = (columns for columns in batch.values() if isinstance(columns, Mapping))
    found = (column for columns in datasets for column in columns.values())
    return [c for c in found if isinstance(c, Tensor) and c.is_floating_point() and c.numel()]


def _borders(points: Sequence[Point]) -> list[tuple[Point, Point]]:
    """Neighbors of which one is feasible, the best feasible ones first."""
    pairs = ((a, b) for a, b in pairwise(points) if a.feasible != b.feasible)
    return sorted(pairs, key=min)[:BORDERS]


def _bisect(line: Line, a: Point, b: Point) -> None:
    """The last feasible number between a feasible and an infeasible one."""
    while True:
        middle = (a.t + b.t) / 2
        found = line.at(middle)
        if found.t in (a.t, b.t):
            return
        if found.feasible == a.feasible:
            a = found
        else:
            b = found


def _valleys(points: Sequence[Point]) -> list[tuple[float, float]]:
    """Places around a point that is no worse than its neighbors, the best ones first."""
    found = [
        (b, a.t, c.t)
        for a, b, c in zip(points, points[1:], points[2:], strict=False)
        if b <= min(a, c) or (b.violation == min(a.violation, c.violation) and b.f < min(a.f, c.f))
    ]
    found.sort(key=lambda item: item[0])
    return [(low, high) for _, low, high in found[: BORDERS // 10]]


def _golden(line: Line, low: float, high: float) -> None:
    """The least of a valley, as far as its values can tell places apart (Kiefer 1953)."""
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = line.at(left), line.at(right)
    while high - low > 1e-12 * max(1.0, abs(low), abs(high)):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - GOLDEN * (high - low)
            at_left = line.at(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + GOLDEN * (high - low)
            at_right = line.at(right)
