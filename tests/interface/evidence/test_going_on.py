"""Runs that go on: with accepted changes, from Python, and solvers that start anew."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import cspec
from cspec.runtime.run.folder import RunFolder
from cspec.runtime.solvers.nlp.trail import Trail

FITTED = "data train(x, y)\nmodel f\nminimize bce(f(x), y)\ns.t. q: P[pred == 1] <= {bound}\n"
FIT = "fit(steps=40, batch_size=8)\n"


def points(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(48, 3, generator=draw)
    return x, (x[:, 0] > 0.2).long()


def net() -> torch.nn.Module:
    torch.manual_seed(5)
    return torch.nn.Linear(3, 1)


def interrupt_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """The next run ends as if Ctrl-C came after a step."""
    tick = RunFolder.tick

    def counted(self: RunFolder, session: Any) -> None:
        session.interrupted = session.interrupted or session.step == step
        tick(self, session)

    monkeypatch.setattr(RunFolder, "tick", counted)


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of an interrupted run that was given its data and its model in Python."""
    out = tmp_path / "r"
    with monkeypatch.context() as patch:
        interrupt_at(patch, 17)
        text = FITTED.format(bound="60%") + FIT
        assert cspec.run(text, train=points(), f=net(), out=out).status == "interrupted"
    return out


def weights(out: Path) -> bytes:
    return (out / "model.safetensors").read_bytes()


def test_objects_are_given_again_and_the_bits_are_the_same(cut: Path, tmp_path: Path) -> None:
    text = FITTED.format(bound="60%") + FIT
    whole = cspec.run(text, train=points(), f=net(), out=tmp_path / "whole")
    again = cspec.resume(cut, train=points(), f=net())
    assert weights(cut) == weights(tmp_path / "whole") and again.constraints == whole.constraints
    found = cspec.verify(cut, train=points(), f=torch.nn.Linear(3, 1))
    assert found.holds and found.result["q"].value == whole["q"].value
    assert found.exit_code == whole.exit_code


@pytest.mark.parametrize("take_up", [cspec.verify, cspec.resume])
def test_objects_that_are_not_given_are_asked_for_with_their_digests(
    cut: Path, take_up: Callable[..., Any]
) -> None:
    with pytest.raises(cspec.SpecError) as caught:
        take_up(cut)
    said = str(caught.value)
    digest = json.loads((cut / "manifest.json").read_text())["origins"]["data"]["train"]["columns"]
    assert "the data `train`" in said and "the model `f`" in said and "CS628" in said
    assert digest["y"]["sha256"][:16] in said and "weight float32 (1, 3)" in said


def test_other_labels_of_the_same_shape_are_refused_by_name(cut: Path) -> None:
    x, y = points()
    other = y.clone()
    other[7] = 1 - other[7]
    with pytest.raises(cspec.SpecError, match="data `train`, column `y`") as caught:
        cspec.resume(cut, train=(x, other), f=net())
    assert "column `x`" not in str(caught.value)
    before = (cut / "manifest.json").read_bytes()
    result = cspec.resume(cut, train=(x, other), f=net(), accept_changes=True)
    assert (cut / "manifest.json").read_bytes() != before
    assert any("accepted: data `train`, column `y`" in note for note in result.notes)
    report = json.loads((cut / "report.json").read_text())
    assert any("accepted: data `train`, column `y`" in note for note in report["notes"])
    (accepted,) = json.loads((cut / "manifest.json").read_text())["accepted"]
    assert accepted["step"] == 17 and "column `y`" in accepted["changes"][0]
    found = cspec.verify(cut, train=(x, other), f=net())
    assert found.holds and any("resumed at step 17" in remark for remark in found.remarks)
    assert not cspec.verify(cut, train=(x, y), f=net()).holds


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (torch.nn.Linear(3, 1, bias=False), "model `f`, `bias`: was float32"),
        (torch.nn.Sequential(torch.nn.Linear(3, 1)), "model `f`, `0.weight`"),
    ],
)
def test_another_model_is_refused_by_name(cut: Path, model: torch.nn.Module, named: str) -> None:
    with pytest.raises(cspec.SpecError) as caught:
        cspec.resume(cut, train=points(), f=model)
    assert named in str(caught.value)


def test_layers_with_other_settings_are_another_model(cut: Path, tmp_path: Path) -> None:
    text, out = FITTED.format(bound="60%") + FIT, tmp_path / "drop"

    def dropped(p: float) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Dropout(p))

    cspec.run(text, train=points(), f=dropped(0.1), out=out)
    with pytest.raises(cspec.SpecError, match="its layers"):
        cspec.resume(out, train=points(), f=dropped(0.5))


def test_a_changed_bound_is_refused_and_can_be_accepted(cut: Path) -> None:
    spec = cut / "spec.cspec"
    spec.write_text(spec.read_text().replace("60%", "20%"))
    with pytest.raises(cspec.SpecError, match=r"spec.cspec, line 4: was .*60%.*20%"):
        cspec.resume(cut, train=points(), f=net())
    result = cspec.resume(cut, train=points(), f=net(), accept_changes=True)
    assert result["q"].bound == pytest.approx(0.2)
    assert any("60%" in note and "20%" in note for note in result.notes)
    found = cspec.verify(cut, train=points(), f=net())
    assert found.holds, str(found)
    assert "0.2" in (cut / "train.py").read_text()


def test_a_spec_that_the_checkpoint_does_not_fit_is_said_to(cut: Path) -> None:
    before = (cut / "manifest.json").read_bytes()
    spec = cut / "spec.cspec"
    spec.write_text(spec.read_text().replace("s.t. ", "s.t. more: E[f(x)[0]] <= 2\n     "))
    with pytest.raises(cspec.SpecError) as caught:
        cspec.resume(cut, train=points(), f=torch.nn.Linear(3, 1), accept_changes=True)
    assert "CS626" in str(caught.value)
    assert (cut / "manifest.json").read_bytes() == before


def test_other_threads_are_told_and_refuse_nothing(cut: Path) -> None:
    threads = torch.get_num_threads()
    recorded = json.loads((cut / "manifest.json").read_text())["circumstances"]
    assert recorded["threads"] == threads and recorded["versions"]["torch"] == torch.__version__
    torch.set_num_threads(threads + 1)
    try:
        result = cspec.resume(cut, train=points(), f=net())
        assert any(
            f"threads: was {threads}, is {threads + 1}" in n and "last bits" in n
            for n in result.notes
        )
    finally:
        torch.set_num_threads(threads)
    found = cspec.verify(cut, train=points(), f=net())
    assert found.holds and any("threads" in remark for remark in found.remarks)


def loader(seed: int = 0, generator: bool = False) -> Any:
    own = {"generator": torch.Generator().manual_seed(3)} if generator else {}
    return DataLoader(TensorDataset(*points(seed)), batch_size=8, shuffle=True, **own)


def test_loaders_have_the_digest_of_what_was_read_and_are_named(tmp_path: Path) -> None:
    text = FITTED.format(bound="60%") + "fit(epochs=2)\n"
    cspec.run(text, train=loader(), f=net(), out=tmp_path / "r")
    data = json.loads((tmp_path / "r/manifest.json").read_text())["origins"]["data"]["train"]
    assert data["streamed"] == "its batches are drawn by the loader" and data["rows"] == 48
    found = cspec.verify(tmp_path / "r", train=loader(), f=net())
    assert found.holds, str(found)
    assert any("no digest" in remark for remark in found.remarks)
    assert not cspec.verify(tmp_path / "r", train=loader(1), f=net()).holds
    cspec.run(text, train=loader(generator=True), f=net(), out=tmp_path / "own")
    data = json.loads((tmp_path / "own/manifest.json").read_text())["origins"]["data"]["train"]
    assert data["streamed"] == "its batches are drawn by a generator of its own"


DIGITS = "data train(x, y), val(x, y) = digits(split=[0.7, 0.3])\nmodel f = mlp(hidden=[8])\n"
GAUSS = "data train(x, y) = two_gaussians(n=100, seed=0)\nmodel f = linear\nminimize bce(f(x), y)\n"
RATE = "s.t. quota: P[pred == 0] >= 70%\n"
SMALL = "s.t. small: sum(sumsq(W) for W in f.weights) <= 1\n"
EPOCHS = "fit(epochs=4, batch_size=128)\n"
STEPS = "fit(optimizer=adam(lr=0.02), steps=120, batch_size=32, schedule=cosine)\n"

# --- solvers -------------------------------------------------------------------------------------

WAVES = """var x[6] = 0.3
minimize sum(sin(9*x[i] + i) + 0.1*x[i]^2 for i in range(6)) + 0.3*sin(20*x[0]*x[1])
s.t. b: sumsq(x) <= 30
     c: x[0] * x[1] == 0.5
"""
LINEAR = """var x[3] = 0
maximize x[0] + 2*x[1] + x[2]
s.t. a: sum(x[i] for i in range(3)) <= 4
     b: forall i in range(3): 0 <= x[i] <= 2
"""


@pytest.mark.parametrize(("text", "best"), [(WAVES, -5.9397), (LINEAR, 6.0)])
@pytest.mark.parametrize("at", [3, 40])
def test_a_solver_that_was_interrupted_starts_anew_and_says_so(
    text: str, best: float, at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = iter(range(1, 1_000_000))
    watch = Trail.watch

    def cut_short(self: Any, *given: Any) -> Any:
        if next(count) == at:
            raise KeyboardInterrupt
        return watch(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(Trail, "watch", cut_short)
        first = cspec.run(text, out=tmp_path / "r")
    again = cspec.resume(tmp_path / "r")
    assert again.objective == pytest.approx(best, abs=1e-3)
    assert any("started anew" in note and "`sqp`" in note for note in again.notes)
    whole = cspec.run(text)
    assert again.vars == whole.vars and again.constraints == whole.constraints
    assert first.status in ("interrupted", whole.status)
    found = cspec.verify(tmp_path / "r")
    assert found.holds, str(found)


def test_rounds_go_on_at_the_rate_that_they_were_left_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = GAUSS + "s.t. small: sum(sumsq(W) for W in f.weights) <= 4\nusing sal(penalty=1e-3)\n"
    text += "fit(optimizer=adam(lr=0.02), steps=60, batch_size=32, schedule=cosine)\n"
    cspec.run(text, out=tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt_at(patch, 58)  # In the midst of an epoch of seven steps.
        cspec.run(text, out=tmp_path / "cut")
    cspec.resume(tmp_path / "cut")
    logs = [(tmp_path / name / "log.jsonl").read_text() for name in ("whole", "cut")]
    assert logs[0] == logs[1] and weights(tmp_path / "whole") == weights(tmp_path / "cut")


# --- kills ---------------------------------------------------------------------------------------

BOX = """domain q(x) = box([0, 1])
model u(x) = mlp(hidden=[8], act=tanh)
minimize E[(u - x)^2 for x in q.sample(30)]
s.t. low: forall x in uniform(0.5, 1).sample(9): u(x) == 0.5 within 1e-2
"""
DRAWN = {
    "points": BOX + "fit(steps=60)\n",
    "points that one names": BOX + "using augmented_lagrangian(penalty=1)\nfit(steps=60)\n",
    "a lifting": BOX + "     end: u(0) == 1\nfit(steps=60)\n",
    "worst cases": GAUSS
    + "s.t. r: E[max(bce(f(z), y) for z in ball(x, 1, norm=2))] <= 0.3\n"
    + STEPS,
    "multipliers by a network": GAUSS
    + "s.t. r: forall (x, y) in train: bce(f(x), y) <= 1 "
    + "by lagrangian(multipliers=mlp(hidden=[4]))\n"
    + STEPS,
    "noise": GAUSS
    + "s.t. r: E[E[(f(x + e) - f(x))^2 for e in normal(0, 1)]] <= 0.1\n"
    + "     s: forall (x, y) in train: P[f(x + e) < 1 for e in normal(0, 1)] >= 50%\n"
    + STEPS,
}


@pytest.mark.parametrize("name", DRAWN)
def test_what_is_drawn_is_drawn_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = cspec.run(DRAWN[name], out=tmp_path / "whole")
    for step in (1, whole.steps // 2, whole.steps - 1):
        out = tmp_path / f"cut{step}"
        with monkeypatch.context() as patch:
            interrupt_at(patch, step)
            assert cspec.run(DRAWN[name], out=out).status == "interrupted"
        again = cspec.resume(out)
        assert weights(out) == weights(tmp_path / "whole"), step
        assert again.constraints == whole.constraints and again.objective == whole.objective
        assert cspec.verify(out).holds


BELOW = """domain q(t, x) = box([0, 1], [-1, 1])
model u(t, x) = mlp(hidden=[16])
minimize E[(u - sin(3*x))^2 for (t, x) in q.sample(100)]
s.t. b: forall (t, x) in q.sample(60): u(t, x) <= 0.5
fit(steps=200)
"""


@pytest.mark.parametrize("text", [BELOW, DRAWN["multipliers by a network"]])
def test_killed_after_the_loop_the_end_is_done_again(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint of the last step holds what the loop left, not what the end made of it."""
    whole, out = cspec.run(text, out=tmp_path / "whole"), tmp_path / "cut"
    with monkeypatch.context() as patch:
        patch.setattr("cspec.runtime.run.folder.SHARE", 1e9)  # no second checkpoint on the way
        patch.setattr("cspec.runtime.run.execute.conclude", die)
        with pytest.raises(Killed):
            cspec.run(text, out=out)
    again = cspec.resume(out)
    assert weights(out) == weights(tmp_path / "whole")
    assert again.constraints == whole.constraints and again.kkt == whole.kkt


class Killed(BaseException):
    """The process is gone."""


def die(*_: Any, **__: Any) -> Any:
    raise Killed


FAST = {"augmented Lagrangian": GAUSS + RATE + STEPS}
SLOW = DRAWN | {
    "two players": GAUSS + RATE + "using proxy_lagrangian\n" + STEPS,
    "projection": GAUSS + "s.t. o: forall W in f.weights: l2(W) <= 0.5 by projection\n" + STEPS,
    "density": DIGITS + "minimize ce\ns.t. d: density(f) <= 50%\n" + EPOCHS,
    "gates": DIGITS.replace("[8]", "[8], gates=hard_concrete")
    + "minimize ce\ns.t. d: density(f) <= 50%\n"
    + EPOCHS,
    "a ramp": DIGITS + "minimize ce\ns.t. d: density(f) <= ramp(100%, 20%, epochs=3)\n" + EPOCHS,
    "admm beside a mean": DIGITS
    + 'minimize ce\ns.t. p: forall W in f.weights("fc1.*"): W in sparse(20%) by admm(rho=1e-3)\n'
    + "     b: E[ce | y == 3] <= 0.9\n"
    + EPOCHS,
    "sal": GAUSS + SMALL + "using sal(penalty=1e-3)\n" + STEPS,
    "nupi": GAUSS + RATE + "using lagrangian(dual=nupi(lr=0.3, kp=40))\n" + STEPS,
    "quadratic penalty": GAUSS + SMALL + "using quadratic_penalty(coefficient=10)\n" + STEPS,
    "threshold": GAUSS + "s.t. quota: P[pred == 0] >= 70% by threshold\n" + STEPS,
    "a map": DIGITS
    + 'minimize ce\ns.t. o: forall W in f.weights("fc2.*"): W in stiefel by cayley within 1e-4\n'
    + EPOCHS,
    "frank_wolfe": DIGITS
    + 'minimize ce\ns.t. o: forall W in f.weights("fc1.*"): l1(W) <= 5 by frank_wolfe\n'
    + EPOCHS,
    "lbfgs": DIGITS
    + "minimize ce\ns.t. s: sum(sumsq(W) for W in f.weights) <= 20\n"
    + "fit(optimizer=lbfgs, batch_size=full, steps=12)\n",
    "a metric of the start": GAUSS
    + RATE
    + STEPS
    + "metric r = norm(violations, 2) / initial(norm(violations, 2))\n",
    "a stop": DIGITS
    + "minimize ce\ns.t. b: E[ce | y == 3] <= 2\nfit(epochs=9, batch_size=128)\n"
    + "stop when feasible(1e-3) and stalled(epochs=2)\n",
}
KINDS = [
    *(pytest.param(text, signal.SIGKILL, (0.5,), id=name) for name, text in FAST.items()),
    *(
        pytest.param(text, number, (0.0, 0.4, 1.0), id=f"{name}, {number}", marks=pytest.mark.slow)
        for number in (signal.SIGKILL, signal.SIGINT)
        for name, text in (FAST | SLOW).items()
    ),
]
KILLED = """
import os, signal, sys
import cspec
from cspec.runtime.run.folder import RunFolder

text, out, step, number = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
tick = RunFolder.tick

def counted(self, session):
    if session.step == step:
        os.kill(os.getpid(), number)
    tick(self, session)

RunFolder.tick = counted
# A shell has what it starts in the background ignore Ctrl-C, and what is ignored stays so.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(cspec.run(text, out=out).exit_code)
"""


def killed(text: str, out: Path, step: int, number: int) -> int:
    """Run in a process of its own that gets a signal between two steps; how it ended."""
    arguments = [sys.executable, "-c", KILLED, text, str(out), str(step), str(int(number))]
    return subprocess.run(arguments, capture_output=True, timeout=120, check=False).returncode


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize(("text", "number", "shares"), KINDS)
def test_killed_and_resumed_is_never_having_stopped(
    text: str, number: int, shares: tuple[float, ...], tmp_path: Path
) -> None:
    whole = cspec.run(text, out=tmp_path / "whole")
    for step in (1 + round(share * (whole.steps - 2)) for share in shares):
        out = tmp_path / f"cut{step}"
        assert killed(text, out, step, number) == (-9 if number == signal.SIGKILL else 130)
        again = cspec.resume(out)
        assert weights(out) == weights(tmp_path / "whole"), step
        assert again.constraints == whole.constraints and again.objective == whole.objective
        assert cspec.verify(out).holds
