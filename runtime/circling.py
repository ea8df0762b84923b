"""Runs that circle: multiplier and violation turn around the solution and never settle.

Descent-ascent circles where the Lagrangian is concave in what is trained. A circle may take longer
than half the run, so that no few points show sign changes (as `escalate` looks for); what shows it
is that multiplier and violation both still move, back and forth, while the end is not stationary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from cspec.compiler.program import ConstraintFacts
from cspec.runtime.history import Row

WINDOWS = (1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64)
"""The last shares of a run that are looked at: a circle may take half of it, or a few points.
On minibatches only the first two: points near each other differ by noise."""
BLOCKS = 24
"""Means of so many parts of the window are compared: single batches decide nothing."""
SWING = 0.25
"""Range of the multiplier within the window, relative to its largest size, that still moves."""
TURN = 0.1
"""Share of that size that it has to rise as well as fall."""
STATIONARY = 0.1
"""Residual, relative to the objective's slope, below which the end is no circle."""


@dataclass(frozen=True)
class Circle:
    """What goes back and forth within the window."""

    label: str
    low: float
    high: float
    """Of the multiplier."""
    violation: float
    """The largest, in canonical units."""
    slack: float
    """How far inside the constraint was at most."""


def circle(rows: Sequence[Row], constraint: ConstraintFacts, noisy: bool) -> Circle | None:
    """How a constraint circles at the end of the run; None where it does not.

    In one of the windows its multiplier moves by a quarter of its size, up as well as down, and
    the violation changes its sign by more than the tolerance on either side.
    """
    logged = [row for row in rows if _finite(row, constraint.label)]
    for share in WINDOWS[:2] if noisy else WINDOWS:
        window = logged[-max(1, int(len(logged) * share)) :]
        if len(window) >= BLOCKS and _circles(window, constraint):
            path = [row.multipliers[constraint.label] for row in window]
            g = [row.violations[constraint.label] for row in window]
            return Circle(constraint.label, min(path), max(path), max(g), -min(g))
    return None


def _circles(window: Sequence[Row], constraint: ConstraintFacts) -> bool:
    path = _blocks([row.multipliers[constraint.label] for row in window])
    g = _blocks([row.violations[constraint.label] for row in window])
    size = max(map(abs, path))
    steps = [b - a for a, b in pairwise(path)]
    rises, falls = (sum(max(0.0, sign * step) for step in steps) for sign in (1, -1))
    moves = max(path) - min(path) > SWING * size > 0
    turns = min(rises, falls) > TURN * size
    crosses = min(g) < -constraint.tolerance and max(g) > constraint.tolerance
    return moves and turns and crosses


def _finite(row: Row, label: str) -> bool:
    pair = (row.multipliers.get(label, math.nan), row.violations.get(label, math.nan))
    return all(map(math.isfinite, pair))


def _blocks(values: Sequence[float]) -> list[float]:
    size = len(values) / BLOCKS
    return [fmean(values[int(i * size) : int((i + 1) * size)]) for i in range(BLOCKS)]


def circling(
    rows: Sequence[Row],
    constraints: Sequence[ConstraintFacts],
    residual: float,
    noisy: bool,
    told: Sequence[str] = (),
) -> list[str]:
    """What is said of a run that circles; nothing where its end is stationary.

    `told` are notes that name constraints as oscillating already.
    """
    if not residual > STATIONARY:
        return []
    notes = []
    for c in constraints:
        known = any(note.startswith(f"{c.label}: oscillates") for note in told)
        looked_at = c.multipliers and c.crosses and not c.soft and not known
        found = circle(rows, c, noisy) if looked_at else None
        if found is not None:
            notes.append(_sentence(found, c))
    return notes


def _sentence(found: Circle, c: ConstraintFacts) -> str:
    other = "a larger `penalty` of" if c.method == "augmented_lagrangian" else "use"
    return (
        f"{c.label}: the run circles: at its end the multiplier oscillates between {found.low:.3g} "
        f"and {found.high:.3g}, and the requirement between violated by {found.violation:.2g} and "
        f"met by {found.slack:.2g}. What is delivered is a point on the way, no solution, and the "
        f"multiplier no price: damp it with `lagrangian(dual=nupi(...))`, or {other} "
        "`augmented_lagrangian`"
    )
