"""Signals in real processes, in all that follows the loop: resumed runs end in the same bits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cspec
from cspec import __main__ as entry

QUOTA = """
data train(x, y) = breast_cancer()
model f = linear
minimize bce(f(x), y)
s.t. quota: P[pred == 0] >= 70%
"""
SHORT = QUOTA + "fit(epochs=3)\n"
SMOOTH = "data train(x, y) = diabetes()\nmodel f = linear\nminimize mse(f(x), y)\nfit(epochs=20)\n"
MOMENTS = {
    "polishing": (
        SMOOTH.replace("fit(epochs=20)\n", ""),
        "cspec.runtime.finish.polish",
        "_solved",
        "",
    ),
    "restoration": (QUOTA, "cspec.runtime.finish.restore", "_allowed", ""),
    "verification": (SHORT, "cspec.runtime.verdict.conclude", "judged", ""),
    "parameters": (SHORT, "cspec.runtime.run.folder", "write_atomic", "model.safetensors"),
    "report": (SHORT, "cspec.runtime.run.folder", "write_atomic", "report.json"),
    "page": (SHORT, "cspec.runtime.run.folder.RunFolder", "seal", ""),
}
SIGNALLED = """
import os, signal, sys
from importlib import import_module
import cspec

spec, out, owner, name, file, number = sys.argv[1:]
try:
    holder = import_module(owner)
except ImportError:
    holder = getattr(import_module(owner.rpartition(".")[0]), owner.rpartition(".")[2])
real = getattr(holder, name)
left = [2 if name == "seal" else 1]  # the first seal is that of the beginning

def entered(*arguments, **more):
    if not file or any(str(a).endswith(file) for a in arguments[:1]):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), int(number))
    return real(*arguments, **more)

setattr(holder, name, entered)
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
sys.exit(cspec.run(spec, out=out).exit_code)
"""


def told(path: Path) -> dict[str, Any]:
    """What the report says, but for how long it took and on which try."""
    found: dict[str, Any] = json.loads((path / "report.json").read_text())
    return {key: found[key] for key in ("status", "objective", "constraints", "metrics")}


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize("moment", MOMENTS)
def test_whenever_the_end_is_cut_short_it_is_reached_again(moment: str, tmp_path: Path) -> None:
    spec, owner, name, file = MOMENTS[moment]
    assert cspec.run(spec, out=tmp_path / "whole").status != "interrupted"
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        out = tmp_path / number.name
        command = [sys.executable, "-c", SIGNALLED, spec, str(out), owner, name, file]
        ended = subprocess.run([*command, str(int(number))], capture_output=True, timeout=300)
        report = out / "report.json"
        status = json.loads(report.read_text())["status"] if report.exists() else None
        if number == signal.SIGKILL:
            assert ended.returncode == -signal.SIGKILL, ended.stderr
        else:
            assert status is not None, ended.stderr
            assert ended.returncode == 130 or status != "interrupted", ended.stderr
        if ended.returncode in (130, -signal.SIGKILL):
            cspec.resume(out)
        weights = [folder / "model.safetensors" for folder in (out, tmp_path / "whole")]
        assert weights[0].read_bytes() == weights[1].read_bytes(), number.name
        assert told(out) == told(tmp_path / "whole"), number.name
        assert cspec.verify(out).holds, number.name


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_still_loads_ends_by_name(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    before = signal.signal(number, handler)

    def loading(_: str) -> None:
        os.kill(os.getpid(), number)
        signal.pause()

    monkeypatch.setattr(entry, "import_module", loading)
    try:
        assert entry.main() == 130
        assert signal.getsignal(number) == handler
    finally:
        signal.signal(number, before)
    assert f"interrupted by {number.name} [CS603]" in capsys.readouterr().err
