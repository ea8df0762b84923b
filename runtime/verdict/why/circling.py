"""Runs that circle: multiplier and violation turn around the solution and never settle.

Descent-ascent circles where the Lagrangian is concave in what is trained. A circle may take longer
than half the run, so that no few points show sign changes (as `escalate` looks for); what shows it
is that multiplier and violation both still move, back and forth, while the end is not stationary.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.result.history import Row
from cspec.runtime.verdict.why.trends import blocks

WINDOWS = (1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64)
"""The last shares of a run that are looked at: a circle may take half of it, or a few points.
On minibatches only the first two: points near each other differ by noise."""
BLOCKS = 24
"""Means of so many parts of the window are compared: single batches decide nothing."""
ROWS = 4
"""Rows of each part, at least, where the noise of a batch is told from what moves."""
SIGNIFICANT = 3.5
"""Standard errors beyond which the mean of one of the parts is no accident of its batches."""
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
    the violation changes its sign by more than the tolerance on either side. On minibatches
    (`noisy`) it does so by more than chance, too: a batch of few examples of a group may swing
    from one end to the other where nothing circles.
    """
    logged = [row for row in rows if _finite(row, constraint.label)]
    for share in WINDOWS[:2] if noisy else WINDOWS:
        window = logged[-max(1, int(len(logged) * share)) :]
        if len(window) >= BLOCKS * (ROWS if noisy else 1) and _circles(window, constraint, noisy):
            path = [row.multipliers[constraint.label] for row in window]
            g = [row.violations[constraint.label] for row in window]
            g = _means(g) if noisy else g
            return Circle(constraint.label, min(path), max(path), max(g), -min(g))
    return None


def _circles(window: Sequence[Row], constraint: ConstraintFacts, noisy: bool) -> bool:
    path = _means([row.multipliers[constraint.label] for row in window])
    violations = [row.violations[constraint.label] for row in window]
    g, chance = _means(violations), SIGNIFICANT * _standard_error(violations) if noisy else 0.0
    size = max(map(abs, path))
    steps = [b - a for a, b in pairwise(path)]
    rises, falls = (sum(max(0.0, sign * step) for step in steps) for sign in (1, -1))
    moves = max(path) - min(path) > SWING * size > 0
    turns = min(rises, falls) > TURN * size
    far = constraint.tolerance + chance
    crosses = min(g) < -far and max(g) > far
    return moves and turns and crosses


def _finite(row: Row, label: str) -> bool:
    pair = (row.multipliers.get(label, math.nan), row.violations.get(label, math.nan))
    return all(map(math.isfinite, pair))


def _means(values: Sequence[float]) -> list[float]:
    return [fmean(block) for block in blocks(values, BLOCKS)]


def _standard_error(values: Sequence[float]) -> float:
    """Of the mean of one block, from how the values within all of them scatter."""
    parts = blocks(values, BLOCKS)
    within = sum(sum((v - fmean(part)) ** 2 for v in part) for part in parts)
    return math.sqrt(within / (len(values) - BLOCKS) / (len(values) / BLOCKS))


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
    circles: list[tuple[Circle, ConstraintFacts]] = []
    for c in constraints:
        known = any(note.startswith(f"{c.label}: oscillates") for note in told)
        looked_at = c.multipliers and c.crosses and not c.soft and not known
        found = circle(rows, c, noisy) if looked_at else None
        if found is not None:
            circles.append((found, c))
    return [_sentence(circles)] if circles else []


def _sentence(circles: Sequence[tuple[Circle, ConstraintFacts]]) -> str:
    """One note: several requirements circle together, and the one that swings most is told."""
    found, c = max(circles, key=lambda pair: pair[0].violation)
    names = ", ".join(other.label for _, other in circles)
    of = f" of {c.label}" if len(circles) > 1 else ""
    other = "a larger `penalty` of" if c.method == "augmented_lagrangian" else "use"
    return (
        f"{names}: the run circles: at its end the multiplier{of} oscillates between "
        f"{found.low:.3g} and {found.high:.3g}, and the requirement between violated by "
        f"{found.violation:.2g} and met by {found.slack:.2g}. What is delivered is a point on the "
        "way, no solution, and the multiplier no price: damp it with "
        f"`lagrangian(dual=nupi(...))`, or {other} `augmented_lagrangian`"
    )
