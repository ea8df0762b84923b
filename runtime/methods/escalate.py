"""Watching multipliers for oscillation, and damping it: `lagrangian(escalate=true)`.

Descent-ascent circles around a solution where the Lagrangian is concave. A proportional term
c (g - g_before) in the multiplier's step is the augmented Lagrangian's quadratic term (Ramirez and
Lacoste-Julien 2025) and damps it. Where g changes its sign more than 6 times within 20 points
without getting smaller, c becomes 1, then 3, 9, ... up to 100.

A run logs more points than one cycle needs, so a window's 20 points are means of k logged points,
k = 1, 2, 3, 4, 6, ...: the finest scale that shows the sign changes decides. On minibatches g is
noise near the boundary; there neighboring points must be alike, too (autocorrelation above 0.2).
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from cspec.runtime.result.entries import within_rule
from cspec.runtime.session.session import Session

POINTS = 20
SIGN_CHANGES = 6
SCALES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
ALIKE = 0.2
FIRST, FACTOR, MOST = 1.0, 3.0, 100.0


def oscillates(values: Sequence[float], tolerance: float = 0.0, noisy: bool = False) -> bool:
    """Whether the end of a trajectory changes its sign again and again without getting smaller."""
    for scale in SCALES:
        if len(values) < POINTS * scale:
            return False
        window = values[-POINTS * scale :]
        points = [sum(window[i : i + scale]) / scale for i in range(0, len(window), scale)]
        changes = sum(a * b < 0 for a, b in pairwise(points))
        if changes <= SIGN_CHANGES:
            continue
        early, late = points[: POINTS // 2], points[POINTS // 2 :]
        grows = _size(late) >= 0.95 * _size(early) and _size(late) > tolerance
        return grows and (not noisy or _alike(points) > ALIKE)
    return False


def _size(points: Sequence[float]) -> float:
    return math.sqrt(sum(p * p for p in points) / len(points))


def _alike(points: Sequence[float]) -> float:
    power = sum(p * p for p in points)
    return sum(a * b for a, b in pairwise(points)) / power if power else 0.0


def escalate(session: Session, rule: str, damping: str, damped: str) -> None:
    """Raise c of the rule's constraints that oscillate, and say so.

    `damping` and `damped` are the state entries that hold c and the step of its last change.
    """
    session.flush()
    members = [c for c in session.program.constraints if c.rule == rule and c.segment is not None]
    noisy = session.plan.epoch_steps > 1 and session.plan.dataset is not None
    for constraint in members:
        entries = within_rule(members, constraint)
        since = float(session.state[damped][entries].max())
        path = [
            row.violations[constraint.label]
            for row in session.history.rows
            if row.step > since and not math.isnan(row.violations[constraint.label])
        ]
        now = float(session.state[damping][entries].max())
        if now >= MOST or not oscillates(path, constraint.tolerance, noisy):
            continue
        raised = min(now * FACTOR, MOST) if now else FIRST
        for key, value in ((damping, raised), (damped, float(session.step))):
            changed = session.state[key].clone()
            changed[entries] = value
            session.state[key] = changed
        session.notes.append(
            f"{constraint.label}: oscillated, so from step {session.step} its multiplier has a "
            f"proportional term c (g - g_before) with c = {raised:g}"
        )
