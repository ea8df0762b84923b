"""Multipliers at a point by least squares, KKT residuals, and a test of the second order.

    minimize || grad f + J_A^T m - z_lower + z_upper ||   over m_i >= 0 (inequalities), z >= 0

over the active constraints A and active bounds (Nocedal and Wright 2006, section 18.3, with signs).
Bounds that stand for a constraint count as that constraint: its multiplier is in its own units.
"""

from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from cspec.runtime.solvers.nlp.large import LARGE, bent_down, by_elimination, solved
from cspec.runtime.solvers.nlp.problem import Nlp, Vector

ACTIVE = 1e-6
"""Slack below which an inequality counts as active, relative to the size of its gradient."""
CURVED = 1e-7
"""Negative curvature beyond this, relative to the largest, is real."""

NEAR = 1e-9
"""Residual up to which a step onto the active set may lead to."""
PUSHES = 1e-10
"""Multiplier times slack beyond which a constraint pushes back too early."""

FAR = 1e4
"""Entries of a Hessian in those of the normals from which both are brought to one size."""


class Kkt(NamedTuple):
    """First-order conditions at a point."""

    multipliers: Vector
    """One an entry of g."""
    stationarity: float
    """Largest entry of the Lagrangian's gradient, relative to max(1, largest of grad f)."""
    feasibility: float
    complementarity: float
    """Largest |multiplier x slack|."""


def active_rows(nlp: Nlp, x: Vector, reach: float = ACTIVE) -> NDArray[np.bool_]:
    """Equalities, and inequalities with less slack than `reach`."""
    _, g = nlp.values(x)
    _, jacobian = nlp.slopes(x)
    size = np.maximum(1.0, np.abs(jacobian).max(axis=1, initial=0.0))
    return np.asarray(nlp.equalities | (g >= -reach * size))


def at_bounds(
    nlp: Nlp, x: Vector, reach: float = ACTIVE
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which variables are within `reach` of a declared lower and upper bound."""
    lower, upper = nlp.declared
    near = reach * np.maximum(1.0, np.abs(x))
    return x - lower <= near, upper - x <= near


def kkt(nlp: Nlp, x: Vector, reach: float = ACTIVE) -> Kkt:
    """Least-squares multipliers and the residuals of the KKT conditions."""
    gradient, jacobian = nlp.slopes(x)
    _, g = nlp.values(x)
    rows = active_rows(nlp, x, reach)
    low, high = at_bounds(nlp, x, reach)
    multipliers = np.zeros(len(g))
    columns = np.zeros((nlp.size, 0))
    if nlp.size <= LARGE:
        identity = np.eye(nlp.size)
        columns = np.vstack([jacobian[rows], -identity[low], identity[high]]).T
    residual = gradient
    if nlp.size > LARGE:
        multipliers, residual = by_elimination(nlp, gradient, jacobian, rows, (low, high))
    elif columns.shape[1]:
        floor = np.concatenate(
            [np.where(nlp.equalities[rows], -np.inf, 0.0), np.zeros(low.sum() + high.sum())]
        )
        # Columns of one length, so that no constraint is preferred for the units it came in.
        length = np.maximum(np.linalg.norm(columns, axis=0), 1e-12)
        found = scipy.optimize.lsq_linear(
            columns / length, -gradient, bounds=(floor, np.inf), tol=1e-14
        )
        weights = found.x / length
        multipliers[rows] = weights[: rows.sum()]
        residual = gradient + columns @ weights
    size = max(1.0, float(np.abs(gradient).max(initial=0.0)))
    slack = np.where(nlp.equalities, 0.0, g)
    return Kkt(
        multipliers,
        float(np.abs(residual).max(initial=0.0)) / size,
        nlp.violation(x),
        float(np.abs(multipliers * slack).max(initial=0.0)),
    )


def descent_direction(nlp: Nlp, x: Vector, multipliers: Vector) -> Vector | None:
    """A direction of negative curvature along the active constraints, None at a minimum.

    The Hessian of the Lagrangian on the null space of the active gradients must not curve down
    (the second-order necessary condition). Constraints whose multiplier is 0 may be left, so only
    those that push back hold the null space; bounds alike.
    """
    if nlp.size > LARGE:
        normals, held = _pushing(nlp, x, multipliers)
        return bent_down(nlp, x, multipliers, normals, ~held)
    found = reduced_curvature(nlp, x, multipliers)
    if not len(found.values) or found.values[0] >= -CURVED * max(1.0, found.largest):
        return None
    return np.asarray(found.basis @ found.vectors[:, 0])


class Curved(NamedTuple):
    """The Hessian of the Lagrangian along the constraints that push back."""

    basis: NDArray[np.float64]
    values: Vector
    """Eigenvalues of basis^T H basis, rising, and its eigenvectors."""
    vectors: NDArray[np.float64]
    largest: float
    """The largest entry of H in size."""


def reduced_curvature(nlp: Nlp, x: Vector, multipliers: Vector) -> Curved:
    """How the Lagrangian curves on the null space of the constraints that push back."""
    normals, held = _pushing(nlp, x, multipliers)
    basis = _null_space(np.vstack([normals, np.eye(nlp.size)[held]]), nlp.size)
    if not basis.shape[1]:
        return Curved(basis, np.zeros(0), np.zeros((0, 0)), 0.0)
    hessian = nlp.curvature(x, multipliers)
    values, vectors = np.linalg.eigh(basis.T @ hessian @ basis)
    return Curved(basis, values, vectors, float(np.abs(hessian).max(initial=0.0)))


def _pushing(
    nlp: Nlp, x: Vector, multipliers: Vector
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Gradients of the constraints that push back, and the variables held by their bounds."""
    gradient, jacobian = nlp.slopes(x)
    pushing = active_rows(nlp, x) & (nlp.equalities | (multipliers > 1e-8))
    reduced = gradient + multipliers @ jacobian
    low, high = at_bounds(nlp, x)
    return jacobian[pushing], (low & (reduced > 1e-8)) | (high & (reduced < -1e-8))


def _null_space(rows: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    if not len(rows):
        return np.eye(size)
    _, values, vectors = np.linalg.svd(rows)
    rank = int((values > 1e-10 * max(1.0, values[0])).sum())
    return np.asarray(vectors[rank:].T)


REACHES = (ACTIVE, 1e-4, 1e-2)
"""Slacks up to which a constraint is tried as active: interior points end a little inside."""


def polish(nlp: Nlp, x: Vector) -> Vector:
    """Newton's method on the KKT conditions of the active set, kept while it improves them."""
    for reach in REACHES:
        x = _polish(nlp, x, reach)
        state = kkt(nlp, x)
        if max(state.stationarity, state.feasibility) < 1e-9:
            break
    return x


def _polish(nlp: Nlp, x: Vector, reach: float, rounds: int = 6) -> Vector:
    best, state = x, kkt(nlp, x)
    for _ in range(rounds):
        if max(state.stationarity, state.feasibility) < 1e-13 and not _slack(nlp, state):
            break
        multipliers = state.multipliers if reach == ACTIVE else kkt(nlp, best, reach).multipliers
        rows = active_rows(nlp, best, reach) & (nlp.equalities | (multipliers > 0))
        moved = nlp.clip(_newton(nlp, best, multipliers, rows, reach))
        if not np.isfinite(nlp.raw(moved)[0]):
            break
        after = kkt(nlp, moved)
        old = max(state.stationarity, state.feasibility)
        f_old, f_new = nlp.raw(best)[0], nlp.raw(moved)[0]
        if _slack(nlp, state) and after.complementarity < 0.5 * state.complementarity:
            old = max(old, NEAR)
        worse = f_new > f_old + 1e-5 * max(1.0, abs(f_old))
        if worse or max(after.stationarity, after.feasibility) >= 0.5 * old:
            break
        best, state = moved, after
    return best


def _share(hessian: NDArray[np.float64], normal: NDArray[np.float64]) -> float:
    """What normals are multiplied by so that none is lost beside a far larger Hessian; else 1."""
    largest = float(np.abs(hessian).max(initial=0.0))
    size = float(np.abs(normal).max(initial=0.0))
    return largest / size if 0 < size * FAR < largest < np.inf else 1.0


def _slack(nlp: Nlp, state: Kkt) -> bool:
    """Whether a constraint of a quadratic problem pushes back before it is met with equality.

    Multipliers are large where the objective is: of a step on the active set nothing is left.
    """
    return bool(nlp.quadratic) and state.complementarity > PUSHES


def _newton(
    nlp: Nlp, x: Vector, multipliers: Vector, rows: NDArray[np.bool_], reach: float
) -> Vector:
    """One step on the KKT system of the free variables; those that bounds hold go onto them."""
    gradient, jacobian = nlp.slopes(x)
    _, g = nlp.values(x)
    reduced = gradient + multipliers @ jacobian
    low, high = at_bounds(nlp, x, reach)
    if reach > ACTIVE:
        low, high = low & (reduced > 0), high & (reduced < 0)
    free = ~(low | high | (x <= nlp.lower) | (x >= nlp.upper))
    moved = np.where(low, nlp.declared[0], np.where(high, nlp.declared[1], x))
    if not free.any():
        return moved
    normal = jacobian[rows][:, free]
    hessian = nlp.curvature(x, multipliers)[np.ix_(free, free)]
    count = len(normal)
    share = _share(hessian, normal)
    normal = share * normal
    system = np.block([[hessian, normal.T], [normal, np.zeros((count, count))]])
    left = g[rows] + jacobian[rows] @ (moved - x)
    right = -np.concatenate([reduced[free], share * left])
    moved[free] += solved(system, right)[: free.sum()]
    return moved
