"""From the end of a run to its requirements: closed forms, modes, chunks, interruption."""

from __future__ import annotations

import copy
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from training.linear import Requirement, line, point, requirement, table
from training.text import compiled, session_of

from cspec.runtime.finish.restore import Restoration, jacobian
from cspec.runtime.finish.shortest_step import shortest
from cspec.runtime.models import without_trace as modes
from cspec.runtime.run.execute import resume, run
from cspec.runtime.run.folder import RunFolder

HEAD = "data train(x, y)\nmodel f\nminimize E[(f(x)[0] - y)^2]\ns.t. "
FIT = "\nfit(optimizer=sgd(lr=1e-3), steps={steps}, batch_size={size}, precision=float64)"
X = table()["x"].numpy()


def spec(requirements: str, steps: int = 60, size: str = "full", using: str = "") -> str:
    return HEAD + requirements + using + FIT.format(steps=steps, size=size)


def restored(text: str, **bound: Any) -> Any:
    """A session at its start, restored."""
    session = session_of(text, **{"train": table(), "f": line(), **bound})
    session.module["restore"](session)
    return session


def nearest(theta: Any, rows: list[Requirement]) -> Any:
    """The nearest point at which all of these are 0: theta - A' (A A')^-1 g."""
    g = np.array([requirement(r, theta, X)[0] for r in rows])
    a = np.array([requirement(r, theta, X)[1] for r in rows])
    return theta - a.T @ np.linalg.solve(a @ a.T, g)


A, B = Requirement(-0.4), Requirement(0.7, feature=0, equal=True)
C = Requirement(-0.3, feature=1)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a: E[f(x)[0]] <= -0.4", [A]),
        ("b: E[f(x)[0]*x[0]] == 0.7", [B]),
        ("a: E[f(x)[0]] <= -0.4\n     b: E[f(x)[0]*x[0]] == 0.7", [A, B]),
        ("a: E[f(x)[0]] <= -0.4\n     c: E[f(x)[0]*x[1]] <= 50", [A]),
        ("b: 1000*E[f(x)[0]*x[0]] == 700\n     a: E[f(x)[0]] <= -0.4", [B, A]),
        ("a: E[f(x)[0]] == -0.4\n     n: E[f(x)[0]] == 3 soft(weight=1)", [A]),
    ],
)
def test_linear_requirements_are_met_at_the_nearest_point(
    text: str, rows: list[Requirement]
) -> None:
    found = point(restored(spec(text)).primal["f"])
    assert found == pytest.approx(nearest(point(line()), rows), abs=1e-10)


def test_what_a_step_violates_is_taken_in() -> None:
    """Restoring a alone breaks c; both hold at the end."""
    start = point(line())
    alone = nearest(start, [A])
    bound = (requirement(C, start, X)[0] + requirement(C, alone, X)[0]) / 2 + C.bound
    rule = "<=" if requirement(C, alone, X)[0] > requirement(C, start, X)[0] else ">="
    text = f"a: E[f(x)[0]] <= -0.4\n     c: E[f(x)[0]*x[1]] {rule} {bound!r}"
    found = point(restored(spec(text)).primal["f"])
    over = requirement(Requirement(bound, feature=1), found, X)[0]
    assert requirement(A, found, X)[0] <= 1e-6
    assert (over if rule == "<=" else -over) <= 1e-6


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("E[f(x)[0]^2] == 2 within 1e-6", lambda z: (z**2).mean() - 2),
        ("E[f(x)[0]^2] <= 0.05 within 1e-6", lambda z: (z**2).mean() - 0.05),
        ("E[f(x)[0]^2] - E[f(x)[0]]^2 >= 3 within 1e-6", lambda z: 3 - z.var()),
        ("E[exp(f(x)[0])] == 4 within 1e-6", lambda z: np.exp(z).mean() - 4),
    ],
)
def test_smooth_requirements_are_met_to_a_millionth(
    text: str, value: Callable[[Any], float]
) -> None:
    session = restored(spec(f"a: {text}"))
    z = session.primal["f"](table()["x"]).detach().numpy()[:, 0]
    before = line()(table()["x"]).detach().numpy()[:, 0]
    assert value(before) > 1e-2 or "==" in text
    assert value(z) <= 1e-6 and ("==" not in text or abs(value(z)) <= 1e-6)
    assert np.linalg.norm(point(session.primal["f"]) - point(line())) < 3


def test_a_rate_goes_along_its_surrogate() -> None:
    """The way of one step is the gradient of the mean sigmoid, its end has the rate."""
    text = "a: P[f(x)[0] > 0] >= 90% with surrogate sigmoid(f(x)[0])"
    session = session_of(spec(text), train=table(), f=line())
    start = point(line())
    z = X @ start[:3] + start[3]
    assert (z > 0).mean() < 0.85
    with Restoration(session) as near:
        g, true = near.measured()
        rows = near.left(true)
        step = shortest(jacobian(g, rows, session), true[rows], near.equations(rows))
        assert near.go(step)
    chance = 1 / (1 + np.exp(-z))
    slope = ((chance * (1 - chance))[:, None] * np.column_stack([X, np.ones(len(X))])).mean(0)
    assert step.numpy() == pytest.approx((0.9 - (z > 0).mean()) * slope / (slope @ slope), rel=1e-9)
    moved = point(session.primal["f"]) - start
    assert abs(moved @ slope) == pytest.approx(np.linalg.norm(moved) * np.linalg.norm(slope))
    session.module["restore"](session)
    assert (session.primal["f"](table()["x"]) > 0).double().mean() >= 0.9


@pytest.mark.parametrize("missed", [1e-9, 1e-4])
def test_a_rate_that_is_missed_by_less_than_an_example_is_met_by_one(missed: float) -> None:
    """A step by the amount itself would change no prediction, at any length."""
    z = line()(table()["x"]).detach().numpy()[:, 0]
    rate = (z > 0).mean()
    surrogate = "with surrogate sigmoid(f(x)[0])"
    session = session_of(
        spec(f"a: P[f(x)[0] > 0] >= {rate + missed} {surrogate}"), train=table(), f=line()
    )
    with Restoration(session) as near:
        _, true = near.measured()
    assert true.tolist() == pytest.approx([1 / len(z)])
    session.module["restore"](session)
    now = (session.primal["f"](table()["x"]) > 0).double().mean()
    assert now >= rate + 1 / len(z) - 1e-12


def network(*middle: nn.Module) -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(3, 6), *middle, nn.Tanh(), nn.Linear(6, 1)).double()


@pytest.mark.parametrize("middle", [nn.BatchNorm1d(6), nn.Dropout(0.5)])
def test_models_are_as_they_will_be_used(middle: nn.Module) -> None:
    model = network(copy.deepcopy(middle))
    buffers = {name: value.clone() for name, value in model.named_buffers()}
    drawn = torch.get_rng_state()
    session = session_of(spec("a: E[f(x)[0]] == 2 within 1e-6"), train=table(), f=model)
    drawn = torch.get_rng_state()
    session.module["restore"](session)
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(torch.equal(buffers[name], value) for name, value in model.named_buffers())
    assert all(module.training for module in model.modules())
    assert model.eval()(table()["x"]).mean().item() == pytest.approx(2, abs=1e-6)


def test_gradients_of_long_data_are_those_of_the_whole(monkeypatch: Any) -> None:
    found = []
    for rows in (1000, 7):
        monkeypatch.setattr(modes, "CHUNK_ROWS", rows)
        text = spec("a: E[f(x)[0]^2] == 2\n     b: P[f(x)[0] > 0 | x[0] > 0] >= 90%")
        session = session_of(text, train=table(40), f=network(nn.Dropout(0.5)))
        with Restoration(session) as near:
            g, true = near.measured()
            found.append((g.detach(), true, jacobian(g, torch.arange(2), session)))
    for whole, parts in zip(*found, strict=True):
        torch.testing.assert_close(whole, parts, rtol=1e-12, atol=1e-14)
    assert found[0][2].abs().max() > 1e-3


def test_gradients_of_blocks_are_means_of_those_of_their_rows() -> None:
    """Of two requirements, one of them an equation, against a gradient a row in a plain loop."""
    text = HEAD + "a: forall (x, y) in train: f(x)[0] <= y - 1\n     "
    text += "b: forall (x, y) in train: f(x)[0]*x[0] == 0.5" + FIT.format(steps=60, size="full")
    data = table(150)
    session = session_of(text, train=data, f=network())
    with Restoration(session) as near:
        g, amounts = near.measured()
        rows = near.left(amounts)
        found = jacobian(g, rows, session)
    z = session.primal["f"](data["x"])[:, 0]
    over = torch.cat([z - data["y"] + 1, z * data["x"][:, 0] - 0.5])
    equal = torch.arange(300) >= 150
    amount = torch.where(equal, over.abs(), over.relu()).detach()
    broken = (amount > 1e-6).nonzero().flatten()
    blocks = broken[amount[broken].argsort(descending=True)].chunk(64)
    parameters = list(session.primal["f"].parameters())
    for place, block in enumerate(blocks):
        slopes = []
        for row in block.tolist():
            of_row = over[row].abs() if equal[row] else over[row]
            slope = torch.autograd.grad(of_row, parameters, retain_graph=True)
            slopes.append(torch.cat([d.flatten() for d in slope]))
        torch.testing.assert_close(found[place], torch.stack(slopes).mean(0), rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(amounts[place], amount[block].mean())
    assert len(blocks) == len(rows) > 50


@pytest.mark.parametrize("looks", [1, 2, 3])
def test_an_interruption_puts_the_parameters_back(looks: int) -> None:
    session = session_of(spec("a: E[f(x)[0]^2] == 9 within 1e-9"), train=table(), f=line())
    measure, count = session.module["measure"], 0

    def interrupted(*arguments: Any) -> Any:
        nonlocal count
        count += 1
        session.interrupted = session.interrupted or count == looks
        return measure(*arguments)

    session.module["measure"] = interrupted
    session.module["restore"](session)
    assert (point(session.primal["f"]) == point(line())).all()
    assert not any("restored" in note for note in session.notes)


TEXT = spec("a: E[f(x)[0]] == -2 within 1e-9\n     b: E[f(x)[0]*x[0]] <= 0.1", steps=40, size="8")


def test_a_run_that_is_interrupted_there_is_resumed_to_the_same_bits(tmp_path: Path) -> None:
    program, bound = compiled(TEXT, {"train": table(), "f": line()})
    whole = run(program, bound)
    assert any("restored" in note for note in whole.notes)
    line_ = "            step = shortest("
    source = program.source.replace(
        line_,
        "            import os, signal\n"
        "            if STOP: os.kill(os.getpid(), signal.SIGTERM)\n" + line_,
        1,
    )
    assert source != program.source
    folder = tmp_path / "run"
    before = signal.getsignal(signal.SIGTERM)
    _, bound = compiled(TEXT, {"train": table(), "f": line()})
    stopping = program.model_copy(update={"source": "STOP = True\n" + source})
    cut = run(stopping, bound, out=folder)
    assert signal.getsignal(signal.SIGTERM) is before
    assert not any("restored" in note for note in cut.notes)
    free = program.model_copy(update={"source": "STOP = False\n" + source})
    fresh = compiled(TEXT, {"train": table(), "f": line()})[1]
    again = resume(RunFolder.open(folder), free, fresh, seed=0)
    assert again.last is not None and whole.last is not None
    for name, tensor in whole.last.tensors.items():
        assert torch.equal(tensor, again.last.tensors[name])
    assert again.status == whole.status == "satisfied"


@pytest.mark.parametrize(
    ("steps", "using", "expected"),
    [
        (29, "", False),
        (30, "", True),
        (60, "\nusing lagrangian", True),
        (60, "\nusing lagrangian(dual=sgd(lr=0.1))", False),
        (60, "\nusing augmented_lagrangian(penalty=3)", False),
        (60, "\nusing sal", True),
        (60, "\nusing sal(penalty=0.1)", False),
    ],
)
def test_who_is_restored(steps: int, using: str, expected: bool) -> None:
    text = spec("b: E[f(x)[0]*x[0]] == 0.7", steps=steps, using=using)
    program, _ = compiled(text, {"train": table(), "f": line()})
    assert ("def restore(session)" in program.source) == expected


def test_the_note_has_violation_and_objective_before_and_after() -> None:
    session = restored(spec("a: E[f(x)[0]] <= -0.4"))
    (note,) = [note for note in session.notes if note.startswith("restored")]

    def told(model: nn.Module) -> tuple[float, float]:
        z = model(table()["x"]).detach()[:, 0]
        return max(0.0, z.mean().item() + 0.4), ((z - table()["y"]) ** 2).mean().item()

    (over, f), (after, g) = told(line()), told(session.primal["f"])
    assert after < 1e-12
    assert f"from {over:.2g} to " in note and note.endswith(f"from {f:.6g} to {g:.6g}")
    assert note.startswith("restored: 1 Newton step on whole data took")


def test_a_maximized_objective_is_told_as_written() -> None:
    text = spec("a: E[f(x)[0]] <= -0.4").replace("minimize E[(", "maximize -E[(")
    plain = restored(spec("a: E[f(x)[0]] <= -0.4"))
    session = restored(text)
    before, after = (
        n[0].split("the objective from ")[1] for n in (plain.notes[-1:], session.notes[-1:])
    )
    assert after == " to ".join(f"-{value}" for value in before.split(" to "))


def test_sets_of_parameters_hold_afterwards() -> None:
    text = spec("a: E[f(x)[0]] == 2 within 1e-6\n     p: forall W in f.weights: W >= 0")
    model = line()
    with torch.no_grad():
        model.weight.abs_()
    session = restored(text, f=model)
    assert (model.weight >= 0).all()
    assert session.primal["f"](table()["x"]).mean().item() == pytest.approx(2, abs=1e-6)


def test_requirements_of_several_datasets() -> None:
    text = (
        "data train(x, y)\ndata keep(x)\nmodel f\nminimize E[(f(x)[0] - y)^2 on train]\n"
        "s.t. a: E[f(x)[0] on keep] == 3 within 1e-6\n     b: E[f(x)[0] on train] <= 0 within 1e-6"
        + FIT.format(steps=60, size="full")
    )
    keep = {"x": table(9, seed=5)["x"] + 1}
    session = restored(text, keep=keep)
    model = session.primal["f"]
    assert model(keep["x"]).mean().item() == pytest.approx(3, abs=1e-6)
    assert model(table()["x"]).mean().item() <= 1e-6


def test_a_run_whose_rate_moves_nothing_is_not_restored() -> None:
    text = spec("a: E[f(x)[0]] == 2").replace("lr=1e-3", "lr=1e-30")
    assert (point(restored(text).primal["f"]) == point(line())).all()


def test_what_is_not_near_by_is_left() -> None:
    """10 (1 + |x|) is as far as it goes."""
    session = restored(spec("a: E[f(x)[0]] == 1e4"))
    way = np.linalg.norm(point(session.primal["f"]) - point(line()))
    assert way <= 10 * (1 + np.linalg.norm(point(line()))) * (1 + 1e-12)
