"""A rate that follows the path, by hand: windows, doubling, halving, checkpoints, the note."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from training.linear import line, table
from training.text import compiled

import cspec
from cspec.dsl.settings.fit import Constant, Cosine
from cspec.runtime.run.execute import resume, run
from cspec.runtime.run.folder import RunFolder
from cspec.runtime.session.schedules import RateSchedule, factor
from cspec.runtime.session.straightness import MOST, Follower, leads_off

D = torch.float64


def walk(follower: Follower, moves: list[list[float]]) -> list[float]:
    """Add each move to the group's parameter; the factors after each."""
    (parameter,) = follower.group["params"]
    found = []
    for move in moves:
        with torch.no_grad():
            parameter += torch.tensor(move, dtype=D)
        found.append(follower.step())
    return found


def group(lr: float = 0.1, entries: int = 2) -> dict[str, Any]:
    return {"params": [nn.Parameter(torch.zeros(entries, dtype=D))], "lr": lr, "betas": (0.9, 0.99)}


def test_straight_windows_double_and_circles_halve() -> None:
    follower = Follower(group(), total_steps=100, acts=True)
    assert follower.window == 25
    straight, circle = [[0.1, 0.1]] * 25, [[0.1, 0.0], [-0.1, 0.0]] * 12 + [[0.0, 0.0]]
    factors = walk(follower, straight * 2 + circle)
    assert factors == [1.0] * 24 + [2.0] * 25 + [4.0] * 25 + [2.0]
    assert follower.straightness == pytest.approx(0.0, abs=1e-12)
    assert walk(follower, circle * 3)[-1] == 1.0  # never below what it started with


def test_straightness_is_the_share_of_the_longest_way() -> None:
    follower = Follower(group(lr=0.2, entries=4), total_steps=100, acts=False)
    walk(follower, [[0.1, 0.0, 0.05, 0.0]] * 25)
    moved = math.hypot(2.5, 1.25)
    assert follower.straightness == pytest.approx(moved / (25 * 0.2 * math.sqrt(4)))
    assert follower.factor == 1.0


def test_between_the_two_the_factor_stays() -> None:
    follower = Follower(group(), total_steps=5000, acts=True)
    assert follower.window == 50
    walk(follower, [[0.1, 0.1]] * 50)
    half = [[0.1, 0.1]] * 30 + [[-0.1, -0.1]] * 20  # goes a fifth of the way
    assert walk(follower, half)[-1] == 2.0 and follower.straightness == pytest.approx(0.2)


def test_the_factor_has_an_end() -> None:
    follower = Follower(group(), total_steps=100, acts=True)
    factors = walk(follower, [[0.1, 0.1]] * 25 * 30)
    assert factors[-1] == factors[-100] == MOST < 2**30


def test_a_schedule_multiplies_rate_share_and_factor() -> None:
    parameter = nn.Parameter(torch.zeros(1, dtype=D))
    optimizer = torch.optim.Adam([parameter], lr=0.01)
    settings = Cosine(hold=0.5, follow=True)
    schedule = RateSchedule(settings, optimizer, total_steps=100, epoch_steps=10)
    for step in range(1, 100):
        with torch.no_grad():
            parameter += optimizer.param_groups[0]["lr"]  # as straight as can be
        schedule.step()
        expected = 0.01 * 2 ** (step // 25) * factor(settings, step, 100, 10)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(expected, rel=1e-12)
    assert schedule.fastest == 0.01 and schedule.travelling == 0.01


@pytest.mark.parametrize("kind", ["constant", "sgd"])
def test_nothing_follows_unasked_and_only_adam_does(kind: str) -> None:
    parameter = nn.Parameter(torch.zeros(1, dtype=D))
    sgd = kind == "sgd"
    optimizer: Any = (torch.optim.SGD if sgd else torch.optim.Adam)([parameter], lr=0.01)
    schedule = RateSchedule(Constant(follow=sgd), optimizer, total_steps=100, epoch_steps=10)
    for _ in range(60):
        with torch.no_grad():
            parameter += 0.01
        schedule.step()
    assert optimizer.param_groups[0]["lr"] == 0.01
    assert schedule.travelling == 0.01


@pytest.mark.parametrize("turn", [0.0, 1.0])
def test_plain_steps_travel_where_the_halves_of_a_window_go_one_way(turn: float) -> None:
    parameter = nn.Parameter(torch.zeros(2, dtype=D))
    schedule = RateSchedule(Constant(), torch.optim.SGD([parameter], lr=1e-6), 100, 10)
    for step in range(1, 51):
        second = (step - 1) % 25 >= 12
        with torch.no_grad():
            parameter += torch.tensor([1.0, turn if second else -turn], dtype=D)
        schedule.look(step, torch.zeros(()), torch.zeros(0))
    assert schedule.travelling == (None if turn else 1e-6)


FAR = """
data train(x, y)
model f
minimize E[(f(x)[0] - y)^2]
s.t. a: E[f(x)[0]] {relation}
fit(epochs={epochs}, batch_size=8{more}, precision=float64)
"""


def far() -> dict[str, torch.Tensor]:
    """A line whose weights are far away at a rate of 1e-3."""
    return {"x": table()["x"], "y": 40 * table()["y"]}


def spec(epochs: int = 100, more: str = "", relation: str = "<= 1000") -> str:
    return FAR.format(epochs=epochs, more=more, relation=relation)


def test_a_rate_that_nobody_gave_follows_the_path() -> None:
    program = cspec.compile(spec(), train=far(), f=line())
    assert program.fit["schedule"][0] == "cosine" and program.fit["schedule"][1]["follow"]
    given = cspec.compile(spec(more=", optimizer=adam"), train=far(), f=line())
    assert not given.fit["schedule"][1]["follow"]
    short = cspec.compile(spec(epochs=3), train=far(), f=line())  # 9 steps
    assert not short.fit["schedule"][1]["follow"]
    free = cspec.run(spec(), train=far(), f=line())
    fixed = cspec.run(spec(more=", optimizer=adam"), train=far(), f=line())
    assert free.objective < 0.6 * fixed.objective


def test_a_run_that_follows_is_resumed_to_the_same_bits(tmp_path: Path) -> None:
    text, folder = spec(), tmp_path / "run"
    whole = run(*compiled(text, {"train": far(), "f": line()}))

    before = signal.getsignal(signal.SIGTERM)

    def stop(told: Mapping[str, Any]) -> None:
        if told["step"] == 159 and signal.getsignal(signal.SIGTERM) is not before:
            os.kill(os.getpid(), signal.SIGTERM)

    program, bound = compiled(text, {"train": far(), "f": line()})
    cut = run(program, bound, out=folder, on_progress=stop)
    assert cut.status == "interrupted" and cut.steps == 159 < whole.steps
    program, bound = compiled(text, {"train": far(), "f": line()})
    again = resume(RunFolder.open(folder), program, bound, seed=program.fit["seed"])
    assert whole.last is not None and again.last is not None
    for name, value in whole.last.tensors.items():
        assert torch.equal(value, again.last.tensors[name])
    assert again.objective == whole.objective


def test_a_rate_that_is_too_small_is_named() -> None:
    small = cspec.run(
        spec(more=", optimizer=adam(lr=1e-4)", relation=">= 30"), train=far(), f=line()
    )
    (note,) = [n for n in small.notes if "learning rate is too small" in n]
    assert note.startswith("a: ") and "try lr = 0.001" in note and "leave `optimizer` out" in note
    large = cspec.run(
        spec(more=", optimizer=adam(lr=0.5)", relation=">= 30"), train=far(), f=line()
    )
    assert not any("too small" in n for n in large.notes)


def test_a_run_too_short_for_its_rate_to_follow_is_told_of_time() -> None:
    """Nobody gave an optimizer: there is none to leave out."""
    short = cspec.run(spec(epochs=3, relation=">= 1e9"), train=far(), f=line())
    assert short.steps == 9
    assert not any("`optimizer`" in note for note in short.notes)


def test_where_the_rate_follows_already_only_time_helps() -> None:
    """Ten million times as far: no factor on the rate is enough in 300 steps."""
    data = {"x": table()["x"], "y": 1e7 * table()["y"]}
    result = cspec.run(spec(relation=">= 1e7"), train=data, f=line())
    (note,) = [n for n in result.notes if "learning rate is too small" in n]
    assert note.endswith("or train longer")


def test_a_loaded_optimizer_has_other_groups() -> None:
    """The rate that counts is that of the groups as they are, also after a checkpoint."""
    weight = torch.nn.Parameter(torch.zeros(3))
    optimizer = torch.optim.Adam([weight], lr=0.1)
    schedule = RateSchedule(Cosine(follow=True), optimizer, 100, 1)
    optimizer.load_state_dict(optimizer.state_dict())
    for _ in range(50):
        with torch.no_grad():
            weight.add_(optimizer.param_groups[0]["lr"])
        schedule.step()
    assert schedule.travelling == 0.1
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.2)


def test_a_straight_way_that_leads_off_is_halved_for_good() -> None:
    x = torch.zeros(4, requires_grad=True)
    group: dict[str, Any] = {"params": [x], "lr": 1.0, "betas": (0.9, 0.999)}
    follower = Follower(group, total_steps=100, acts=True)
    merits = iter([(1.0, 1.0), (0.5, 0.9), (0.8, 2.0), (0.4, 0.5), (0.2, 0.4)])
    factors = []
    for _ in range(5):
        now = next(merits)
        for _ in range(follower.window):
            with torch.no_grad():
                x += follower.factor
            follower.step(lambda now=now: now)
        factors.append(follower.factor)
    assert factors == [2, 4, 2, 2, 2]


def test_a_worse_objective_alone_or_more_violation_alone_leads_nowhere_else() -> None:
    assert not leads_off((1.0, 1.0), (2.0, 1.1))
    assert not leads_off((1.0, 1.0), (0.9, 9.0))
    assert not leads_off((1.0, 0.0), (2.0, 1.0))
    assert leads_off((1.0, 1.0), (2.0, 2.0))
    assert leads_off((1.0, 1.0), (float("nan"), 0.0))


def test_a_rate_grows_only_where_objective_or_violation_is_better_than_ever() -> None:
    """A pair that circles goes straight on between its turns, and gets better now and then."""
    x = torch.zeros(4, requires_grad=True)
    group: dict[str, Any] = {"params": [x], "lr": 1.0, "betas": (0.9, 0.999)}
    follower = Follower(group, total_steps=100, acts=True)
    merits = [(1.0, 1.0), (1.2, 0.5), (1.1, 0.6), (1.3, 0.5), (1.2, 0.4), (0.9, 0.6)]
    factors, travels = [], []
    for now in merits:
        for _ in range(follower.window):
            with torch.no_grad():
                x += follower.factor
            follower.step(lambda now=now: now)
        factors.append(follower.factor)
        travels.append(follower.travels)
    assert factors == [2, 4, 4, 4, 8, 16]
    assert travels == [True, True, False, False, True, True]
    again = Follower(group, total_steps=100, acts=True)
    again.load_state_dict(follower.state_dict())
    assert again.state_dict() == follower.state_dict()
