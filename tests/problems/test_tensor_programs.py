"""Programs over vectors and matrices: what is solved is what is written, by numpy and scipy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize

import cspec
from cspec.runtime.result.result import Result

Run = Callable[..., Result]
SEEDS = range(4)


def _numbers(values: np.ndarray) -> str:
    return repr(np.round(values, 3).tolist())


def _make(seed: int, *shape: int) -> np.ndarray:
    return np.round(np.random.default_rng(seed).normal(size=shape) * 2, 3)


def _simplex(v: np.ndarray) -> np.ndarray:
    """Euclidean projection onto the simplex (Duchi et al. 2008)."""
    u = np.sort(v)[::-1]
    fits = u + (1 - np.cumsum(u)) / np.arange(1, len(v) + 1) > 0
    k = np.nonzero(fits)[0][-1]
    return np.maximum(v - (np.cumsum(u)[k] - 1) / (k + 1), 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_nearest_matrix_of_a_trace_and_a_row(run: Run, seed: int) -> None:
    c = _make(seed, 3, 3)
    found = run(f"""
var A[3, 3]
minimize sumsq(A - {_numbers(c)})
s.t. t: trace(A) == 1
     r: sum(A[0, :]) == 2
     d: A[1:, 2] == 0
""").vars["A"]
    rows = np.zeros((4, 9))
    rows[0, [0, 4, 8]] = rows[1, :3] = rows[2, 5] = rows[3, 8] = 1
    right = np.array([1.0, 2, 0, 0])
    x = c.ravel() - rows.T @ np.linalg.solve(rows @ rows.T, rows @ c.ravel() - right)
    assert np.array(found) == pytest.approx(x.reshape(3, 3), abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("method", ["auto", "spg", "sqp"])
def test_the_simplex_of_a_slice(run: Run, seed: int, method: str) -> None:
    c = _make(seed, 4, 2)
    using = "" if method == "auto" else f"\nusing {method}"
    found = np.array(
        run(f"""
var X[4, 2]
minimize sumsq(X - {_numbers(c)})
s.t. s: X[1:, 0] in simplex
     t: X[0:2, :] >= -0.5{using}
""").vars["X"]
    )
    expected = np.maximum(c, -0.5)
    expected[2:] = c[2:]
    expected[1:, 0] = _simplex(c[1:, 0])
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("method", ["auto", "spg", "sqp"])
def test_each_row_of_a_slice(run: Run, seed: int, method: str) -> None:
    c = _make(seed, 3, 3)
    using = "" if method == "auto" else f"\nusing {method}"
    spec = f"var X[3, 3]\nminimize sumsq(X - {_numbers(c)})\ns.t. s: X[0:2, :] in simplex{using}"
    found = np.array(run(spec).vars["X"])
    expected = np.stack([_simplex(c[0]), _simplex(c[1]), c[2]])
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_norms_of_rows_and_columns(run: Run, seed: int) -> None:
    c = _make(seed, 2, 3)
    found = np.array(
        run(f"""
var X[2, 3]
minimize sumsq(X - {_numbers(c)})
s.t. r: norm(X[0, :], 2) <= 1
     l: l1(X[1, 0:2]) <= 0.5
""").vars["X"]
    )
    one = c[0] / max(1.0, np.linalg.norm(c[0]))
    sizes = np.abs(c[1, :2])
    two = np.sign(c[1, :2]) * (0.5 * _simplex(sizes / 0.5) if sizes.sum() > 0.5 else sizes)
    expected = np.stack([one, np.append(two, c[1, 2])])
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_distribution_of_largest_entropy(run: Run, seed: int) -> None:
    """p_i = exp(t v_i)/Z with the t that gives the mean (Jaynes 1957)."""
    v = np.sort(_make(seed, 5))
    mean = round(0.3 * v[0] + 0.7 * float(np.mean(v)), 3)
    result = run(f"""
var p[5]
maximize entropy(p)
s.t. p in simplex
     m: dot(p, {_numbers(v)}) == {mean}
""")
    p = np.array(result.vars["p"])
    low, high = -50.0, 50.0
    for _ in range(200):
        t = (low + high) / 2
        w = np.exp(t * v - np.max(t * v))
        low, high = (t, high) if w @ v / w.sum() < mean else (low, t)
    assert p == pytest.approx(w / w.sum(), abs=1e-6)
    assert result.objective == pytest.approx(-(p * np.log(p)).sum(), abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_nearest_distribution(run: Run, seed: int) -> None:
    """min kl(p, q) with p_0 at least a: the others keep their proportions."""
    q = np.round(np.random.default_rng(seed).dirichlet(np.ones(4)), 3)
    q[-1] = 1 - q[:-1].sum()
    a = round(0.5 * (1 + q[0]), 3)
    spec = (
        f"param q[4] = {q.tolist()!r}\nvar p[4]\nminimize kl(p, q)\ns.t. p in simplex; p[0] >= {a}"
    )
    found = np.array(run(spec).vars["p"])
    expected = np.append(a, q[1:] * (1 - a) / q[1:].sum())
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_largest_determinant(run: Run, seed: int) -> None:
    """max log det X with a trace on X in psd: X = t/n I in the metric of the trace."""
    t = float(seed + 2)
    spec = f"var X[3, 3] = eye(3)\nmaximize logdet(X)\ns.t. X in psd; trace(X) <= {t}"
    spec = spec.replace(" = eye(3)", " = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]")
    result = run(spec)
    assert np.array(result.vars["X"]) == pytest.approx(t / 3 * np.eye(3), abs=1e-3)
    assert result.objective == pytest.approx(3 * np.log(t / 3), abs=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_least_sum_of_largest(run: Run, seed: int) -> None:
    c = _make(seed, 5)
    spec = f"var x[5]\nminimize sumsq(x - {_numbers(c)})\ns.t. k: sum(topk(x, 2)) <= 0.5"
    found = np.array(run(spec).vars["x"])
    pairs = [(i, j) for i in range(5) for j in range(i)]
    best = minimize(
        lambda x: ((x - c) ** 2).sum(),
        np.zeros(5),
        constraints=[
            {"type": "ineq", "fun": lambda x, i=i, j=j: 0.5 - x[i] - x[j]} for i, j in pairs
        ],
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert found == pytest.approx(best.x, abs=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_spread_and_sums(run: Run, seed: int) -> None:
    c = _make(seed, 4)
    spec = f"""
var x[4] = {_numbers(c)}
minimize sumsq(x - {_numbers(c)})
s.t. v: variance(x) <= 0.25
     s: cumsum(x)[1] >= 0.3
     m: mean(x) == 0.5
"""
    found = np.array(run(spec).vars["x"])
    best = minimize(
        lambda x: ((x - c) ** 2).sum(),
        np.full(4, 0.5),
        constraints=[
            {"type": "ineq", "fun": lambda x: 0.25 - x.var()},
            {"type": "ineq", "fun": lambda x: x[0] + x[1] - 0.3},
            {"type": "eq", "fun": lambda x: x.mean() - 0.5},
        ],
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert found == pytest.approx(best.x, abs=1e-4)


def test_metrics_of_what_was_found(run: Run) -> None:
    result = run("""
var x[4] = [4, 1, 3, 2]
minimize sumsq(x - [4, 1, 3, 2])
metric a = median(x)
metric b = argmax(x)
metric c = std(x)
metric d = sum(topk(x, 2))
metric e = det(diag(x[0:2]))
metric f = floor(2.6*x[1])
metric g = sum(x[i] for i in range(3))
metric h = where(x[0] > x[1], 1, 2)
metric i = clip(x[0], 0, 2.5)
metric j = trace(inv(diag(x)))
""")
    expected = [2.5, 0, np.sqrt(1.25), 7, 4, 2, 8, 1, 2.5, 1 / 4 + 1 + 1 / 3 + 1 / 2]
    assert list(result.metrics.values()) == pytest.approx(expected, abs=1e-6)


def test_a_slice_of_all_is_the_whole(run: Run) -> None:
    """`W[:, :]`, `x[:]` and `W[0, :]` are seen as the tensor and the row that they are."""
    whole = run("var X[2, 2]\nminimize sum(X)\ns.t. X[:, :] >= -1; norm(X[:], 2) <= 9")
    assert np.array(whole.vars["X"]) == pytest.approx(-np.ones((2, 2)))
    methods = {c.name: c.method for c in whole.constraints}
    assert methods["c1"] == "sqp"


def _least_loss(x: np.ndarray, c: np.ndarray, size: float) -> float:
    """The least mean logistic loss with |w|^2 <= size and a mean probability of a half."""

    def loss(v: np.ndarray) -> float:
        z = x @ v[:3] + v[3]
        return float(np.mean(np.logaddexp(0, z) - c * z))

    held = (
        {"type": "ineq", "fun": lambda v: size - v[:3] @ v[:3]},
        {"type": "eq", "fun": lambda v: np.mean(1 / (1 + np.exp(-(x @ v[:3] + v[3])))) - 0.5},
    )
    return float(minimize(loss, np.zeros(4), method="SLSQP", constraints=held, tol=1e-14).fun)


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e3, 1e6])
def test_variables_beside_data_take_as_many_steps_at_every_scale(factor: float) -> None:
    numbers = np.random.default_rng(0)
    x = numbers.normal(size=(60, 3)).astype(np.float32)
    c = (x[:, 0] + 0.5 * numbers.normal(size=60) > 0).astype(int)
    result = cspec.run(
        "data train(x, c)\nvar w[3] = 0\nvar b = 0\nminimize bce(w @ x + b, c)\n"
        f"s.t. size: {factor}*sumsq(w) <= {factor}\n"
        f"     level: {factor}*E[sigmoid(w @ x + b)] == {factor}*0.5\nfit(batch_size=full)",
        train={"x": x, "c": c},
    )
    slope = (_least_loss(x, c, 0.99) - _least_loss(x, c, 1.01)) / 0.02
    assert result.satisfied and result.steps < 3_000
    assert result["size"].multiplier * factor == pytest.approx(slope, rel=1e-3)
