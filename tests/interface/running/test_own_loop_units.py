"""Penalties in the units of the problem in a loop of one's own: what counts, and when they move."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from training.linear import Requirement, line, objective, point, requirement, table

import cspec

SPEC = """
data train(x, y)
model f
minimize E[(f(x)[0] - y)^2]
s.t. a: E[f(x)[0]] <= 0.1
     b: E[f(x)[0]*x[0]] == 0.7
"""
ALL = (Requirement(0.1), Requirement(0.7, feature=0, equal=True))


def bound(model: nn.Module, text: str = SPEC, lr: float = 1e-3, **more: Any) -> cspec.Handle:
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return cspec.bind(text, f=model, optimizer=optimizer, **more)


def first(data: dict[str, torch.Tensor], theta: Any) -> list[float]:
    """|grad f| / (|x| |grad g| + violation) / |grad g| of each."""
    x, y = data["x"].numpy(), data["y"].numpy()
    pull, size = np.linalg.norm(objective(theta, x, y)[1]), np.linalg.norm(theta)
    found = []
    for r in ALL:
        g, gradient = requirement(r, theta, x)
        slope, over = np.linalg.norm(gradient), abs(g) if r.equal else max(g, 0)
        found.append(float(pull / (size * slope + over) / slope))
    return found


def test_units_are_measured_at_a_loss_that_counts_only() -> None:
    model = line()
    handle = bound(model, steps=600)
    handle.loss(**table(seed=4))  # no backward
    with torch.no_grad():
        handle.loss(**table(seed=5))
    assert handle.state["penalty"].tolist() == [0.0, 0.0]
    assert handle.state["slope"].tolist() == [0.0, 0.0]
    data = table(seed=6)
    handle.loss(**data).backward()
    assert handle.state["penalty"].tolist() == pytest.approx(first(data, point(line())), rel=1e-9)


def test_the_first_loss_that_counts_has_its_own_penalty() -> None:
    """The gradient is grad f + [c g]+ grad g with c of this very batch."""
    model, data = line(), table()
    handle = bound(model, steps=600)
    handle.loss(**data).backward()
    theta, x, y = point(line()), data["x"].numpy(), data["y"].numpy()
    expected = objective(theta, x, y)[1]
    for r, c in zip(ALL, first(data, theta), strict=True):
        g, gradient = requirement(r, theta, x)
        expected = expected + (c * g if r.equal else max(0.0, c * g)) * gradient
    found = torch.cat([p.grad.reshape(-1) for p in model.parameters()]).numpy()
    assert found == pytest.approx(expected, rel=1e-9)


def test_multipliers_move_with_every_step_by_a_share_of_c_g() -> None:
    """A loop of 600 steps has 60 moves: each step takes a tenth of one."""
    model = line()
    handle = bound(model, steps=600)
    expected = np.zeros(2)
    for seed in range(9):
        data = table(seed=seed)
        g = [requirement(r, point(model), data["x"].numpy())[0] for r in ALL]
        handle.step(**data)
        c = handle.state["penalty"].numpy()
        expected = expected + 0.1 * c * np.array(g)
        expected[0] = max(0.0, expected[0])
        assert list(handle.multipliers.values()) == pytest.approx(expected, rel=1e-9)
    assert np.abs(expected).min() > 0


@pytest.mark.parametrize(("steps", "measures"), [(40, 4), (10, 1), (10_000, 50)])
def test_slopes_are_measured_in_the_first_steps_only(steps: int, measures: int) -> None:
    handle = bound(line(), lr=1e-6, steps=steps)
    data = table()
    small = {"x": data["x"], "y": data["y"]}
    large = {"x": 100 * data["x"], "y": data["y"]}
    for _ in range(measures):
        handle.step(**small)
    before = handle.state["slope"].clone()
    handle.loss(**large).backward()
    assert torch.equal(handle.state["slope"], before)
    other = bound(line(), lr=1e-6, steps=steps)
    for _ in range(measures - 1):
        other.step(**small)
    other.loss(**large).backward()
    assert (other.state["slope"] > 1.5 * before).any()


def test_a_skipped_step_leaves_no_multiplier() -> None:
    handle = bound(line(), steps=100)
    handle.loss(**table()).backward()
    handle.optimizer.zero_grad()
    handle.update()
    assert set(handle.multipliers.values()) == {0.0} and handle.steps == 0


@pytest.mark.parametrize("more", ["penalty=2", "penalty=2, every=1"])
def test_a_penalty_that_is_given_acts_as_written(more: str) -> None:
    handle = bound(line(), f"{SPEC}using augmented_lagrangian({more})\n", steps=100)
    assert "slope" not in handle.state
    handle.loss(**table()).backward()
    assert handle.state["penalty"].tolist() == [2.0, 2.0]


def test_every_that_is_given_is_kept() -> None:
    handle = bound(line(), f"{SPEC}using augmented_lagrangian(every=5)\n", steps=100)
    moved = []
    for seed in range(10):
        handle.step(**table(seed=seed))
        moved.append(handle.multipliers["b"])
    assert moved[:4] == [0.0] * 4 and len(set(moved[4:9])) == 1 and moved[9] != moved[8] != 0


def test_a_constraint_times_a_thousand_is_the_same_loop() -> None:
    scaled = SPEC.replace("E[f(x)[0]*x[0]] == 0.7", "1000*E[f(x)[0]*x[0]] == 700")
    one, other = line(), line()
    mine, theirs = bound(one, steps=100), bound(other, scaled, steps=100)
    for seed in range(30):
        mine.step(**table(seed=seed))
        theirs.step(**table(seed=seed))
    assert point(one) == pytest.approx(point(other), abs=1e-9)
    assert 1000 * theirs.multipliers["b"] == pytest.approx(mine.multipliers["b"], rel=1e-6)


@pytest.mark.parametrize("settings", ["penalty=2", "penalty=2, rule=lancelot", "every=epoch"])
@pytest.mark.parametrize("epoch", [3, 20, 70])
def test_penalties_grow_at_most_once_in_50_steps(settings: str, epoch: int) -> None:
    """Nothing moves, so every violation is as large as the last: each test makes c larger."""
    torch.manual_seed(0)
    x, net = torch.randn(40, 3), nn.Linear(3, 1)
    spec = f"""data train(x)
        model net
        minimize E[net(x)^2]
        s.t. a: E[net(x)] <= -3
        using augmented_lagrangian({settings})"""
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-12)
    handle = cspec.bind(spec, net=net, optimizer=optimizer)
    seen: list[float] = []
    for step in range(1, 421):
        handle.step(x=x)
        if step % epoch == 0:
            handle.end_epoch()
        seen.append(float(handle.state["penalty"].detach()))
    grown = [i for i in range(11, 420) if seen[i] > 1.1 * seen[i - 1]]
    assert all(later - first >= 50 for first, later in pairwise(grown))
    every = -(-50 // epoch) * epoch
    assert len(grown) >= 420 // every - 1
