"""A small problem without the variables that affine equalities give: x = origin + basis y.

y are the variables that are left, x is all of them. Solvers see y; bounds of an eliminated variable
are inequalities of y, and the equalities that gave it are not seen at all. Every result is in x:
multipliers of all rows follow from stationarity there, as without elimination
(Nocedal and Wright 2006, section 15.2).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from cspec.runtime.solvers.nlp.engines import Engine, EngineLimits, Scale
from cspec.runtime.solvers.nlp.problem import Nlp, Vector

Rule = tuple[float, Mapping[int, float]]
"""x[place] = constant + sum of coefficient x[other]: the constant, the coefficients by place."""


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


def eliminating(engine: Engine, rules: Mapping[int, Rule], held: Collection[int]) -> Engine:
    """The engine with the problem's variables eliminated by `rules`; rows `held` hold by them."""
    if not rules:
        return engine

    def run(nlp: Nlp, start: Vector, scale: Scale, limits: EngineLimits) -> Vector:
        reduced = Reduced(nlp, rules, held)
        below = np.ones(len(reduced.equalities) - len(nlp.equalities))
        seen = limits._replace(seen=lambda y: limits.seen(nlp.clip(reduced.expand(y))))
        y = reduced.nearest(start)
        if reduced.size:
            y = engine(reduced, y, scale._replace(g=np.append(scale.g, below)), seen)
        return nlp.clip(reduced.expand(y))

    return run
