"""The augmented Lagrangian that leaves its penalties open: the emitted loop and one by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from training.linear import Loop, Requirement, line, point, table

import cspec

SPEC = """
data train(x, y)
model f
minimize E[(f(x)[0] - y)^2]
s.t. a: E[f(x)[0]] <= 0.1
     b: E[f(x)[0]*x[0]] == 0.7
using augmented_lagrangian{settings}
fit(optimizer=sgd(lr=0.002), steps={steps}, batch_size={size}, precision=float64)
"""
REQUIREMENTS = (Requirement(0.1), Requirement(0.7, feature=0, equal=True))


def compare(session: Any, settings: str, steps: int, size: str = "full", **hand: Any) -> Any:
    """Train by the emitted loop and by hand, on the same batches; the session that trained."""
    text = SPEC.format(settings=settings, steps=steps, size=size)
    batches = [
        (batch["train"]["x"].numpy(), batch["train"]["y"].numpy())
        for batch in session(text, train=table(), f=line()).batches()
    ]
    model = line()
    run = session(text, train=table(), f=model)
    whole = (table()["x"].numpy(), table()["y"].numpy())
    loop = Loop(
        REQUIREMENTS, point(model), steps, 0.002, batches,
        epoch=run.plan.epoch_steps, whole=whole, **hand,
    )  # fmt: skip
    loop.run()
    _train_without_restoring(run)
    assert point(model) == pytest.approx(loop.theta, rel=1e-9, abs=1e-12)
    assert run.state["multipliers"].numpy() == pytest.approx(loop.told, rel=1e-9, abs=1e-12)
    assert run.state["penalty"].numpy() == pytest.approx(loop.penalties, rel=1e-9)
    return run, loop


def _train_without_restoring(run: Any) -> None:
    if "restore" in run.module:
        run.module["restore"] = lambda _: None
    run.module["train"](run)


@pytest.mark.parametrize("size", ["full", "12", "8"])
@pytest.mark.parametrize("steps", [3, 25, 130])
def test_the_emitted_loop_is_the_loop_by_hand(session: Any, size: str, steps: int) -> None:
    _, loop = compare(session, "", steps, size, every=-(-steps // 60))
    assert np.abs(loop.multipliers).max() > 0


@pytest.mark.parametrize(
    ("settings", "hand"),
    [
        ("growth=4", {"growth": 4.0}),
        ("growth=4, decrease=0.99", {"growth": 4.0, "decrease": 0.99}),
        ("decrease=0.2", {"decrease": 0.2}),
        ("max_penalty=0.3", {"most": 0.3}),
        ("max_multiplier=0.05", {"cap": 0.05}),
        ("lr=0.01", {"dual_lr": 0.01}),
        ("lr=0.5, max_multiplier=0.2", {"dual_lr": 0.5, "cap": 0.2}),
        ("every=5", {"every": 5, "growth": 2.0}),
        ("every=5, growth=3", {"every": 5, "growth": 3.0}),
        ("every=epoch", {"by_epoch": True, "growth": 2.0}),
        ("every=epoch, growth=1.2", {"by_epoch": True, "growth": 1.2}),
    ],
)
@pytest.mark.parametrize("size", ["full", "8"])
def test_settings_that_are_given_act_as_written(
    session: Any, settings: str, hand: dict[str, Any], size: str
) -> None:
    steps = 18 if "epoch" in settings else 40
    run, loop = compare(session, f"({settings})", steps, size, **hand)
    if "max_penalty" in settings:
        assert run.state["penalty"].max() <= 0.3
    if "max_multiplier" in settings:
        assert np.abs(loop.multipliers).max() <= hand["cap"]


def test_a_penalty_that_is_given_is_the_plain_method(session: Any, run: Any) -> None:
    text = SPEC.format(settings="(penalty=2, growth=1)", steps=40, size="full")
    started = session(text, train=table(), f=line())
    assert not {"slope", "pull", "far"} & set(started.state)
    assert "units_of_augmented_lagrangian" not in started.module
    assert "restore" not in started.module
    started.total_steps = 1
    started.module["train"](started)
    assert started.state["penalty"].tolist() == [2.0, 2.0]
    assert not any("restored" in note for note in run(text, train=table(), f=line()).notes)


def test_a_penalty_is_divided_by_the_share_of_batches_that_measure_its_requirement(
    session: Any,
) -> None:
    """What a batch does not measure does not pull, so the weight of a group of few is thinned."""
    run = session(SPEC.format(settings="", steps=600, size="8"), train=table(), f=line())
    batch = next(iter(run.batches()))
    f, g, true = run.module["measure"](run.primal, batch)
    found = []
    for before in ([9.0, 9.0], [1.0, 4.0]):
        state = {name: value.clone() for name, value in run.state.items()}
        state["measured"] = torch.tensor(before, dtype=torch.float64)
        run.module["units_of_augmented_lagrangian"](state, f, g, true, run.parameters, 1e-9, 10)
        found.append(state["penalty"].numpy())
    always, seldom = found
    assert always.min() > 0
    assert seldom / always == pytest.approx([10 / 2, 10 / 5], rel=1e-12)


def test_a_group_of_few_is_followed_in_small_batches() -> None:
    """Twelve of 2,000 in batches of 16: near what whole batches find, where it was 1.8 to 3.5."""
    drawn = torch.Generator().manual_seed(0)
    x, noise = torch.randn(2000, 4, generator=drawn), torch.randn(2000, generator=drawn)
    g = torch.zeros(2000, dtype=torch.long)
    y = (x[:, 0] + 0.5 * noise > 0).long()
    g[-12:], y[-12:] = 1, 1
    x[-12:, 0] -= 2
    order = torch.randperm(2000, generator=drawn)
    found = cspec.run(
        "data train(x, y, g)\nmodel f = linear\nminimize bce(f(x), y)\n"
        "s.t. few: P[pred == 1 | g == 1] >= 70%\nfit(epochs=6, batch_size=16)",
        train={"x": x[order], "y": y[order], "g": g[order]},
    )
    assert found.satisfied and found.objective < 0.9
