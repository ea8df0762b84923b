"""Requirements on data that exclude each other are named, and those that do not are met."""

import numpy as np
import pytest

import cspec

HEAD = "data train(x, t, s)\nmodel f = linear\nminimize E[mse(f(x), t)]\ns.t.\n"


def _data(rows: int = 120) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(4)
    x = draw.normal(size=(rows, 2))
    s = (np.arange(rows) % 2).astype(float)
    return {"x": x, "t": x[:, 0] + s + 0.3 * draw.normal(size=rows), "s": s}


@pytest.mark.parametrize(
    "requirements, against",
    [
        (
            "low: forall (x) in train: f(x) <= -1\nfree: E[f(x)*s] <= 9\nhigh: E[f(x)] >= 1",
            ["low", "high"],
        ),
        # The least mean squared error of a line is that of ordinary least squares.
        ("near: E[mse(f(x), t)] <= 0.05", ["near"]),
        ("tail: cvar(mse(f(x), t), 90%) <= 0.1", ["tail"]),
        ("big: E[f(x)] >= 3\nsmall: E[f(x)^2] <= 4\nfree: E[f(x)] <= 9", ["big", "small"]),
    ],
)
def test_what_excludes_each_other_is_named(requirements: str, against: list[str]) -> None:
    result = cspec.run(HEAD + requirements, train=_data())
    assert result.status == "suspected_infeasible"
    assert list(result.conflict) == against


@pytest.mark.parametrize(
    "requirements",
    [
        "low: E[f(x)] <= -1\nhigh: E[f(x)] >= -1.001",
        "low: forall (x) in train: f(x) <= 0\nhigh: E[f(x)] >= -0.01",
        "big: E[f(x)] >= 1.999\nsmall: E[f(x)^2] <= 4",
    ],
)
def test_what_just_goes_together_is_met(requirements: str) -> None:
    result = cspec.run(HEAD + requirements, train=_data())
    assert result.status == "satisfied"
    assert not result.conflict
