"""SIGTERM at any moment: the command ends by name, and what was computed is kept."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

import cspec
from cspec.cli import main
from cspec.running import prepare as pipeline
from cspec.running import train as execution
from cspec.runtime.finish import delivery, polish, restore
from cspec.runtime.measure import requirements as verify
from cspec.runtime.run import folder as run_folder
from cspec.runtime.session.optimizers import Optimizers
from cspec.runtime.verdict import conclude

RATE = """
data train(x, y) = breast_cancer()
model f = linear
minimize bce(f(x), y)
s.t. quota: P[pred == 0] >= 70%
fit(epochs=3)
"""
SMOOTH = "data train(x, y) = diabetes()\nmodel f = linear\nminimize mse(f(x), y)\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Signals reach this process, also where whoever started the tests had them ignored."""
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def signalled(
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    name: str,
    number: int = signal.SIGTERM,
    when: Callable[..., bool] = lambda *_: True,
) -> None:
    """Send this process a signal whenever a function is entered."""
    real: Any = getattr(owner, name)

    def entered(*arguments: Any, **more: Any) -> Any:
        if when(*arguments):
            os.kill(os.getpid(), number)
        return real(*arguments, **more)

    monkeypatch.setattr(owner, name, entered)


def report(here: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((here / "r/report.json").read_text())
    return found


@pytest.mark.parametrize(
    ("owner", "name", "number"),
    [
        (conclude, "_result", signal.SIGTERM),
        (conclude, "_result", signal.SIGINT),
        (conclude, "_result", signal.SIGHUP),
        (conclude, "choose", signal.SIGTERM),
        (delivery, "load_tensors", signal.SIGTERM),
        (conclude, "measured", signal.SIGTERM),
        (conclude, "stationarity", signal.SIGTERM),
        (conclude, "diagnose", signal.SIGTERM),
        (conclude, "notes_of", signal.SIGTERM),
    ],
)
def test_while_the_end_is_measured(
    owner: object, name: str, number: int, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "q.cspec").write_text(RATE)
    with monkeypatch.context() as inside:
        signalled(inside, owner, name, number)
        assert main(["run", "q.cspec", "--out", "r", "--quiet"]) == 130
    found = report(here)
    assert found["status"] == found["termination"] == "interrupted"
    assert math.isfinite(found["objective"])
    assert math.isfinite(found["constraints"][0]["value"])
    assert any("interrupted while the end of the run was measured" in n for n in found["notes"])
    assert (here / "r/report.html").exists() and (here / "r/log.jsonl").exists()
    assert all(bool(t.isfinite().all()) for t in load_file(here / "r/model.safetensors").values())
    unbroken = cspec.run(RATE, out="whole")
    assert main(["resume", "r", "--quiet"]) == unbroken.exit_code
    again = report(here)
    assert again["status"] == unbroken.status
    assert again["objective"] == unbroken.objective
    assert again["constraints"][0]["value"] == unbroken["quota"].value


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "owner", "name", "told"),
    [
        (SMOOTH, polish, "_solved", "SLSQP"),
        (RATE.replace("fit(epochs=3)", ""), restore, "_allowed", "restored"),
    ],
    ids=["polishing", "restoration"],
)
def test_in_what_follows_the_loop(
    spec: str, owner: object, name: str, told: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was interrupted is not told; what was done before it may be."""
    (here / "q.cspec").write_text(spec)
    with monkeypatch.context() as inside:
        signalled(inside, owner, name)
        assert main(["run", "q.cspec", "--out", "r", "--quiet"]) == 130
    assert report(here)["status"] == "interrupted"
    assert not any(told in note for note in report(here)["notes"])
    unbroken = cspec.run(spec, out="whole")
    main(["resume", "r", "--quiet"])
    assert report(here)["objective"] == unbroken.objective
    assert report(here)["status"] == unbroken.status


@pytest.mark.slow
def test_polishing_ends_at_once(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "q.cspec").write_text(SMOOTH)
    asked: list[int] = []
    real = polish._Problem.at

    def at(self: Any, x: Any) -> Any:
        asked.append(1)
        if len(asked) == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(self, x)

    monkeypatch.setattr(polish._Problem, "at", at)
    assert main(["run", "q.cspec", "--out", "r", "--quiet"]) == 130
    assert len(asked) <= 6


@pytest.mark.parametrize("name", ["bind", "specialize", "facts"])
def test_before_the_first_step(
    name: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "q.cspec").write_text(RATE)
    signalled(monkeypatch, pipeline, name)
    assert main(["run", "q.cspec", "--out", "r"]) == 130
    assert "interrupted by SIGTERM [CS603]" in capsys.readouterr().err
    assert main(["run", "q.cspec", "--out", "r", "--json"]) == 130
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["type"] == "error" and last["diagnostics"][0]["code"] == "CS603"


def test_while_the_folder_is_made_it_is_made_whole(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "q.cspec").write_text(RATE)
    with monkeypatch.context() as inside:
        signalled(inside, run_folder, "write_atomic", when=lambda path, _: path.name == "train.py")
        assert main(["run", "q.cspec", "--out", "r", "--quiet"]) == 130
    assert (here / "r/plan.json").exists()
    assert main(["run", "q.cspec", "--out", "r", "--quiet"]) == 3


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (run_folder.RunFolder, "finish"),
        (run_folder.RunFolder, "_write_model"),
        (execution, "report_html"),
    ],
)
def test_while_the_report_is_written_it_is_written_whole(
    owner: object, name: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdict stands: files are completed, and the exit code is the verdict's."""
    (here / "q.cspec").write_text(RATE)
    signalled(monkeypatch, owner, name)
    assert main(["run", "q.cspec", "--out", "r", "--quiet"]) == 3
    assert report(here)["status"] == "violated"
    assert (here / "r/report.html").exists()


@pytest.mark.slow
def test_a_second_ctrl_c_in_a_step_leaves_the_last_good_checkpoint(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = RATE.replace("epochs=3", "epochs=40")
    (here / "q.cspec").write_text(spec)
    steps = [0]

    def twice(session: Any) -> bool:
        steps[0] += 1
        return steps[0] == 30

    real = Optimizers.step

    def step(self: Any, *arguments: Any) -> Any:
        if twice(self):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
        return real(self, *arguments)

    with monkeypatch.context() as inside:
        inside.setattr(Optimizers, "step", step)
        assert main(["run", "q.cspec", "--out", "r", "--quiet"]) == 130
    unbroken = cspec.run(spec, out="whole")
    main(["resume", "r", "--quiet"])
    assert report(here)["objective"] == unbroken.objective


def test_what_somebody_ignores_stays_ignored(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        signalled(monkeypatch, verify, "judged", signal.SIGHUP)
        assert cspec.run(RATE).status == "violated"
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_handlers_come_back(here: Path) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    (here / "q.cspec").write_text(RATE)
    main(["run", "q.cspec", "--out", "r", "--quiet"])
    assert [signal.getsignal(number) for number in numbers] == before


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.2, 0.4, 0.7, 1.0, 1.4, 1.8, 2.3, 3.0, 4.0])
def test_a_process_ends_by_name_whenever_it_is_told_to(delay: float, here: Path) -> None:
    """Also in the middle of imports, whose compiled modules swallow what is raised there."""
    (here / "q.cspec").write_text(RATE.replace("epochs=3", "epochs=30_000"))
    command = [sys.executable, "-m", "cspec", "run", "q.cspec", "--out", "r", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(delay)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    if process.returncode == -signal.SIGTERM:
        assert not out  # Python itself had not begun
        return
    assert process.returncode == 130, err
    assert "CS900" not in err
    last = json.loads(out.splitlines()[-1]) if out else {"type": "error"}
    assert last["type"] == "error" or last["status"] == "interrupted"
