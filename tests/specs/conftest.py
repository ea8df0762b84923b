"""What tests of the interface share: a table with groups, and rates by plain loops over rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import cspec

HEAD = "data train(x, y, sex, race, k, q)\nmodel f\nminimize bce(f(x), y)\n"
Column = NDArray[Any]


class Grouped:
    """A table whose columns make groups: text, whole numbers, truth values; `sex` c is rare."""

    def __init__(self, rows: int = 120, seed: int = 0) -> None:
        g = np.random.default_rng(seed)
        self.columns: dict[str, Column] = {
            "x": g.normal(size=(rows, 3)).astype(np.float32),
            "y": g.integers(0, 2, rows),
            "sex": g.choice(["a", "b", "c"], rows, p=[0.5, 0.4, 0.1]),
            "race": g.choice(["u", "v"], rows),
            "k": g.choice([1, 2, 5], rows),
            "q": g.random(rows) < 0.3,
        }

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def trained(
        self, requirement: str, more: str = "", **columns: Column
    ) -> tuple[cspec.Result, Column]:
        """A short run under a requirement, and what the trained model predicts for each row."""
        torch.manual_seed(0)
        spec = f"{HEAD}s.t. {requirement}\nfit(epochs=1)\n{more}"
        data: Mapping[str, Column] = {**self.columns, **columns}
        result = cspec.run(spec, train=data, f=torch.nn.Linear(3, 1))
        with torch.no_grad():
            outputs = result.models["f"](torch.as_tensor(data["x"]))
        return result, (outputs.reshape(-1) > 0).numpy()

    @staticmethod
    def rate(event: Column, where: Column) -> float:
        """The share of the rows of a group for which an event holds, row by row."""
        rows = [bool(e) for e, w in zip(event, where, strict=True) if w]
        return sum(rows) / len(rows)


@pytest.fixture
def grouped() -> Grouped:
    """A table with groups."""
    return Grouped()
