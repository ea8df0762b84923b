"""Engines over variables of one size: each divided by the width of its interval or by its start.

Beside a variable of 1e8 one of 1e-3 has no weight in a solver's steps and tests: what it stops at
looks stationary only because slopes are per unit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cspec.runtime.solvers.nlp.engines import Engine, EngineLimits, Scale
from cspec.runtime.solvers.nlp.problem import Nlp, Vector

APART = 1e3
"""Largest over smallest size from which on variables are scaled."""


def sizes(nlp: Nlp, start: Vector) -> Vector:
    """The width of each variable's interval where it has one, else its start, at least 1."""
    finite = np.isfinite(nlp.lower) & np.isfinite(nlp.upper) & (nlp.upper > nlp.lower)
    width = np.where(finite, nlp.upper, 1.0) - np.where(finite, nlp.lower, 0.0)
    return np.where(finite, width, np.maximum(1.0, np.abs(start)))


def apart(nlp: Nlp, start: Vector) -> bool:
    """Whether sizes of variables differ much."""
    found = sizes(nlp, start)
    return bool(found.max(initial=1.0) > APART * found.min(initial=1.0))


class Spread(Nlp):
    """A problem in z = x / size."""

    def __init__(self, whole: Nlp, size: Vector) -> None:
        self.whole, self.unit, self.size = whole, size, whole.size
        self.lower, self.upper = whole.lower / size, whole.upper / size
        self.declared = (whole.declared[0] / size, whole.declared[1] / size)
        self.equalities, self.explicit = whole.equalities, whole.explicit
        self.bounds, self.affine, self.count = whole.bounds, whole.affine, whole.count

    def raw(self, x: Vector) -> tuple[float, Vector]:
        """f and g as they are."""
        return self.whole.raw(self.unit * x)

    def gradient(self, x: Vector) -> Vector:
        """df/dz."""
        return np.asarray(self.unit * self.whole.gradient(self.unit * x))

    def pull(self, x: Vector, weights: Vector) -> Vector:
        """Gradient of f + <weights, g> in z."""
        return np.asarray(self.unit * self.whole.pull(self.unit * x, weights))

    def slopes(self, x: Vector) -> tuple[Vector, NDArray[np.float64]]:
        """df/dz and dg/dz."""
        gradient, jacobian = self.whole.slopes(self.unit * x)
        return self.unit * gradient, jacobian * self.unit

    def curvature(self, x: Vector, multipliers: Vector) -> NDArray[np.float64]:
        """Hessian in z."""
        hessian = self.whole.curvature(self.unit * x, multipliers)
        return np.asarray(hessian * self.unit * self.unit[:, None])


def spreading(engine: Engine) -> Engine:
    """The engine over variables that are scaled by their sizes."""

    def run(nlp: Nlp, start: Vector, scale: Scale, limits: EngineLimits) -> Any:
        unit = sizes(nlp, start)
        seen = limits._replace(seen=lambda z: limits.seen(nlp.clip(unit * z)))
        return nlp.clip(unit * engine(Spread(nlp, unit), start / unit, scale, seen))

    return run
