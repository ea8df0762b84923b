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
