"""Where solvers start: a point at which the problem is defined, and further ones."""

import numpy as np

from cspec.runtime.solvers.nlp.problem import Nlp, Vector

STARTS = ((20, 8), (100, 3), (200, 1))
"""Variables up to a number: further starts where the problem is not known to be convex."""
FEW = 4
"""Variables up to which starts far along each axis are tried, too."""
FAR = 30.0
"""How far, in max(1, |start|)."""
TRIES = 200
"""Points at which the problem is tried where it is not defined at the start."""


def defined_start(nlp: Nlp, seed: int, notes: list[str]) -> Vector:
    """The variables as they are, or a point near them where f, g and their slopes are numbers.

    A solver can't leave a point where log or sqrt is undefined: nothing tells it where to go.
    """
    start = nlp.tighten(nlp.clip(nlp.point()))
    fine = nlp.defined(start)
    if fine and nlp.sloped(start):
        return start
    random = np.random.default_rng(seed)
    for i in range(TRIES):
        spread = 10.0 ** (-3 + 4 * i / TRIES) * np.maximum(1.0, np.abs(start))
        step = spread * random.standard_normal(nlp.size)
        sides = (start + step, np.abs(start) + np.abs(step), -np.abs(start) - np.abs(step))
        found = nlp.tighten(nlp.clip(sides[i % 3]))
        if nlp.defined(found) and nlp.sloped(found):
            what = "have no slope" if fine else "are not defined"
            notes.append(
                f"the functions {what} at the start, {point(start)}: started from "
                f"{point(found)} instead"
            )
            return found
    if not fine:
        notes.append(
            f"the functions are not defined at the start, {point(start)}, nor at {TRIES} points "
            "around it: give a start at which they are"
        )
    return start


def starts(nlp: Nlp, start: Vector, random: np.random.Generator, few: bool) -> list[Vector]:
    """Further starts: nearer and farther from the first one, and anywhere between bounds."""
    count = next((n for size, n in STARTS if nlp.size <= size), 0)
    finite = np.isfinite(nlp.lower) & np.isfinite(nlp.upper)
    width = np.where(finite, nlp.upper - nlp.lower, 0.0)
    points = []
    for i in range(0 if few else count):
        spread = (0.1, 1.0, 3.0)[i % 3] * np.maximum(1.0, np.abs(start))
        beside = start + spread * random.standard_normal(nlp.size)
        inside = np.where(finite, nlp.lower, 0.0) + width * random.random(nlp.size)
        points.append(nlp.clip(np.where(finite & (i % 2 == 1), inside, beside)))
    return [*points, *_along_axes(nlp, start)] if points else []


def _along_axes(nlp: Nlp, start: Vector) -> list[Vector]:
    """Far points on either side along each axis, for a few variables without bounds."""
    found = []
    for place in np.flatnonzero(np.isinf(nlp.lower) | np.isinf(nlp.upper)):
        for sign in (-1.0, 1.0) if nlp.size <= FEW else ():
            far = start.copy()
            far[place] += sign * FAR * max(1.0, abs(start[place]))
            if nlp.lower[place] <= far[place] <= nlp.upper[place]:
                found.append(nlp.clip(far))
    return found


def point(x: Vector) -> str:
    """A point in words, its first entries."""
    shown = ", ".join(f"{value:.4g}" for value in x[:4])
    return f"the point [{shown}{', ...' if len(x) > 4 else ''}]"
