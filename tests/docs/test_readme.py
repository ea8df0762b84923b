"""What the README shows runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import cspec
from cspec.cli import main
from cspec.runtime.result.result import EXIT_CODES

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = dict.fromkeys(re.findall(r"^\| `cspec (\w+)", README, re.MULTILINE))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_there(command: str, capsys: Any) -> None:
    assert main([command, "--help"]) == 0
    assert f"cspec {command}" in capsys.readouterr().out


def test_specs_on_the_page_are_right() -> None:
    specs = re.findall(r"`?(minimize ce(?: s\.t\. [^`\n\"]+)?)[`\n\"]", README)
    assert len(specs) >= 2
    for spec in specs:
        assert cspec.check(spec.replace("...", "").strip()) == (), spec
    for rest in re.findall(r"\| `(density\([^`]+)`", README):
        fit = "fit(epochs=60, batch_size=64)"
        assert cspec.check(f"minimize ce s.t. {rest.split(',')[0]}\n{fit}") == (), rest


def test_python_on_the_page_runs(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    x, y = torch.randn(64, 4), torch.arange(64) % 2
    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    names = {
        "net": net,
        "loader": DataLoader(TensorDataset(x, y), batch_size=32),
        "optimizer": torch.optim.Adam(net.parameters()),
        "spec": "minimize ce s.t. density(model) <= 0.5",
        "x": x,
        "y": y,
    }
    blocks = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert "satisfied" in capsys.readouterr().out
    names["loss"].backward()
    names["optimizer"].step()


def test_exit_codes_are_those_of_the_page() -> None:

    said = README[README.index("`run` exits with") :].split("\n\n")[0]
    assert {int(code) for code in re.findall(r"\b(\d+)\b", said)} >= set(EXIT_CODES.values())
