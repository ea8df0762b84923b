"""Dense quadratic problems: matrices stay whole, and minima are those of linear algebra."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import cspec

Array = NDArray[np.float64]


def definite(random: np.random.Generator, size: int) -> Array:
    half = random.normal(size=(size, size))
    return half @ half.T / size + np.eye(size)


def kkt_point(hessian: Array, linear: Array, rows: Array, right: Array) -> tuple[Array, Array]:
    """The minimum of x H x / 2 + c x with rows x == right, and its multipliers."""
    count = len(rows)
    system = np.block([[hessian, rows.T], [rows, np.zeros((count, count))]])
    solution = np.linalg.solve(system, np.concatenate([-linear, right]))
    return solution[: len(hessian)], solution[len(hessian) :]


def derivatives(source: str) -> str:
    return source[source.index("def gradient") : source.index("def train")]


@pytest.mark.parametrize("size", [20, 80, 300])
@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_least_squares_with_an_active_row(size: int, scale: float) -> None:
    random = np.random.default_rng(size)
    A, b = random.normal(size=(size + 5, size)), random.normal(size=size + 5)
    spec = f"""
param A[{size + 5}, {size}]
param b[{size + 5}]
var x[{size}]
minimize {scale:.0f} * sumsq(A @ x - b)
s.t. total: sum(x) >= 30
"""
    source = cspec.compile(spec, A=A, b=b).source
    assert "A_values.T @ (A_values @ x - " in derivatives(source)
    assert "(A_values.T @ A_values)" in derivatives(source)
    result = cspec.run(spec, A=A, b=b)
    H, c = 2 * scale * A.T @ A, -2 * scale * A.T @ b
    x, multipliers = kkt_point(H, c, np.ones((1, size)), np.array([30.0]))
    assert result.vars["x"] == pytest.approx(x, abs=1e-7)
    assert result["total"].multiplier == pytest.approx(-multipliers[0], rel=1e-6)


@pytest.mark.parametrize("size", [20, 80, 300])
def test_a_quadratic_form_with_many_rows(size: int) -> None:
    random = np.random.default_rng(size + 1)
    Q, c = definite(random, size), 3 * random.normal(size=size)
    rows = random.normal(size=(100, size))
    spec = f"""
param Q[{size}, {size}]
param c[{size}]
param R[100, {size}]
var x[{size}]
minimize x @ Q @ x + c @ x
s.t. rows: R @ x <= 0.1
"""
    given: dict[str, Any] = {"Q": Q, "c": c, "R": rows}
    result = cspec.run(spec, **given)
    x, price = np.array(result.vars["x"]), result["rows"].multiplier
    slack = rows @ x - 0.1
    assert slack.max() <= 1e-8
    active = slack > -1e-7
    assert 0 < active.sum() < size
    exact, multipliers = kkt_point(2 * Q, c, rows[active], np.full(int(active.sum()), 0.1))
    assert x == pytest.approx(exact, abs=1e-7)
    assert multipliers.min() >= -1e-7
    assert price == pytest.approx(multipliers.sum(), rel=1e-4)


def test_several_variables_numbers_and_entries_in_one_form() -> None:
    random = np.random.default_rng(3)
    A, B, b = random.normal(size=(40, 30)), random.normal(size=(40, 5)), random.normal(size=40)
    spec = """
param A[40, 30]
param B[40, 5]
param b[40]
var x[30]
var z[5]
var t
minimize sumsq(A @ x + B @ z - b) + 0.5 * sumsq(x) + (sum(z) - t)^2 + (t - 1)^2 / 4 +
  3 * (x[2] - z[1])^2 - mean(x) + dot(z, z) * 2
s.t. sum(x) == t
"""
    source = cspec.compile(spec, A=A, B=B, b=b).source
    space: dict[str, Any] = {}
    exec(compile(source.split("# What the runtime")[0], "module", "exec"), space)

    def value(v: Array) -> float:
        x, z, t = v[:30], v[30:35], v[35]
        found = np.sum((A @ x + B @ z - b) ** 2) + 0.5 * x @ x + (z.sum() - t) ** 2
        return float(found + (t - 1) ** 2 / 4 + 3 * (x[2] - z[1]) ** 2 - x.mean() + 2 * z @ z)

    torch = pytest.importorskip("torch")
    v = random.normal(size=36)
    parts = {"x": v[:30], "z": v[30:35], "t": v[35:]}
    primal = {name: torch.tensor(part) for name, part in parts.items()}
    eye = np.eye(36)
    # Of a quadratic function differences across a point are exact but for rounding.
    slopes = [(value(v + e) - value(v - e)) / 2 for e in eye]
    bends = [
        [
            (value(v + d + e) - value(v + d - e) - value(v - d + e) + value(v - d - e)) / 4
            for e in eye
        ]
        for d in eye
    ]
    assert space["gradient"](primal).numpy() == pytest.approx(np.array(slopes), abs=1e-9)
    found = space["hessian"](primal, torch.zeros(1)).numpy()
    assert found == pytest.approx(np.array(bends), abs=1e-8)
    result = cspec.run(spec, A=A, B=B, b=b)
    rows = np.concatenate([np.ones(30), np.zeros(5), [-1.0]])[None]
    at_zero = [(value(e) - value(-e)) / 2 for e in eye]
    exact, _ = kkt_point(np.array(bends), np.array(at_zero), rows, np.zeros(1))
    assert result.vars["x"] == pytest.approx(exact[:30], abs=1e-7)
    assert result.vars["t"] == pytest.approx(exact[35], abs=1e-7)


def test_matrices_that_a_let_spells_out_are_one_constant() -> None:
    random = np.random.default_rng(4)
    A, b = random.normal(size=(30, 25)).round(3), random.normal(size=30).round(3)
    spec = f"""
let A = {A.tolist()}
let b = {b.tolist()}
var x[25]
minimize sumsq(A @ x - b)
s.t. part: A[3] @ x + A[0, 1] * x[0] <= -1
     norm(x, 2) <= 4
"""
    source = cspec.compile(spec).source
    assert 'A = torch.tensor(numbers("' in source
    assert source.count("numbers(") == 1
    result = cspec.run(spec)
    row = A[3] + A[0, 1] * np.eye(25)[0]
    x, multipliers = kkt_point(2 * A.T @ A, -2 * A.T @ b, row[None], np.array([-1.0]))
    assert np.linalg.norm(x) < 4
    assert multipliers[0] > 0
    assert result.vars["x"] == pytest.approx(x, abs=1e-7)
    assert result["part"].multiplier == pytest.approx(multipliers[0], rel=1e-4)


def test_a_form_that_curves_down_is_not_taken_for_convex() -> None:
    random = np.random.default_rng(5)
    Q = definite(random, 20)
    Q[0, 0] -= 4.0
    spec = "param Q[20, 20]\nvar x[20] in [-1, 1]\nminimize x @ Q @ x + 0.1 * x[0]"
    result = cspec.run(spec, Q=Q)
    x = np.array(result.vars["x"])
    assert abs(x[0]) == pytest.approx(1.0)
    assert result.objective == pytest.approx(float(x @ Q @ x + 0.1 * x[0]), abs=1e-9)
    mirrored = float(x @ Q @ x - 0.1 * x[0])
    assert result.objective <= mirrored


def test_single_precision_is_kept() -> None:
    random = np.random.default_rng(6)
    A, b = random.normal(size=(30, 20)), random.normal(size=30)
    spec = """
param A[30, 20]
param b[30]
var x[20]
minimize sumsq(A @ x - b)
fit(precision="float32")
"""
    result = cspec.run(spec, A=A, b=b)
    assert result.vars["x"] == pytest.approx(np.linalg.lstsq(A, b, rcond=None)[0], abs=1e-4)


def test_nothing_is_written_entry_by_entry() -> None:
    random = np.random.default_rng(7)
    A, b = random.normal(size=(205, 200)), random.normal(size=205)
    spec = """
param A[205, 200]
param b[205]
var x[200]
minimize sumsq(A @ x - b)
s.t. x in nonneg
"""
    source = cspec.compile(spec, A=A, b=b).source
    # Twelve bytes a number at most, and what a small problem takes.
    assert len(source) < 12 * (A.size + b.size) + 40_000
    result = cspec.run(spec, A=A, b=b)
    nnls = pytest.importorskip("scipy.optimize").nnls
    assert result.vars["x"] == pytest.approx(nnls(A, b)[0], abs=1e-7)
