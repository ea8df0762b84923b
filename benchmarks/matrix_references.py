"""Optima of the problems of `benchmarks/matrix`, by numpy and scipy and without cspec.

Closed forms, exhaustive search over supports or signs, Dykstra's algorithm, an accelerated
projected gradient method of its own, scipy's nonnegative least squares and SLSQP from many starts.
Data are read from the specs' `param` lines.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import LinearConstraint, linprog, minimize, nnls

FOLDER = Path(__file__).parent / "matrix"
Array = np.ndarray[Any, np.dtype[np.float64]]


def params(name: str) -> dict[str, Array]:
    """The arrays that a spec's `param` lines give."""
    text = (FOLDER / f"{name}.cspec").read_text()
    found = re.findall(r"^param (\w+)\[[^\]]*\] = (.*)$", text, re.MULTILINE)
    return {word: np.array(ast.literal_eval(rows), dtype=float) for word, rows in found}


def eigenvalues(a: Array) -> Array:
    """Of a symmetric matrix, increasing."""
    return np.asarray(np.linalg.eigvalsh(a))


def singular_values(a: Array) -> Array:
    """Decreasing."""
    return np.asarray(np.linalg.svd(a, compute_uv=False))


def psd_part(a: Array) -> Array:
    """The nearest positive semidefinite matrix."""
    values, vectors = np.linalg.eigh((a + a.T) / 2)
    return np.asarray((vectors * np.maximum(values, 0)) @ vectors.T)


def dykstra(x: Array, *projections: Callable[[Array], Array]) -> Array:
    """The nearest point of an intersection."""
    corrections = [np.zeros_like(x) for _ in projections]
    for _ in range(20_000):
        before = x
        for i, project in enumerate(projections):
            shifted = x + corrections[i]
            x = project(shifted)
            corrections[i] = shifted - x
        if np.abs(x - before).max() < 1e-15:
            break
    return x


def accelerated(gradient: Callable[[Array], Array], project: Any, x: Array, slope: float) -> Array:
    """FISTA with restarts (O'Donoghue and Candes 2015)."""
    y, t = x, 1.0
    for _ in range(100_000):
        new = project(y - gradient(y) / slope)
        if ((y - new) * (new - x)).sum() > 0:
            t = 1.0
        if np.abs(new - y).max() < 1e-15 and np.abs(new - x).max() < 1e-15:
            return np.asarray(new)
        following = (1 + np.sqrt(1 + 4 * t * t)) / 2
        y = new + (t - 1) / following * (new - x)
        x, t = new, following
    return x


def supports(size: int, count: int) -> Iterator[list[int]]:
    """All ways to choose `count` of `size`."""
    return map(list, itertools.combinations(range(size), count))


def squares(x: Array, w: Array, y: Array) -> float:
    """||x w - y||^2."""
    return float(((x @ w - y) ** 2).sum())


# --- one function a problem ----------------------------------------------------------------------


def birkhoff() -> float:
    c = params("birkhoff")["C"]

    def sums(x: Array) -> Array:
        n = len(x)
        rows, columns = x.sum(1, keepdims=True) - 1, x.sum(0, keepdims=True) - 1
        return np.asarray(x - rows / n - columns / n + rows.sum() / n**2)

    found = dykstra(c, sums, lambda x: np.maximum(x, 0))
    return float(((found - c) ** 2).sum())


def completion() -> float:
    known, mask = params("completion")["Y"], params("completion")["M"]

    def project(x: Array) -> Array:
        u, s, v = np.linalg.svd(x, full_matrices=False)
        if s.sum() > 5:
            over = np.cumsum(s) - 5
            count = np.arange(1, len(s) + 1)
            shift = (over / count)[np.nonzero(s > over / count)[0][-1]]
            s = np.maximum(s - shift, 0)
        return np.asarray((u * s) @ v)

    found = accelerated(lambda x: 2 * mask * (mask * x - known), project, 0 * known, 2.0)
    return float(((mask * found - known) ** 2).sum())


def correlation() -> float:
    g = params("correlation")["G"]

    def unit(x: Array) -> Array:
        return np.asarray(x - np.diag(np.diag(x)) + np.eye(len(x)))

    return float(((dykstra(g, psd_part, unit) - g) ** 2).sum())


def lasso() -> float:
    """Every sign pattern with |w|_1 = 1: the stationary points of one linear system each."""
    x, y = params("lasso")["X"], params("lasso")["y"]
    best = np.inf
    for signs in itertools.product((-1, 0, 1), repeat=x.shape[1]):
        s = np.array(signs, dtype=float)
        kept = s != 0
        count = int(kept.sum())
        if not count:
            continue
        q = x[:, kept]
        system = np.block([[2 * q.T @ q, s[kept, None]], [s[None, kept], np.zeros((1, 1))]])
        found = np.linalg.lstsq(system, np.append(2 * q.T @ y, 1.0), rcond=None)[0]
        w = found[:count]
        if (w * s[kept] >= 0).all() and abs(np.abs(w).sum() - 1) < 1e-9:
            best = min(best, squares(q, w, y))
    return best


def nnls_() -> float:
    found = params("nnls")
    return float(nnls(found["X"], found["y"])[1] ** 2)


def psd_least_squares() -> float:
    x, y = params("psd_least_squares")["X"], params("psd_least_squares")["Y"]
    gram, cross = x.T @ x, x.T @ y
    slope = 2 * float(eigenvalues(gram)[-1])
    start = np.zeros_like(gram)
    found = accelerated(lambda s: 2 * (gram @ s - cross), psd_part, start, slope)
    return squares(x, found, y)


def quantile() -> float:
    y = params("quantile")["y"]
    n = len(y)
    cost = np.concatenate([[0.0], np.full(n, 0.7), np.full(n, 0.3)])
    rows = np.hstack([np.ones((n, 1)), np.eye(n), -np.eye(n)])
    bounds = [(None, None)] + [(0, None)] * (2 * n)
    return float(linprog(cost, A_eq=rows, b_eq=y, bounds=bounds).fun)


def sparse_least_squares() -> float:
    x, y = params("sparse_least_squares")["X"], params("sparse_least_squares")["y"]
    return min(
        squares(x[:, s], np.linalg.lstsq(x[:, s], y, rcond=None)[0], y)
        for s in supports(x.shape[1], 3)
    )


def sparse_nonneg() -> float:
    x, y = params("sparse_nonneg")["X"], params("sparse_nonneg")["y"]
    return min(float(nnls(x[:, s], y)[1] ** 2) for s in supports(x.shape[1], 3))


def sparse_pca() -> float:
    a = params("sparse_pca")["A"]
    return max(float(eigenvalues(a[np.ix_(s, s)])[-1]) for s in supports(len(a), 2))


def total_variation() -> float:
    """min |x - y|^2 with sum of u + v at most 2, D x = u - v, u, v >= 0."""
    d, y = params("total_variation")["D"], params("total_variation")["y"]
    m, n = d.shape
    split = LinearConstraint(np.hstack([d, -np.eye(m), np.eye(m)]), 0, 0)
    size = LinearConstraint(np.concatenate([np.zeros(n), np.ones(2 * m)]), -np.inf, 2)
    found = minimize(
        lambda z: ((z[:n] - y) ** 2).sum(),
        np.concatenate([np.full(n, y.mean()), np.zeros(2 * m)]),
        jac=lambda z: np.concatenate([2 * (z[:n] - y), np.zeros(2 * m)]),
        bounds=[(None, None)] * n + [(0, None)] * (2 * m),
        constraints=[split, size],
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 1000},
    )
    return float(found.fun)


def weighted_procrustes() -> float:
    """The best of 60 descents over Q = the orthonormal factor of a free matrix."""
    a, b, c = (params("weighted_procrustes")[name] for name in "ABC")
    random = np.random.default_rng(0)

    def value(free: Array) -> float:
        q, r = np.linalg.qr(free.reshape(3, 2))
        return float(((a @ (q * np.sign(np.diag(r))) @ b - c) ** 2).sum())

    ends = [minimize(value, random.standard_normal(6), tol=1e-12).fun for _ in range(60)]
    return float(min(ends))


REFERENCES: dict[str, Callable[[], float]] = {
    "birkhoff": birkhoff,
    "completion": completion,
    "completion_rank": lambda: 0.0,
    "correlation": correlation,
    "density_matrix": lambda: float(eigenvalues(params("density_matrix")["A"])[0]),
    "eckart_young": lambda: float(singular_values(params("eckart_young")["B"])[2] ** 2),
    "ky_fan": lambda: float(eigenvalues(params("ky_fan")["A"])[-2:].sum()),
    "lasso": lasso,
    "max_cut": lambda: float(2.5 * (1 + np.cos(np.pi / 5))),
    "nmf": lambda: 0.0,
    "nnls": nnls_,
    "nuclear_lp": lambda: float(-2 * singular_values(params("nuclear_lp")["B"])[0]),
    "orthonormal_nonneg": lambda: float(4 + eigenvalues(np.array([[2.0, 1], [1, 3]]))[-1]),
    "pca": lambda: float(eigenvalues(params("pca")["A"])[1:].sum()),
    "psd_least_squares": psd_least_squares,
    "quantile": quantile,
    "sparse_least_squares": sparse_least_squares,
    "sparse_nonneg": sparse_nonneg,
    "sparse_pca": sparse_pca,
    "spectral_lp": lambda: float(-2 * singular_values(params("spectral_lp")["B"]).sum()),
    "sphere": lambda: float(eigenvalues(params("sphere")["A"])[0]),
    "total_variation": total_variation,
    "weighted_procrustes": weighted_procrustes,
}
"""The optimum of each problem that has one here."""
