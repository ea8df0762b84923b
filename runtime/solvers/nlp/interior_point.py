"""A primal-dual interior-point method with exact second derivatives, for many constraints.

    minimize f(x) - mu (sum log s + sum log(x - l) + sum log(u - x))
    subject to h(x) = 0, g(x) + s = 0                                 for mu -> 0

Newton's method on the perturbed KKT conditions, slacks and bounds eliminated; the Hessian gets
delta I until it is positive along the step; backtracking on the l1 merit function; mu falls with
the error (Nocedal and Wright 2006, algorithm 19.2; Waechter and Biegler 2006 for the constants).
"""

from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from cspec.runtime.solvers.nlp.problem import FACTOR, Nlp, Vector

FIRST = 0.1
"""mu at the start."""
STEPS = 150
"""Iterations at most."""
INSIDE = 1e-2
"""Distance from bounds at the start, relative to max(1, |bound|)."""
STALLED = 40
"""Steps without a smaller residual after which the method ends: multipliers may have no limit."""
SPARSE = 0.1
"""Share of entries below which a system is factorized as a sparse one."""
LARGEST_SHIFT = 1e10
BACKTRACKS = 25


class Point(NamedTuple):
    """Variables, slacks, and multipliers: of equalities, inequalities, lower and upper bounds."""

    x: Vector
    s: Vector
    y: Vector
    z: Vector
    low: Vector
    high: Vector


class Interior:
    """The method on one problem; `scale` are factors of f and of the entries of g."""

    def __init__(self, nlp: Nlp, share: float, factors: Vector) -> None:
        self.nlp, self.share, self.factors = nlp, share, factors
        self.equal = np.flatnonzero(nlp.explicit & nlp.equalities)
        self.below = np.flatnonzero(nlp.explicit & ~nlp.equalities)
        self.has_low, self.has_high = np.isfinite(nlp.lower), np.isfinite(nlp.upper)
        self.delta = 0.0

    def start(self, x: Vector) -> Point:
        """The nearest point well inside the bounds, with multipliers mu / distance."""
        nlp = self.nlp
        room = np.where(self.has_low & self.has_high, (nlp.upper - nlp.lower) / 4, np.inf)
        low = nlp.lower + np.minimum(INSIDE * np.maximum(1.0, np.abs(nlp.lower)), room)
        high = nlp.upper - np.minimum(INSIDE * np.maximum(1.0, np.abs(nlp.upper)), room)
        x = np.clip(x, np.where(self.has_low, low, -np.inf), np.where(self.has_high, high, np.inf))
        g = self.values(x)[2]
        s = np.maximum(-g, INSIDE)
        lower, upper = self.distances(x)
        return Point(x, s, np.zeros(len(self.equal)), FIRST / s, FIRST / lower, FIRST / upper)

    def distances(self, x: Vector) -> tuple[Vector, Vector]:
        """To the bounds; infinite where there is none."""
        return x - self.nlp.lower, self.nlp.upper - x

    def values(self, x: Vector) -> tuple[float, Vector, Vector]:
        """f, h and g, scaled."""
        f, g = self.nlp.values(x)
        scaled = self.factors * g
        return self.share * f, scaled[self.equal], scaled[self.below]

    def slopes(self, x: Vector) -> tuple[Vector, scipy.sparse.csr_matrix, scipy.sparse.csr_matrix]:
        """Gradient of f and the Jacobians of h and g, scaled."""
        gradient, jacobian = self.nlp.slopes(x)
        rows = self.factors[:, None] * jacobian
        return (
            self.share * gradient,
            scipy.sparse.csr_matrix(rows[self.equal]),
            scipy.sparse.csr_matrix(rows[self.below]),
        )

    def hessian(self, p: Point) -> NDArray[np.float64]:
        """Of the scaled Lagrangian."""
        weights = np.zeros(len(self.factors))
        weights[self.equal], weights[self.below] = p.y, p.z
        found = self.nlp.curvature(p.x, self.factors * weights / self.share)
        return self.share * found

    # --- one step ---

    def error(self, p: Point, mu: float) -> float:
        """The largest residual of the perturbed KKT conditions."""
        _, h, g = self.values(p.x)
        gradient, rows_h, rows_g = self.slopes(p.x)
        lower, upper = self.distances(p.x)
        dual = gradient + rows_h.T @ p.y + rows_g.T @ p.z - p.low + p.high
        parts = [
            dual / max(1.0, float(np.abs(np.concatenate([p.y, p.z])).mean()) if len(self.factors)
                       else 1.0),
            h,
            g + p.s,
            p.s * p.z - mu,
            (lower * p.low - mu)[self.has_low],
            (upper * p.high - mu)[self.has_high],
        ]  # fmt: skip
        return max(float(np.abs(part).max(initial=0.0)) for part in parts)

    def step(self, p: Point, mu: float) -> Point | None:
        """One Newton step with line search; None where there is no progress."""
        _, h, g = self.values(p.x)
        gradient, rows_h, rows_g = self.slopes(p.x)
        lower, upper = self.distances(p.x)
        over = g + p.s
        ratio = p.z / p.s
        diagonal = p.low / lower + p.high / upper
        barrier = gradient - mu / lower + mu / upper
        right = barrier + rows_h.T @ p.y + rows_g.T @ (mu / p.s + ratio * over)
        condensed = scipy.sparse.csr_matrix(self.hessian(p)) + rows_g.T @ rows_g.multiply(
            ratio[:, None]
        )
        found = self._direction(condensed, diagonal, rows_h, right, h)
        if found is None:
            return None
        dx, dy = found
        ds = -over - rows_g @ dx
        dz = mu / p.s - p.z - ratio * ds
        dl = mu / lower - p.low - p.low / lower * dx
        du = mu / upper - p.high + p.high / upper * dx
        edge = max(0.99, 1 - mu)
        primal = min(
            _most(p.s, ds, edge),
            _most(lower[self.has_low], dx[self.has_low], edge),
            _most(upper[self.has_high], -dx[self.has_high], edge),
        )
        dual = min(_most(p.z, dz, edge), _most(p.low, dl, edge), _most(p.high, du, edge))
        weight = 1.0 + 2 * float(np.abs(np.concatenate([p.y + dy, p.z + dz, [0.0]])).max())
        slope = float(barrier @ dx - mu * (ds / p.s).sum())
        slope -= weight * float(np.abs(h).sum() + np.abs(over).sum())
        size = self._search(p, dx, ds, (primal, slope, weight, mu))
        if size is None:
            return None
        moved = Point(
            p.x + size * dx, p.s + size * ds, p.y + size * dy, p.z + dual * dz,
            p.low + dual * dl, p.high + dual * du,
        )  # fmt: skip
        return self._kept(moved, mu)

    def _kept(self, p: Point, mu: float) -> Point:
        """Multipliers within a factor of mu / distance, so that no step is lost in them."""
        lower, upper = self.distances(p.x)
        far = 1e10

        def near(values: Vector, distance: Vector) -> Vector:
            target = mu / np.maximum(distance, 1e-300)
            return np.clip(values, target / far, target * far)

        return p._replace(z=near(p.z, p.s), low=near(p.low, lower), high=near(p.high, upper))

    def _direction(
        self,
        condensed: scipy.sparse.csr_matrix,
        diagonal: Vector,
        rows: scipy.sparse.csr_matrix,
        right: Vector,
        h: Vector,
    ) -> tuple[Vector, Vector] | None:
        """dx and dy, with enough of the identity added that the step is one of descent."""
        n, count = self.nlp.size, len(h)
        shift = self.delta / 3 if self.delta > 1e-12 else 0.0
        while shift <= LARGEST_SHIFT:
            solution = _solved(condensed, diagonal + shift, rows, np.concatenate([-right, -h]))
            if solution is not None:
                dx = solution[:n]
                bent = float(dx @ (condensed @ dx) + dx @ ((diagonal + shift) * dx))
                if np.isfinite(solution).all() and bent >= 1e-10 * float(dx @ dx):
                    self.delta = shift
                    return dx, solution[n : n + count]
            shift = max(1e-6, 10 * shift)
        return None

    def _search(
        self, p: Point, dx: Vector, ds: Vector, known: tuple[float, float, float, float]
    ) -> float | None:
        size, slope, weight, mu = known
        before = self._merit(p.x, p.s, mu, weight)
        for _ in range(BACKTRACKS):
            after = self._merit(p.x + size * dx, p.s + size * ds, mu, weight)
            slack = 1e-12 * max(1.0, abs(before))
            if after <= before + 1e-4 * size * min(slope, 0.0) + slack:
                return size
            size /= 2
        return None

    def _merit(self, x: Vector, s: Vector, mu: float, weight: float) -> float:
        f, h, g = self.values(x)
        lower, upper = self.distances(x)
        logs = (
            np.log(s).sum() + np.log(lower[self.has_low]).sum() + np.log(upper[self.has_high]).sum()
        )
        return float(f - mu * logs + weight * (np.abs(h).sum() + np.abs(g + s).sum()))


def _most(values: Vector, change: Vector, edge: float) -> float:
    """The largest step up to 1 that keeps values positive."""
    falling = change < 0
    if not falling.any():
        return 1.0
    return min(1.0, float((-edge * values[falling] / change[falling]).min()))


def _solved(
    condensed: scipy.sparse.csr_matrix,
    diagonal: Vector,
    rows: scipy.sparse.csr_matrix,
    right: Vector,
) -> Vector | None:
    n, count = len(diagonal), rows.shape[0]
    total = n + count
    if condensed.nnz <= SPARSE * n * n and n > 50:
        top = condensed + scipy.sparse.csr_matrix((diagonal, (range(n), range(n))), shape=(n, n))
        if count:
            tail = scipy.sparse.csr_matrix((np.full(count, -1e-12), (range(count), range(count))))
            left = scipy.sparse.vstack([top, rows])
            system = scipy.sparse.vstack([left.T, scipy.sparse.vstack([rows.T, tail]).T]).T
        else:
            system = top
        try:
            return np.asarray(
                scipy.sparse.linalg.splu(scipy.sparse.csc_matrix(system)).solve(right)
            )
        except RuntimeError:
            return None
    dense = np.zeros((total, total))
    dense[:n, :n] = condensed.toarray()
    dense[np.arange(n), np.arange(n)] += diagonal
    if count:
        dense[n:, :n] = rows.toarray()
        dense[:n, n:] = dense[n:, :n].T
        dense[np.arange(n, total), np.arange(n, total)] = -1e-12
    try:
        return np.asarray(scipy.linalg.solve(dense, right, assume_a="sym"))
    except (np.linalg.LinAlgError, ValueError):
        return None


def interior_point(
    nlp: Nlp, start: Vector, share: float, factors: Vector, tolerance: float, seen: object
) -> Vector:
    """The end of the method from a start; bounds hold strictly on the way."""
    method = Interior(nlp, share, factors)
    point, mu = method.start(start), FIRST
    floor = max(tolerance / 10, 1e-11)
    least, idle = np.inf, 0
    for _ in range(STEPS):
        error = method.error(point, 0.0)
        least, idle = (error, 0) if error < 0.9 * least else (least, idle + 1)
        if idle > STALLED:
            break
        while mu > floor and method.error(point, mu) <= 10 * mu:
            mu = max(floor, min(0.2 * mu, mu**1.5))
            method.delta = 0.0
        if mu <= floor and method.error(point, 0.0) <= max(tolerance, 1e-9):
            break
        nlp.count.work += FACTOR / 10 * float(nlp.size) ** 3
        moved = method.step(point, mu)
        if moved is None:
            if mu <= floor:
                break
            mu = max(floor, 0.2 * mu)
            continue
        point = moved
        if callable(seen):
            seen(point.x)
    return nlp.clip(point.x)
