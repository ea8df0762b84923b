"""A small problem in other variables: without those that affine equalities give, or of one size.

x = origin + basis y: y are the variables that are left, x is all of them. Solvers see y; bounds of
an eliminated variable are inequalities of y, and the equalities that gave it are not seen at all.
Every result is in x: multipliers of all rows follow from stationarity there, as without elimination
(Nocedal and Wright 2006, section 15.2).

x = size z: each variable is divided by the width of its interval or by its start. Beside one of 1e8
one of 1e-3 has no weight in a solver's steps and tests: what it stops at looks stationary only
because slopes are per unit.
"""

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from cspec.runtime.solvers.nlp.engines import Engine, EngineLimits, Scale
from cspec.runtime.solvers.nlp.problem import Nlp, Vector

Rule = tuple[float, Mapping[int, float]]
"""x[place] = constant + sum of coefficient x[other]: the constant, the coefficients by place."""

APART = 1e3
"""Largest over smallest size from which on variables are scaled."""


class Reduced(Nlp):
    """The problem over the variables that are not eliminated.

    Its rows are those of the whole problem and, below them, the bounds of eliminated variables.
    """

    def __init__(self, whole: Nlp, rules: Mapping[int, Rule], held: Collection[int]) -> None:
        self.whole, self.count = whole, whole.count
        self.free = np.array([i for i in range(whole.size) if i not in rules], dtype=np.int64)
        self.origin, self.basis = _expansion(whole.size, self.free, rules)
        self.size = len(self.free)
        self.quadratic = whole.quadratic
        self.lower, self.upper = whole.lower[self.free], whole.upper[self.free]
        self.declared = (whole.declared[0][self.free], whole.declared[1][self.free])
        self._signs, self._ends, places = _bounds(whole, rules)
        self._outside = self._signs[:, None] * self.basis[places]
        self._offset = self._signs * (self.origin[places] - self._ends)
        rows = np.ones(len(whole.equalities), dtype=bool)
        rows[list(held)] = False
        below = len(places)
        self.equalities = np.append(whole.equalities, np.zeros(below, dtype=bool))
        self.explicit = np.append(whole.explicit & rows, np.ones(below, dtype=bool))
        self.bounds = np.full(len(self.equalities), -1)
        self.affine = np.append(whole.affine, np.ones(below, dtype=bool))

    def expand(self, y: Vector) -> Vector:
        """All variables."""
        return np.asarray(self.origin + self.basis @ y)

    def nearest(self, x: Vector) -> Vector:
        """The y whose x is nearest to a given one, then within the bounds of y."""
        y = np.linalg.lstsq(self.basis, x - self.origin, rcond=None)[0]
        return self.clip(np.asarray(y))

    def point(self) -> Vector:
        """The remaining variables as they are."""
        return np.asarray(self.whole.point()[self.free])

    def put(self, x: Vector) -> None:
        """Give all variables their values."""
        self.whole.put(self.expand(x))

    def raw(self, x: Vector) -> tuple[float, Vector]:
        """f and g as they are, with the bounds of eliminated variables below."""
        f, g = self.whole.raw(self.expand(x))
        return f, np.append(g, self._outside @ x + self._offset)

    def gradient(self, x: Vector) -> Vector:
        """df/dy."""
        return np.asarray(self.whole.gradient(self.expand(x)) @ self.basis)

    def pull(self, x: Vector, weights: Vector) -> Vector:
        """Gradient of f + <weights, g> in y."""
        own = len(self.whole.equalities)
        inside = self.whole.pull(self.expand(x), weights[:own]) @ self.basis
        return np.asarray(inside + weights[own:] @ self._outside)

    def slopes(self, x: Vector) -> tuple[Vector, NDArray[np.float64]]:
        """df/dy and dg/dy, by the chain rule."""
        gradient, jacobian = self.whole.slopes(self.expand(x))
        return gradient @ self.basis, np.vstack([jacobian @ self.basis, self._outside])

    def curvature(self, x: Vector, multipliers: Vector) -> NDArray[np.float64]:
        """Hessian in y; the bounds below are affine."""
        own = multipliers[: len(self.whole.equalities)]
        hessian = self.whole.curvature(self.expand(x), own)
        return np.asarray(self.basis.T @ hessian @ self.basis)


def _expansion(
    size: int, free: NDArray[np.int64], rules: Mapping[int, Rule]
) -> tuple[Vector, NDArray[np.float64]]:
    origin, basis = np.zeros(size), np.zeros((size, len(free)))
    basis[free, np.arange(len(free))] = 1.0
    column = {int(place): i for i, place in enumerate(free)}
    for place, (constant, terms) in rules.items():
        origin[place] = constant
        for other, coefficient in terms.items():
            basis[place, column[other]] = coefficient
    return origin, basis


def _bounds(whole: Nlp, rules: Mapping[int, Rule]) -> tuple[Vector, Vector, NDArray[np.int64]]:
    """sign (x[place] - end) <= 0 for every bound of an eliminated variable: signs, ends, places."""
    found = [
        (sign, ends[place], place)
        for place in sorted(rules)
        for sign, ends in ((-1.0, whole.lower), (1.0, whole.upper))
        if np.isfinite(ends[place])
    ]
    signs, ends, places = zip(*found, strict=True) if found else ((), (), ())
    return np.array(signs), np.array(ends), np.array(places, dtype=np.int64)


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

    def expand(self, z: Vector) -> Vector:
        """The variables as they were."""
        return self.unit * z

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


def eliminating(engine: Engine, rules: Mapping[int, Rule], held: Collection[int]) -> Engine:
    """The engine with the problem's variables eliminated by `rules`; rows `held` hold by them."""
    if not rules:
        return engine

    def run(nlp: Nlp, start: Vector, scale: Scale, limits: EngineLimits) -> Vector:
        reduced = Reduced(nlp, rules, held)
        below = np.ones(len(reduced.equalities) - len(nlp.equalities))
        y, scale = reduced.nearest(start), scale._replace(g=np.append(scale.g, below))
        return _ended(engine, reduced, y, scale, limits)

    return run


def spreading(engine: Engine) -> Engine:
    """The engine over variables that are scaled by their sizes."""

    def run(nlp: Nlp, start: Vector, scale: Scale, limits: EngineLimits) -> Vector:
        unit = sizes(nlp, start)
        return _ended(engine, Spread(nlp, unit), start / unit, scale, limits)

    return run


def _ended(
    engine: Engine, problem: Reduced | Spread, y: Vector, scale: Scale, limits: EngineLimits
) -> Vector:
    """Where an engine ends from y, in the variables of the whole problem."""

    def outside(y: Vector) -> Vector:
        return problem.whole.clip(problem.expand(y))

    inside = limits._replace(seen=lambda y: limits.seen(outside(y)))
    return outside(engine(problem, y, scale, inside) if problem.size else y)
