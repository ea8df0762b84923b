"""Linear programs by scipy: tails (Rockafellar and Uryasev), absolute values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from untuned.task import Columns

Floats = NDArray[np.float64]


def _tail_rows(x: Floats) -> Floats:
    """Rows of -(w @ x_i) - t - u_i <= 0 over (w, t, u)."""
    n = len(x)
    return np.hstack([-x, -np.ones((n, 1)), -np.eye(n)])


def portfolio_cvar(d: Columns, least: float = 0.5, level: float = 0.9) -> float:
    """min t + sum u / ((1 - level) N) with E[w @ x] >= least, sum(w) == 1, w >= 0."""
    x = d["x"].numpy()
    n, k = x.shape
    cost = np.concatenate([np.zeros(k), [1.0], np.full(n, 1 / ((1 - level) * n))])
    gain = np.concatenate([-x.mean(0), np.zeros(n + 1)])
    rows, right = np.vstack([_tail_rows(x), gain]), np.append(np.zeros(n), -least)
    return _solved(cost, rows, right, k, n)


def risk_budget(d: Columns, most: float = 2.0, level: float = 0.9) -> float:
    """min -E[w @ x] with t + sum u / ((1 - level) N) <= most, sum(w) == 1, w >= 0."""
    x = d["x"].numpy()
    n, k = x.shape
    cost = np.concatenate([-x.mean(0), np.zeros(n + 1)])
    risk = np.concatenate([np.zeros(k), [1.0], np.full(n, 1 / ((1 - level) * n))])
    rows, right = np.vstack([_tail_rows(x), risk]), np.append(np.zeros(n), most)
    return _solved(cost, rows, right, k, n)


def _solved(cost: Floats, rows: Floats, right: Floats, k: int, n: int) -> float:
    total = np.concatenate([np.ones(k), np.zeros(n + 1)])[None]
    bounds = [(0, None)] * k + [(None, None)] + [(0, None)] * n
    return float(linprog(cost, rows, right, total, [1.0], bounds).fun)


def absolute_regression(d: Columns, size: float = 2.0) -> float:
    """min mean u with |w @ x_i - y_i| <= u_i and w = p - q, sum(p + q) <= size."""
    x, y = d["x"].numpy(), d["y"].numpy()
    n, k = x.shape
    cost = np.concatenate([np.zeros(2 * k), np.full(n, 1 / n)])
    above = np.hstack([x, -x, -np.eye(n)])
    below = np.hstack([-x, x, -np.eye(n)])
    norm = np.concatenate([np.ones(2 * k), np.zeros(n)])
    rows, right = np.vstack([above, below, norm]), np.concatenate([y, -y, [size]])
    return float(linprog(cost, rows, right).fun)
