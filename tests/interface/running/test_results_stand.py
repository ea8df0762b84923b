"""A run that trained never loses its result to what comes after."""

import json
import math
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import cspec
from cspec import notebook
from cspec.cli import main
from cspec.render import terminal
from cspec.running import train as execution
from cspec.runtime.verdict import conclude as concluding

SPEC = (
    "data train(x, y), val(x, y)\nmodel f\nminimize bce(f(x), y)\n"
    "s.t. a: P[pred == 1] <= 1\n     b: l2(f.weights) <= 100\nfit(epochs=3)\nverify a on val\n"
    "metric acc = P[pred == y]\n"
)


class Fragile(torch.nn.Module):
    """Refuses batches with a value above 5."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.Linear(2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if float(x.max()) > 5:
            raise RuntimeError("too large for me")
        return self.inner(x)


def run(shift: float = 0.0, **more: Any) -> cspec.Result:
    torch.manual_seed(0)
    x, y = torch.rand(20, 2), torch.arange(20) % 2
    return cspec.run(SPEC, train=(x, y), val=(x + shift, y), f=Fragile(), **more)


def notes(result: cspec.Result, code: str) -> list[str]:
    return [note for note in result.notes if f"[{code}]" in note]


def test_data_that_can_not_be_measured_cost_one_verdict(tmp_path: Path) -> None:
    result = run(shift=9.0, out=tmp_path / "out")
    assert math.isnan(result["a"].value) and not result["a"].satisfied
    assert result["b"].satisfied and result["b"].value > 0
    assert (result.status, result.exit_code) == ("violated", 3)
    assert "a: not measured on val" in notes(result, "CS607")[0]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["constraints"][0]["value"] is None
    assert report["metrics"]["acc"] == result.metrics["acc"]


@pytest.mark.parametrize("part", ["diagnose", "stationarity", "report", "Priced", "details"])
def test_a_part_of_the_report_that_fails_is_named(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise ZeroDivisionError("broken")

    monkeypatch.setattr(concluding, part, fails)
    result = run()
    assert result.satisfied and math.isfinite(result.objective)
    (note,) = notes(result, "CS607")
    assert "broken" in note or "ZeroDivisionError" in note


def gone(folder: Path, as_file: bool) -> Callable[[Mapping[str, Any]], None]:
    """A callback that takes the folder of the run away."""

    def take(_: Mapping[str, Any]) -> None:
        if folder.is_dir():
            shutil.rmtree(folder)
            if as_file:
                folder.write_text("not a folder")

    return take


@pytest.mark.parametrize("as_file", [False, True])
def test_a_folder_that_is_gone_costs_its_files(
    tmp_path: Path, as_file: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    out = tmp_path / "out"
    result = run(out=out, progress=gone(out, as_file))
    assert result.satisfied and result.metrics["acc"] >= 0
    assert len(notes(result, "CS620")) == 1
    missing = " ".join(notes(result, "CS607"))
    for name in ("model.safetensors", "report.json", "report.html"):
        assert name in missing
    assert math.isfinite(float(result.model.inner.weight.detach().sum()))
    (kept,) = tmp_path.glob("cspec-run-*")
    assert {p.name for p in kept.iterdir()} == {"model.safetensors", "report.json"}
    assert str(kept) in missing


def test_a_page_or_a_table_that_fails_costs_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: Any) -> str:
        raise ValueError("no picture today")

    monkeypatch.setattr(execution, "report_html", fails)
    result = run(out=tmp_path / "out")
    assert "report.html is not written" in notes(result, "CS607")[0]
    assert (tmp_path / "out" / "report.json").exists()
    monkeypatch.setattr(notebook, "summarize", fails)
    assert "acc" in notebook.result_html(result) and "acc" in notebook.result_text(result)
    monkeypatch.setattr(terminal, "summarize", fails)
    spec = "var x = 1\nminimize x^2\ns.t. c: x >= 2\nmetric m = x^3"
    assert main(["run", "-e", spec, "--out", str(tmp_path / "two")]) == 0
    said = capsys.readouterr()
    assert "m 8" in said.out and "CS607" in said.err


def test_json_keeps_its_last_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = "var x = 1\nminimize x^2\ns.t. c: x >= 2\nmetric m = 1/(x - x)"
    assert main(["run", "-e", spec, "--json", "--out", str(tmp_path / "out")]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["type"] == "result" and last["metrics"] == {"m": None}
