"""`max`, `abs` and norms under `auto` and `sqp`: textbook minimax problems, to solver accuracy."""

from collections.abc import Callable
from typing import Any

import pytest

from cspec.compiler.plan import Plan
from cspec.runtime.result.result import Result

Run = Callable[..., Result]

CB2 = """
var x[2] = [2, 2]
minimize max(x[0]^2 + x[1]^4, (2 - x[0])^2 + (2 - x[1])^2, 2*exp(x[1] - x[0]))
"""
CB3 = """
var x[2] = [2, 2]
minimize max(x[0]^4 + x[1]^2, (2 - x[0])^2 + (2 - x[1])^2, 2*exp(x[1] - x[0]))
"""
MADSEN = """
var x[2] = [3, 1]
minimize max(abs(x[0]^2 + x[1]^2 + x[0]*x[1]), abs(sin(x[0])), abs(cos(x[1])))
"""
ROSEN_SUZUKI = """
var x[4] = 0
let f = x[0]^2 + x[1]^2 + 2*x[2]^2 + x[3]^2 - 5*x[0] - 5*x[1] - 21*x[2] + 7*x[3]
let a = sumsq(x) + x[0] - x[1] + x[2] - x[3] - 8
let b = x[0]^2 + 2*x[1]^2 + x[2]^2 + 2*x[3]^2 - x[0] - x[3] - 10
let c = 2*x[0]^2 + x[1]^2 + x[2]^2 + 2*x[0] - x[1] - x[3] - 5
minimize max(f, f + 10*a, f + 10*b, f + 10*c)
"""


@pytest.mark.parametrize(
    ("text", "optimum"),
    [
        pytest.param(CB2, 1.9522245, id="Charalambous-Bandler 2"),
        pytest.param(CB3, 2.0, id="Charalambous-Bandler 3"),
        pytest.param(MADSEN, 0.6164324, id="Madsen"),
        pytest.param(ROSEN_SUZUKI, -44.0, id="Rosen-Suzuki"),
    ],
)
def test_minimax_problems_are_solved_to_a_millionth(run: Run, text: str, optimum: float) -> None:
    result = run(text)
    assert result.objective == pytest.approx(optimum, abs=1e-6 * max(1.0, abs(optimum)))
    assert any("a minimum" in note for note in result.notes)


def test_the_multiplier_of_a_bound_on_a_norm_is_in_its_own_units(run: Run) -> None:
    result = run("var x[2] = [1, 0]\nminimize sumsq(x - [3, 2])\ns.t. c: norm(x, 1) <= 1")
    assert result.vars["x"] == pytest.approx([1.0, 0.0], abs=1e-6)
    # Lagrangian at (1, 0): 2 (1 - 3) + m = 0.
    assert result["c"].multiplier == pytest.approx(4.0, abs=1e-5)
    assert result["c"].sensitivity == pytest.approx(-4.0, abs=1e-5)


@pytest.mark.parametrize(
    ("objective", "x"),
    [
        # The largest of x and 1 is never negative, so its square rises with it.
        ("max(x, 1)^2 + 0.1*(x - 1)^2", 1.0),
        ("max(x, 0)^2 + (x + 1)^2", -1.0),
        # 2 (x - 2) + x/5 - 1 = 0
        ("relu(x - 2)^2 + 0.1*x^2 - x", 25 / 11),
        ("sumsq([max(x, 0), max(x - 3, 1)]) + (x - 4)^2", 2.0),
    ],
)
def test_squares_of_what_is_never_negative_are_lifted(run: Run, objective: str, x: float) -> None:
    result = run(f"var x = 5.0\nminimize {objective}")
    assert result.vars["x"] == pytest.approx(x, abs=1e-6)


def test_the_smallest_of_several_is_maximized(run: Run) -> None:
    result = run(
        "var x = 0.3\nvar y = 0\nmaximize min(x + y, 3 - x, 2 - y)\ns.t. c: abs(x) + abs(y) <= 9"
    )
    # x + y = 3 - x = 2 - y = v gives v = 5/3.
    assert result.objective == pytest.approx(5 / 3, abs=1e-7)


def test_least_absolute_deviations_of_many_entries_stay_vectors(
    run: Run, build: Callable[..., Any]
) -> None:
    text = """
    param c[120] = {c}
    var x[120] = 0 in [-1, 1]
    minimize sum(abs(x - c)) + 0.5*sumsq(x)
    s.t. total: sum(x) == 3
    """.replace("{c}", str([round(-2 + i / 30, 6) for i in range(120)]))
    assert "x[1]" not in build(text)[0].source
    result = run(text)
    # Soft thresholding: x_i is c_i clipped to [-1 - m, 1 - m], with sum 3.
    assert sum(result.vars["x"]) == pytest.approx(3.0, abs=1e-6)
    m = result["total"].multiplier
    expected = [min(max(-2 + i / 30, -1 - m, -1), 1 - m, 1) for i in range(120)]
    assert result.vars["x"] == pytest.approx(expected, abs=1e-5)


def test_explain_says_what_stands_for_a_kink(planned: Callable[[str], Plan]) -> None:
    history = planned("var x = 2\nminimize max(x, 1 - x)").problem.history
    notes = [note for step in history if step.name == "epigraph" for note in step.notes]
    assert notes == ["max(x, 1 - x): an auxiliary variable in its place, above each of its pieces"]


@pytest.mark.parametrize("text", ["minimize -abs(x)", "minimize max(x, 0)*min(x, 1)"])
def test_a_kink_whose_larger_value_is_better_stays(
    planned: Callable[[str], Plan], text: str
) -> None:
    assert planned(f"var x = 2 in [-3, 3]\n{text}").problem.lift is None
