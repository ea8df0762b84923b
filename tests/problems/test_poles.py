"""Objectives that fall without end toward a finite point, and those that have a value there."""

from __future__ import annotations

import numpy as np
import pytest

import cspec
from cspec.runtime.verdict.why.endless import Function
from cspec.runtime.verdict.why.poles import pole

POLES = [
    ("var x = 2\nminimize log(x)\ns.t. x <= 5", "[0]"),
    ("var x = 0\nminimize log(1 - x)", "[1]"),
    ("var x = 0\nmaximize -log(1 - x)", "[1]"),
    ("var x = 1\nminimize -1/x\ns.t. x >= 0", "[0]"),
    ("var x = 0\nminimize 1/(x - 1)\ns.t. x <= 1", "[1]"),
    ("var x = 2 in [-3, 3]\nminimize 1/x", "[0]"),
    ("var x = 2 in [0, 3]\nvar y = 0\nminimize log(x) + (y - 3)^2", "[0, "),
    ("var x = 0.5\nvar y = 0.5\nminimize log(x) + y\ns.t. x + y == 1", "[0, 1]"),
    ("var x[2] = 1\nminimize log(sumsq(x))", "[0, 0]"),
    ("var x = 0\nminimize tan(x)", "[-1.571]"),
    ("var x[2] = 0.3\nminimize log(x[0]) + x[1]\ns.t. x in ball(1, norm=1)", "[0, "),
    ("var A[2, 2] = [[1, 0], [0, 1]]\nminimize logdet(A) + sumsq(A)\ns.t. A in psd", "["),
    # Stationary at its start, the largest value of all there is.
    ("var A[2, 2] = [[1, 0], [0, 1]]\nminimize logdet(A)\ns.t. A in psd; trace(A) == 2", "["),
]


@pytest.mark.parametrize(("text", "where"), POLES, ids=[p[0].replace("\n", "; ") for p in POLES])
def test_an_objective_without_a_least_value_beside_a_point_is_unbounded(
    text: str, where: str
) -> None:
    result = cspec.run(text)
    assert (result.termination, result.exit_code) == ("unbounded", 5)
    assert np.isfinite(result.objective)
    told = [note for note in result.notes if note.startswith("unbounded: ")]
    assert len(told) == 1
    assert f"(toward the point {where}" in told[0]
    assert ("rises without end" in told[0]) == ("maximize" in text)


VALUES = [
    ("var x = 1\nminimize sqrt(x)\ns.t. x >= 0", 0.0),
    ("var x = 1\nminimize x^0.1\ns.t. x >= 0", 0.0),
    ("var x = 1\nminimize x*log(x)", -np.exp(-1)),
    ("var x = 1\nminimize log(x)\ns.t. x >= 0.1", np.log(0.1)),
    ("var x = 3\nminimize log(x) + 1/x", 1.0),
    ("var x = 2\nvar y = 1\nminimize 1/(x*y) + x + y\ns.t. x >= 0; y >= 0", 3.0),
    ("var A[2, 2] = [[1, 0.2], [0.2, 0.5]]\nmaximize logdet(A)\ns.t. A in psd; trace(A) <= 2", 0.0),
]


@pytest.mark.parametrize(("text", "f"), VALUES, ids=[p[0].replace("\n", "; ") for p in VALUES])
def test_an_edge_of_the_domain_is_no_pole(text: str, f: float) -> None:
    result = cspec.run(text)
    assert result.exit_code == 0
    assert result.objective == pytest.approx(f, abs=1e-6)


@pytest.mark.parametrize("power", [-2.0, -1.0, -0.5, 0.0, 0.01, 0.1, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("edge", [0.0, 1.0, -3.7])
def test_powers_of_the_distance_fall_without_end_where_they_are_negative(
    power: float, edge: float
) -> None:
    """-d^p for p < 0, log d in place of p = 0, and d^p for p > 0, d the distance to the edge."""

    def at(x: np.ndarray) -> tuple[np.ndarray, float, bool]:
        with np.errstate(all="ignore"):
            d = x[0] - edge
            f = np.log(d) if power == 0 else np.sign(power) * d**power
            return x, float(f), True

    def slope(x: np.ndarray) -> np.ndarray:
        return np.ones(1)

    function = Function(at, slope, np.ones(1, dtype=bool))
    start = np.array([edge + 2.0])
    found = pole(function, start - 1.999, start, minimum=False)
    assert (found is not None) == (power <= 0)
    if found is not None:
        assert found[0] == pytest.approx(edge, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("var x = 0\nmaximize x", "the objective rises without end while"),
        ("var x = 1\nmaximize 1 - exp(-x)", "rises without end toward 1 at x -> inf; no maximum"),
        ("var x = 1\nminimize exp(-x) - 1", "falls without end toward -1 at x -> inf; no minimum"),
    ],
)
def test_what_is_told_is_about_the_objective_as_written(text: str, said: str) -> None:
    assert any(said in note for note in cspec.run(text).notes)
