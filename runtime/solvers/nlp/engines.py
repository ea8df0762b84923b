"""Solvers of one start: SLSQP, trust-constr, and an augmented Lagrangian over L-BFGS-B.

Each takes the problem and a start and gives a point. Rows of g and f may be scaled: `scaling` makes
the largest derivative at the start at most 100, as Ipopt does (Waechter and Biegler 2006, 3.8).
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import scipy

from cspec.runtime.solvers.nlp.interior_point import interior_point
from cspec.runtime.solvers.nlp.large import LARGE
from cspec.runtime.solvers.nlp.problem import HUGE, Nlp, Vector

LARGEST_SLOPE = 100.0
ROUNDS = 40
"""Outer rounds of the augmented Lagrangian."""
ITERATIONS = 5_000
"""Iterations of L-BFGS-B at most, which are far cheaper than those of the other engines."""
GROWTH = 10.0
STAGNATION = 0.5
LARGEST_PENALTY = 1e10
LARGEST_MULTIPLIER = 1e8
FEW = 10
"""Constraints of a large problem up to which an augmented Lagrangian is taken first."""
SMALL = 250
"""Variables and constraints up to which SLSQP is taken: a step of it costs their number cubed."""


class EngineLimits(NamedTuple):
    """When a solver ends, and who is told of each iterate."""

    tolerance: float
    iterations: int
    seen: Callable[[Vector], None]


class Scale(NamedTuple):
    """Factors of f and of each entry of g."""

    f: float
    g: Vector


def unscaled(nlp: Nlp) -> Scale:
    """Factors of 1."""
    return Scale(1.0, np.ones(len(nlp.equalities)))


def scaling(nlp: Nlp, x: Vector) -> Scale:
    """Factors that bring derivatives at `x` to at most 100; none is larger than 1."""
    gradient, jacobian = nlp.slopes(x)
    size = np.abs(jacobian).max(axis=1, initial=0.0)
    factor = np.minimum(1.0, LARGEST_SLOPE / np.maximum(size, 1e-300))
    largest = max(float(np.abs(gradient).max(initial=0.0)), 1e-300)
    return Scale(min(1.0, LARGEST_SLOPE / largest), np.maximum(factor, 1e-8))


def slsqp(nlp: Nlp, start: Vector, scale: Scale, limits: EngineLimits) -> Vector:
    """Sequential least squares programming (Kraft 1988), scipy's."""
    constraints: list[dict[str, Any]] = []
    equal = nlp.explicit & nlp.equalities
    # scipy's inequalities are >= 0.
    for kind, rows, sign in (("eq", equal, 1.0), ("ineq", nlp.explicit & ~equal, -1.0)):
        if rows.any():
            factor = sign * scale.g[rows]
            constraints.append(
                {
                    "type": kind,
                    "fun": lambda x, r=rows, s=factor: s * nlp.values(x)[1][r],
                    "jac": lambda x, r=rows, s=factor: s[:, None] * nlp.slopes(x)[1][r],
                }
            )
    return _minimize(
        nlp,
        start,
        scale,
        limits,
        method="SLSQP",
        constraints=constraints,
        options={"maxiter": limits.iterations, "ftol": limits.tolerance * 1e-3},
    )


def trust_constr(nlp: Nlp, start: Vector, scale: Scale, limits: EngineLimits) -> Vector:
    """Byrd-Omojokun trust region SQP and interior point (Conn, Gould, Toint 2000), scipy's."""
    constraints = []
    rows = nlp.explicit
    if rows.any():
        factor = scale.g[rows]
        low = np.where(nlp.equalities[rows], 0.0, -np.inf)

        def curved(x: Vector, v: Vector) -> Any:
            weights = np.zeros(len(rows))
            weights[rows] = v * factor
            return nlp.curvature(x, weights) - nlp.curvature(x, np.zeros(len(rows)))

        constraints.append(
            scipy.optimize.NonlinearConstraint(
                lambda x: factor * nlp.values(x)[1][rows],
                low,
                np.zeros(int(rows.sum())),
                jac=lambda x: factor[:, None] * nlp.slopes(x)[1][rows],
                hess=curved,
            )
        )
    return _minimize(
        nlp,
        start,
        scale,
        limits,
        method="trust-constr",
        hess=lambda x: scale.f * nlp.curvature(x, np.zeros(len(nlp.equalities))),
        constraints=constraints,
        options={"maxiter": limits.iterations, "gtol": limits.tolerance, "xtol": 1e-12},
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings: trial points may overflow, and what they give is looked at."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _minimize(
    nlp: Nlp, start: Vector, scale: Scale, limits: EngineLimits, **settings: Any
) -> Vector:
    last = [start]

    def seen(x: Vector, *_: Any) -> None:
        last[0] = np.array(x, dtype=np.float64)
        nlp.factored()
        limits.seen(last[0])

    with _quiet():
        try:
            found = scipy.optimize.minimize(
                lambda x: scale.f * nlp.values(x)[0],
                start,
                jac=lambda x: scale.f * nlp.slopes(x)[0],
                bounds=scipy.optimize.Bounds(nlp.lower, nlp.upper),
                callback=seen,
                **settings,
            )
        except (ValueError, np.linalg.LinAlgError):
            return nlp.clip(last[0])
    x = np.asarray(found.x, dtype=np.float64)
    return nlp.clip(x if np.isfinite(x).all() else last[0])


def augmented_lagrangian(nlp: Nlp, start: Vector, scale: Scale, limits: EngineLimits) -> Vector:
    """Method of multipliers with L-BFGS-B inside, bounds kept by the inner solver.

    L = f + sum over equalities of m h + c/2 h^2 + sum over inequalities of ([m + c g]+^2 - m^2) /
    (2 c); m <- m + c h, [m + c g]+; c_i grows tenfold where |V_i| did not halve (ALGENCAN, Andreani
    et al. 2008), V = h or max(g, -m / c).
    """
    rows = nlp.explicit
    equal = nlp.equalities[rows]
    factor = scale.g[rows]
    f, g = nlp.values(start)
    over = np.where(equal, factor * g[rows], np.maximum(factor * g[rows], 0.0))
    first = 10 * max(1.0, abs(scale.f * f)) / max(1e-12, float(over @ over) / 2)
    penalty = np.full(int(rows.sum()), min(max(first, 1e-6), 10.0))
    multipliers = np.zeros(int(rows.sum()))
    before = np.full(int(rows.sum()), np.inf)
    x = start

    def pushed(values: Vector) -> Vector:
        weight = multipliers + penalty * values
        return np.where(equal, weight, np.maximum(weight, 0.0))

    def lagrangian(point: Vector) -> tuple[float, Vector]:
        value, g = nlp.values(point)
        weight = pushed(factor * g[rows])
        total = scale.f * value + float(((weight**2 - multipliers**2) / (2 * penalty)).sum())
        weights = np.zeros(len(rows))
        weights[rows] = weight * factor
        return min(total, HUGE), pulled(nlp, point, scale.f, weights)

    for _ in range(ROUNDS):
        x = _inner(nlp, lagrangian, x, limits)
        values = factor * nlp.values(x)[1][rows]
        size = np.abs(np.where(equal, values, np.maximum(values, -multipliers / penalty)))
        moved = np.clip(pushed(values), -LARGEST_MULTIPLIER, LARGEST_MULTIPLIER)
        settled = float(np.abs(moved - multipliers).max(initial=0.0))
        multipliers = moved
        if size.max(initial=0.0) <= 1e-9 and settled <= 1e-6 * (1 + np.abs(moved).max(initial=0.0)):
            break
        stagnates = (size > STAGNATION * before) & (size > 1e-9)
        penalty = np.where(stagnates, np.minimum(GROWTH * penalty, LARGEST_PENALTY), penalty)
        before = size
    return x


def pulled(nlp: Nlp, x: Vector, share: float, weights: Vector) -> Vector:
    """Gradient of share f + <weights, g>; for many variables without the Jacobian."""
    if nlp.size > LARGE and share > 0:
        return share * nlp.pull(x, weights / share)
    gradient, jacobian = nlp.slopes(x)
    return np.asarray(share * gradient + weights @ jacobian)


def lbfgs(nlp: Nlp, start: Vector, scale: Scale, limits: EngineLimits) -> Vector:
    """L-BFGS-B (Byrd, Lu, Nocedal and Zhu 1995), scipy's: for bounds alone."""
    none = np.zeros(len(nlp.equalities))

    def objective(x: Vector) -> tuple[float, Vector]:
        return scale.f * nlp.values(x)[0], pulled(nlp, x, scale.f, none)

    return _inner(nlp, objective, start, limits)


def interior(nlp: Nlp, start: Vector, scale: Scale, limits: EngineLimits) -> Vector:
    """Primal-dual interior point with exact Hessians (`nlp_interior`)."""
    with _quiet():
        return interior_point(nlp, start, scale.f, scale.g, limits.tolerance, limits.seen)


def by_size(nlp: Nlp) -> str:
    """The engine of a problem: SLSQP while n^3 is cheap.

    Beyond, L-BFGS-B for bounds alone; with few constraints of many variables it needs no Hessian
    inside an augmented Lagrangian; with many, or where f is quadratic and its Hessian is found
    once, interior point.
    """
    rows = int(nlp.explicit.sum())
    if nlp.size + rows <= SMALL:
        return "slsqp"
    bounded = np.isfinite(nlp.lower).any() or np.isfinite(nlp.upper).any()
    if rows > FEW or (nlp.quadratic and (rows or bounded)):
        return "interior_point"
    return "augmented_lagrangian" if rows else "lbfgs"


def _inner(
    nlp: Nlp, lagrangian: Callable[[Vector], tuple[float, Vector]], x: Vector, limits: EngineLimits
) -> Vector:
    def seen(point: Vector) -> None:
        limits.seen(np.array(point, dtype=np.float64))

    with _quiet():
        found = scipy.optimize.minimize(
            lagrangian,
            x,
            jac=True,
            method="L-BFGS-B",
            bounds=scipy.optimize.Bounds(nlp.lower, nlp.upper),
            callback=seen,
            options={
                "maxiter": max(limits.iterations, ITERATIONS),
                "maxfun": 10 * ITERATIONS,
                "ftol": 1e-15,
                "gtol": 1e-9,
                "maxcor": 10,
            },
        )
    moved = nlp.clip(np.asarray(found.x, dtype=np.float64))
    return moved if np.isfinite(moved).all() else x


Engine = Callable[[Nlp, Vector, Scale, EngineLimits], Vector]
ENGINES: dict[str, Engine] = {
    "slsqp": slsqp,
    "trust_constr": trust_constr,
    "augmented_lagrangian": augmented_lagrangian,
    "interior_point": interior,
    "lbfgs": lbfgs,
}
