"""Runs that circle are told, whatever their verdict; runs that settle are not."""

import math
from dataclasses import replace

import numpy as np
import pytest

import cspec
from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.result.history import Row
from cspec.runtime.verdict.why.circling import circle, circling

CONCAVE = """
var x = 0.5 in [0, pi/2]
minimize cos(x)
s.t. level: sin(x) <= {eps}
using {using}
fit(optimizer=sgd(lr=0.01), steps={steps})
"""


def said(result: cspec.Result) -> str:
    return next((note for note in result.notes if "circles" in note), "")


@pytest.mark.parametrize("steps", [1000, 2500])
@pytest.mark.parametrize("lr", [0.3, 3, 30])
def test_plain_ascent_on_a_concave_lagrangian(lr: float, steps: int) -> None:
    """It circles at every speed: a few cycles, or hundreds, and ends stationary at none."""
    using = f"lagrangian(dual=sgd(lr={lr}))"
    result = cspec.run(CONCAVE.format(eps=0.5, using=using, steps=steps))
    note = said(result)
    assert note.startswith("level: the run circles") and "oscillates" in note
    multipliers = [row.multipliers["level"] for row in result.history]
    low, high = (float(word.rstrip(",")) for word in note.split(" between ")[1].split()[:3:2])
    assert min(multipliers) <= low < math.tan(math.pi / 6) < high <= 1.01 * max(multipliers)


@pytest.mark.parametrize("eps", [0.3, 0.5])
@pytest.mark.parametrize(
    "using", ["lagrangian(dual=nupi(lr=0.3, kp=40))", "augmented_lagrangian(penalty=2, every=20)"]
)
def test_damped_runs_settle(using: str, eps: float) -> None:
    result = cspec.run(CONCAVE.format(eps=eps, using=using, steps=3000))
    assert result.status == "satisfied" and not said(result)


def test_a_run_on_batches_that_converges_is_not_said_to_circle() -> None:
    result = cspec.run(
        "data train(x, y), test(x, y) = digits(split=[0.7, 0.3], seed=0)\nmodel f = mlp\n"
        "minimize ce\ns.t. one: E[ce | y == 8] <= 0.3\nfit(epochs=3)"
    )
    assert not said(result)


FACTS = ConstraintFacts(
    label="c", family="c", text="", relation="<=", tolerance=1e-6, method="lagrangian",
    segment=(0, 1), multipliers=True,
)  # fmt: skip


def rows(multipliers: np.ndarray, g: np.ndarray) -> list[Row]:
    return [
        Row(step, 1, 0.0, {"c": float(v)}, {"c": float(m)})
        for step, (m, v) in enumerate(zip(multipliers, g, strict=True), 1)
    ]


@pytest.mark.parametrize("cycles", [1.2, 1.5, 4, 20, 90])
def test_circles_of_any_length_are_seen(cycles: float) -> None:
    t = np.linspace(0, 2 * math.pi * cycles, 2000)
    found = circle(rows(1 + 0.6 * np.sin(t), 0.1 * np.cos(t)), FACTS, noisy=False)
    assert found is not None and found.high <= 1.6001 and found.low >= 0.3999


@pytest.mark.parametrize("seed", range(5))
def test_what_settles_grows_or_is_noise_is_no_circle(seed: int) -> None:
    t, draw = np.linspace(0, 60, 2000), np.random.default_rng(seed)
    damped = np.exp(-t / 4)
    for multipliers, g in (
        (1 + damped * np.sin(t), damped * np.cos(t)),
        (0.1 * t, np.full(2000, 0.1)),
        (np.full(2000, 1.0) + 0.02 * draw.normal(size=2000), 0.1 * draw.normal(size=2000)),
        (np.zeros(2000), -np.ones(2000)),
    ):
        assert circle(rows(multipliers, g), FACTS, noisy=True) is None


@pytest.mark.parametrize("seed", range(5))
def test_multipliers_that_follow_the_noise_of_batches_do_not_circle(seed: int) -> None:
    """Few examples of a group in a batch: its rate jumps, and the multiplier walks after it."""
    draw = np.random.default_rng(seed)
    g, path = draw.choice([-0.6, -0.1, 0.4], size=900), [0.3]
    for value in g[1:]:
        path.append(max(0.0, 0.97 * path[-1] + 0.1 * value + 0.01))
    assert circle(rows(np.array(path), g), FACTS, noisy=True) is None


@pytest.mark.parametrize("seed", range(5))
def test_circles_are_seen_through_the_noise_of_batches(seed: int) -> None:
    t, draw = np.linspace(0, 30, 2000), np.random.default_rng(seed)
    g = 0.1 * np.cos(t) + 0.1 * draw.normal(size=2000)
    found = circle(rows(1 + 0.6 * np.sin(t), g), FACTS, noisy=True)
    assert found is not None and 0.05 < found.violation < 0.2


def test_several_that_circle_are_one_note() -> None:
    t = np.linspace(0, 60, 2000)
    one = rows(1 + 0.6 * np.sin(t), 0.1 * np.cos(t))
    both = [
        replace(
            row,
            violations={**row.violations, "d": 2 * row.violations["c"]},
            multipliers={**row.multipliers, "d": row.multipliers["c"]},
        )
        for row in one
    ]
    (note,) = circling(both, [FACTS, FACTS.model_copy(update={"label": "d"})], 1.0, False)
    assert note.startswith("c, d: the run circles") and "the multiplier of d" in note


def test_nothing_is_said_where_the_end_is_stationary() -> None:
    t = np.linspace(0, 60, 2000)
    path = rows(1 + 0.6 * np.sin(t), 0.1 * np.cos(t))
    assert circling(path, [FACTS], residual=1e-3, noisy=False) == []
    assert len(circling(path, [FACTS], residual=1.0, noisy=False)) == 1
    assert circling(path, [FACTS], 1.0, False, ["c: oscillates without getting smaller"]) == []
