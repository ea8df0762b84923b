"""Better points beside a stationary one whose curvature does not tell whether it is a minimum.

Where the Lagrangian is flat to the second order along the constraints, terms of higher order
decide: x^3 is stationary at 0 and falls on one side. Points at several distances along flat
directions, put back onto the constraints, are compared with the point itself (Nocedal and Wright
2006, theorem 12.6 asks for positive curvature in every direction of the critical cone; this looks
where it is none).
"""

import numpy as np
from numpy.typing import NDArray

from cspec.runtime.solvers.nlp.kkt import Kkt, reduced_curvature
from cspec.runtime.solvers.nlp.large import LARGE
from cspec.runtime.solvers.nlp.problem import Nlp, Vector

FLAT = 1e-2
"""Curvature up to this, relative to the largest, is too small to be relied on."""
DISTANCES = (1e-3, 1e-2, 1e-1)
"""How far the points are, in max(1, |x|)."""
MIXTURES = 12
"""Combinations of flat directions that are tried beside each by itself."""
FEASIBLE = 1e-8
LOWER = 1e-12
"""How much lower a point has to be, relative to max(1, |f|)."""


def better_beside(nlp: Nlp, x: Vector, state: Kkt) -> Vector | None:
    """A feasible point near `x` with a lower objective; None where none was found."""
    if nlp.size > LARGE:
        return None
    found = reduced_curvature(nlp, x, state.multipliers)
    low = found.values <= FLAT * max(1.0, float(np.abs(found.values).max(initial=0.0)))
    if not low.any():
        return None
    flat = found.basis @ found.vectors[:, low]
    f = nlp.values(x)[0]
    least = f - LOWER * max(1.0, abs(f))
    size = max(1.0, float(np.abs(x).max(initial=0.0)))
    best: tuple[float, Vector] | None = None
    for direction in _directions(flat):
        for distance in DISTANCES:
            for sign in (1.0, -1.0):
                beside = restored(nlp, x + sign * distance * size * direction)
                lower = nlp.raw(beside)[0]
                if lower < least and nlp.violation(beside) <= FEASIBLE:
                    best = (lower, beside) if best is None or lower < best[0] else best
    return None if best is None else best[1]


def _directions(flat: NDArray[np.float64]) -> list[Vector]:
    """Each flat direction, and combinations of them."""
    found = [flat[:, place] for place in range(flat.shape[1])]
    if flat.shape[1] > 1:
        random = np.random.default_rng(0)
        for _ in range(MIXTURES):
            mixed = flat @ random.standard_normal(flat.shape[1])
            found.append(mixed / np.linalg.norm(mixed))
    return found


def restored(nlp: Nlp, x: Vector, rounds: int = 8) -> Vector:
    """The point put onto what it violates by Newton steps of least norm, within the bounds."""
    x = nlp.tighten(nlp.clip(x))
    for _ in range(rounds):
        _, g = nlp.values(x)
        rows = np.where(nlp.equalities, g != 0, g > 0)
        if float(np.abs(g[rows]).max(initial=0.0)) <= 1e-14:
            break
        _, jacobian = nlp.slopes(x)
        step = np.linalg.lstsq(jacobian[rows], g[rows], rcond=1e-12)[0]
        if not np.isfinite(step).all():
            break
        x = nlp.tighten(nlp.clip(x - step))
    return x
