"""The linear algebra of the KKT conditions for hundreds to thousands of variables.

What is a bound of one variable is taken out first: its multiplier is what is left of the gradient
there. The rest is dense, by factorizations of cost n^3 / 3 (no singular values).
"""

import warnings

import numpy as np
import scipy
from numpy.typing import NDArray

from cspec.runtime.solvers.nlp.problem import Nlp, Vector

LARGE = 200
"""Variables beyond which these are used; below, least squares over everything at once."""
ROUNDS = 20
"""Times that multipliers of the wrong sign are dropped."""
CURVED = 1e-7
"""Negative curvature beyond this, relative to the largest, is real."""

Mask = NDArray[np.bool_]


def by_elimination(
    nlp: Nlp, gradient: Vector, jacobian: NDArray[np.float64], rows: Mask, sides: tuple[Mask, Mask]
) -> tuple[Vector, Vector]:
    """Multipliers of the active `rows` and what is left of the Lagrangian's gradient.

    The multipliers of general rows follow from the variables that no bound holds; those of bounds
    from the gradient that is left at their variable. A variable whose bound would have to pull
    counts as free, and general rows are asked again.
    """
    single = rows & (nlp.bounds >= 0)
    free = ~(sides[0] | sides[1])
    free[nlp.bounds[single]] = False
    for _ in range(ROUNDS):
        multipliers, left = _with_free(nlp, gradient, jacobian, (rows, single), sides, free)
        pulled = ~free & (np.abs(left) > 1e-9 * max(1.0, float(np.abs(gradient).max(initial=0.0))))
        if not pulled.any():
            break
        free = free | pulled
    return multipliers, left


def _with_free(
    nlp: Nlp,
    gradient: Vector,
    jacobian: NDArray[np.float64],
    kinds: tuple[Mask, Mask],
    sides: tuple[Mask, Mask],
    free: Mask,
) -> tuple[Vector, Vector]:
    rows, single = kinds
    multipliers = np.zeros(len(rows))
    general = np.flatnonzero(rows & ~single)
    low, high = sides
    left = gradient.copy()
    if len(general):
        columns = jacobian[general]
        kept = columns if not free.any() else columns[:, free]
        target = -(gradient if not free.any() else gradient[free])
        multipliers[general] = signed_least_squares(kept.T, target, nlp.equalities[general])
        left = gradient + multipliers[general] @ columns
    for entry in np.flatnonzero(single):
        place = nlp.bounds[entry]
        slope = jacobian[entry, place]
        if slope:
            multipliers[entry] = max(0.0, -left[place] / slope)
            left[place] += slope * multipliers[entry]
    left = np.where(low, np.minimum(left, 0.0), left)
    left = np.where(high, np.maximum(left, 0.0), left)
    return multipliers, left


def signed_least_squares(columns: NDArray[np.float64], target: Vector, equal: Mask) -> Vector:
    """m with columns @ m near `target`, m_i >= 0 but for equalities: wrong signs are dropped."""
    length = np.maximum(np.linalg.norm(columns, axis=0), 1e-12)
    scaled = columns / length
    kept = np.ones(len(equal), dtype=bool)
    found = np.zeros(len(equal))
    for _ in range(ROUNDS):
        found[:] = 0.0
        if not kept.any():
            break
        found[kept] = scipy.linalg.lstsq(
            scaled[:, kept], target, lapack_driver="gelsy", cond=1e-12
        )[0]
        wrong = kept & ~equal & (found < 0)
        if not wrong.any():
            break
        worst = found[wrong].min()
        kept &= ~(wrong & (found <= 0.1 * worst))
    return np.asarray(np.where(equal, found, np.maximum(found, 0.0)) / length)


def bent_down(
    nlp: Nlp, x: Vector, multipliers: Vector, normals: NDArray[np.float64], free: Mask
) -> Vector | None:
    """A direction along `normals` in which the Lagrangian curves down; None where there is none.

    `free` are the variables that no bound holds.
    """
    if not free.any():
        return None
    hessian = nlp.curvature(x, multipliers)[np.ix_(free, free)]
    basis = _null_space(normals[:, free])
    reduced = hessian if basis is None else basis.T @ hessian @ basis
    if not len(reduced):
        return None
    size = max(1.0, float(np.abs(reduced).max(initial=0.0)))
    floor = CURVED * size
    try:
        scipy.linalg.cho_factor(reduced + floor * np.eye(len(reduced)))
        return None
    except np.linalg.LinAlgError:
        pass
    try:
        value, vector = scipy.sparse.linalg.eigsh(reduced, k=1, which="SA", tol=1e-4, maxiter=2_000)
    except scipy.sparse.linalg.ArpackError:
        values, vectors = np.linalg.eigh(reduced)
        value, vector = values[:1], vectors[:, :1]
    if value[0] >= -floor:
        return None
    found = np.zeros(nlp.size)
    found[free] = vector[:, 0] if basis is None else basis @ vector[:, 0]
    return found


def _null_space(rows: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """An orthonormal basis of what the rows leave free; None for everything."""
    if not len(rows):
        return None
    basis, triangle, _ = scipy.linalg.qr(rows.T, pivoting=True)
    diagonal = np.abs(np.diag(triangle))
    rank = int((diagonal > 1e-10 * max(1.0, diagonal[0])).sum())
    return np.asarray(basis[:, rank:])


def solved(system: NDArray[np.float64], right: Vector) -> Vector:
    """The solution of a symmetric system, by least squares where it is singular or small."""
    if len(system) > LARGE:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                found = scipy.linalg.solve(system, right, assume_a="sym")
                if np.isfinite(found).all():
                    return np.asarray(found)
            except (np.linalg.LinAlgError, RuntimeWarning, Warning):
                pass
        return np.asarray(scipy.linalg.lstsq(system, right, lapack_driver="gelsy", cond=1e-12)[0])
    return np.asarray(np.linalg.lstsq(system, right, rcond=1e-12)[0])
