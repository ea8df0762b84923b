"""What goes to the solver under `auto` although not every form is known, and what does not."""

from collections.abc import Callable
from pathlib import Path

import pytest

import cspec
from cspec.runtime.result.result import Result

Run = Callable[..., Result]


def test_an_identity_in_an_expression_is_a_constant(run: Run) -> None:
    result = run(
        "var x[3] = 1\nvar M[3, 3] = 0.1\nparam c[3] = [1, 2, 3]\n"
        "minimize sumsq(x - c) + sumsq(M - eye(3)*0.3 + 0.2)\ns.t. near: norm(x - c, 2) <= 0.5"
    )
    assert result.method == "sqp"
    assert result.objective == pytest.approx(0.0, abs=1e-9)


def test_extremes_of_indices_are_numbers(run: Run) -> None:
    result = run("var x[4] = 0\nminimize sum((x[i] - min(i + 1, 4 - i))^2 for i in range(4))")
    assert result.method == "sqp"
    assert result.vars["x"] == pytest.approx([1.0, 2.0, 2.0, 1.0], abs=1e-8)


def test_python_functions_go_to_the_solver(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def bowl(x, y):\n    return (x - 1)**2 + (y - x*x)**2\n")
    spec = tmp_path / "bowl.cspec"
    spec.write_text(
        'from "mine.py" import bowl\nvar x = -1\nvar y = 1\n'
        "minimize bowl(x, y)\ns.t. h: x + y <= 1.5\n"
    )
    result = cspec.run(spec)
    assert result.method == "sqp"
    assert result.vars["x"] + result.vars["y"] == pytest.approx(1.5, abs=1e-7)


def test_a_bound_that_is_an_entry_of_a_param_goes_with_them(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def plain(w):\n    return (w**2).mean()\n")
    spec = tmp_path / "plain.cspec"
    spec.write_text(
        'from "mine.py" import plain\nvar x[3] = 1\nparam b[2] = [0.3, 2]\n'
        "minimize plain(x)\ns.t. low: x >= b[0]\n"
    )
    result = cspec.run(spec)
    assert result.method == "sqp"
    assert result.vars["x"] == pytest.approx([0.3] * 3, abs=1e-8)


@pytest.mark.parametrize(
    ("kink", "least"),
    [("abs(plain(x) - 1)", 0), ("max(plain(x), 1)", 1), ("relu(1 - plain(x))", 0)],
)
def test_kinks_around_what_is_not_known_are_lifted(tmp_path: Path, kink: str, least: float) -> None:
    (tmp_path / "mine.py").write_text("def plain(w):\n    return (w**2).mean()\n")
    spec = tmp_path / "plain.cspec"
    spec.write_text(f'from "mine.py" import plain\nvar x[3] = 0.2\nminimize {kink}\n')
    result = cspec.run(spec)
    assert result.method == "sqp"
    assert result.objective == pytest.approx(least, abs=1e-8)


@pytest.mark.parametrize("kink", ["plain(x) - abs(plain(x) - 1)", "plain(x) + median(x)"])
def test_kinks_that_can_not_be_lifted_stay_out(tmp_path: Path, kink: str) -> None:
    (tmp_path / "mine.py").write_text("def plain(w):\n    return (w**2).mean()\n")
    spec = tmp_path / "plain.cspec"
    spec.write_text(f'from "mine.py" import plain\nvar x[3] = 0.2\nminimize {kink}\nfit(steps=2)\n')
    assert cspec.run(spec).method != "sqp"


def test_variables_of_very_different_sizes_are_scaled(run: Run) -> None:
    result = run(
        "var x = 5e7 in [0, 2e8]\nvar y = 3e-3 in [-1, 1]\n"
        "minimize -exp(-((x - 1e8)^2/2.5e17 + (y - 1e-3)^2/2.5e-3)/2)"
    )
    assert result.objective == pytest.approx(-1.0, abs=1e-7)


def test_further_starts_end_with_their_budget(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cspec.runtime.solvers.nlp.explore.LEAST_WORK", 1.0)
    monkeypatch.setattr("cspec.runtime.solvers.nlp.explore.SHARE", 0.5)
    result = run("var x[5] = 3\nminimize sum((x[i]^2 - 1)^2 + x[i]/5 for i in range(5))")
    assert any(note.startswith("stopped after ") for note in result.notes), result.notes
