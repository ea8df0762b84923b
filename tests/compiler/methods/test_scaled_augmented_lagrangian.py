"""The augmented Lagrangian that leaves its penalties open: the emitted loop and one by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training.linear import Loop, Requirement, line, point, table

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
