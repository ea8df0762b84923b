"""Training loops over variables whose start is flat: they leave it, others start where they are."""

from __future__ import annotations

import pytest
import torch

import cspec

X = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()
BESIDE = "started beside it"


@pytest.mark.parametrize(
    ("text", "objective"),
    [
        ("var x[10]\nminimize sumsq(x)\ns.t. c: norm(x, 1) >= 1", 0.1),
        ("var x\nminimize x^2\ns.t. c: abs(x) >= 1 by augmented_lagrangian", 1.0),
        ("var x in [0, 3]\nminimize x^2\ns.t. c: abs(x) == 2 by augmented_lagrangian", 4.0),
        ("var W[2, 2]\nminimize sumsq(W)\ns.t. c: spectral(W) >= 1", 1.0),
    ],
)
def test_a_violated_requirement_without_a_slope_is_left(text: str, objective: float) -> None:
    result = cspec.run(text)
    assert result.status == "satisfied" and any(BESIDE in note for note in result.notes)
    assert result.objective == pytest.approx(objective, abs=1e-5)


def test_so_are_variables_beside_a_model() -> None:
    text = "data train(x, y)\nmodel f = linear\nvar t\nminimize ce + t^2\ns.t. c: abs(t) >= 0.5"
    result = cspec.run(f"{text}\nfit(epochs=40)", train=(X, Y))
    assert result.status == "satisfied" and any(BESIDE in note for note in result.notes)
    assert abs(float(result.vars["t"])) == pytest.approx(0.5, abs=1e-4)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "line",
    [
        "abs(x) >= 0 by augmented_lagrangian",  # met
        "x >= 1 by augmented_lagrangian",  # with a slope
        "abs(x - 0.1) >= 1 by augmented_lagrangian",
    ],
)
def test_other_starts_stay_what_they_are(line: str) -> None:
    result = cspec.run(f"var x\nminimize x^2\ns.t. c: {line}\nfit(steps=2)")
    assert not any(BESIDE in note for note in result.notes)


@pytest.mark.parametrize("n", [7, 20])
def test_the_objective_says_on_which_side(n: int) -> None:
    """min |x - 0.2|^2 s.t. |x|_1 >= 0.3 n: all entries at 0.3, and none at -0.3."""
    result = cspec.run(f"var x[{n}]\nminimize sumsq(x - 0.2)\ns.t. norm(x, 1) >= {0.3 * n}")
    assert result.objective == pytest.approx(0.01 * n, rel=1e-3)
    assert not any("beside" in note for note in result.notes)


def test_entries_that_nothing_moves_start_by_chance() -> None:
    """min (x_0 - 0.2)^2 + 0 s.t. |x_1| >= 1 without a solver: x_0 at 0.2, x_1 on either side."""
    result = cspec.run(
        "var x[2]\nminimize (x[0] - 0.2)^2\ns.t. abs(x[1]) >= 1 by augmented_lagrangian"
    )
    x = result.vars["x"]
    assert isinstance(x, list)
    assert result.status == "satisfied"
    assert x[0] == pytest.approx(0.2, abs=1e-3)
