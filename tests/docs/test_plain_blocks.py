"""Specs that the pages only show are trained here, on data and models that stand in for the user's.

A page says of each form that it runs, or that it can't run yet; this is the first half.
"""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import cspec
from cspec.dsl.check import check
from cspec.dsl.needs import needs
from cspec.dsl.text.source import Source

DOCS = Path(__file__).resolve().parents[2] / "docs"
sys.path.insert(0, str(DOCS))

from blocks import Block, blocks, pages  # noqa: E402

ROWS = 240
SHOWN = {
    f"{page.relative_to(DOCS)}:{block.line}": block
    for page in pages()
    for block in blocks(page)
    if block.language == "cspec" and not {"error", "warning", "later", "run"} & {*block.words}
}


class Net(nn.Module):
    """Layers under the names that the pages use."""

    def __init__(self, width: int = 4, outputs: int = 2) -> None:
        super().__init__()
        self.conv1, self.fc1 = nn.Linear(width, 6), nn.Linear(6, 6)
        self.out = nn.Linear(6, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.out(torch.relu(self.fc1(torch.relu(self.conv1(x)))))
        return found


def columns(names: tuple[str, ...]) -> dict[str, Any]:
    """A table with these columns: inputs, classes, an age, groups."""
    g = np.random.default_rng(0)
    found: dict[str, Any] = {}
    for name in names:
        match name:
            case "x":
                found[name] = g.normal(size=(ROWS, 4)).astype(np.float32)
            case "y":
                found[name] = g.integers(0, 2, ROWS)
            case "age":
                found[name] = g.integers(18, 90, ROWS).astype(np.float32)
            case _:
                found[name] = g.choice(["Female", "Male"], ROWS)
    return found


def files(folder: Path) -> None:
    """The files that the pages read."""
    table = columns(("sex", "marital-status", "race", "age"))
    table["income"] = np.random.default_rng(1).choice(["<=50K", ">50K"], ROWS)
    with (folder / "adult.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
    (folder / "nets.py").write_text(
        "from torch.nn import Linear\n\n\ndef geneonet():\n    return Linear(4, 2)\n\n\n"
        "def Net(width):\n    return Linear(4, width)\n",
        encoding="utf-8",
    )


def short(text: str) -> str:
    """The same spec for one epoch, or for a few steps."""
    text = re.sub(r"\bepochs=\d+", "epochs=1", re.sub(r"\bsteps=\d+", "steps=20", text))
    text = re.sub(r"every \d+ epochs", "every epoch", text)
    if not re.search(r"^fit\(", text, re.MULTILINE):
        return f"{text.rstrip()}\nfit(epochs=1)\n"
    return text if re.search(r"epochs=|steps=20", text) else text.replace("fit(", "fit(epochs=1, ")


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_spec_of_a_page_trains(name: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    files(tmp_path)
    block: Block = SHOWN[name]
    path = tmp_path / "block.cspec"
    path.write_text(short(block.text), encoding="utf-8")
    asked = needs(check(Source(text=path.read_text(encoding="utf-8"), name=str(path))))
    outputs = 2 if re.search(r"\bce\b|\[1\]", block.text) else 1
    bound: dict[str, Any] = {
        data.name: columns(data.columns) for data in asked.datasets if data.source is None
    }
    bound |= {model.name: Net(outputs=outputs) for model in asked.models if model.source is None}
    bound |= {param.name: 0.5 for param in asked.params if param.value is None}
    if asked.given:
        weight = nn.Parameter(torch.zeros(2))
        assert cspec.bind(path, optimizer=torch.optim.SGD([weight], lr=0.1), **bound)
        return
    result = cspec.run(path, **bound)
    assert result.status in ("satisfied", "violated", "suspected_infeasible"), result
