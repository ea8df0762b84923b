"""Data larger than memory: files that are mapped, loaders over them, datasets of other packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

import cspec
from cspec import SpecError
from cspec.runtime.data import columns, dataset, loaders

N = 600
DRAW = np.random.default_rng(0)
X = DRAW.standard_normal((N, 4)).astype(np.float32)
Y = (X[:, 0] > 0.3).astype(np.int64)
TEXT = "minimize ce\ns.t. few: P[pred == 1] <= 30%\nmetric m = E[x[0]]\nfit(steps=30)"


class Mapped(Dataset[tuple[Any, int]]):
    """Examples that are read from arrays one by one."""

    def __init__(self, x: Any) -> None:
        self.x = x

    def __len__(self) -> int:
        return N

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return torch.from_numpy(np.array(self.x[index])), int(Y[index])


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(4, 2)


@pytest.fixture
def in_a_file(tmp_path: Path) -> Any:
    X.tofile(tmp_path / "x.bin")
    return np.memmap(tmp_path / "x.bin", dtype=np.float32, mode="r", shape=X.shape)


def small_memory(patch: pytest.MonkeyPatch, entries: int = 1000) -> None:
    """As if no more entries could be held."""
    patch.setattr(columns, "MOST_COPIED", 100)
    patch.setattr(dataset, "MEASURED_ROWS", 200)
    patch.setattr(loaders, "MEASURED_ROWS", 200)
    for module in (columns, dataset, loaders):
        patch.setattr(module, "MOST_HELD", entries)


def test_columns_in_a_file_stay_there_and_are_judged_whole(
    monkeypatch: pytest.MonkeyPatch, in_a_file: Any
) -> None:
    held = cspec.run(TEXT, model=network(), data=(X, Y))
    small_memory(monkeypatch)
    net = network()
    result = cspec.run(TEXT, model=net, data=(in_a_file, Y))
    share = float((net(torch.from_numpy(X)).argmax(1) == 1).double().mean())
    assert result["few"].value == pytest.approx(share, abs=1e-9) and result["few"].n == N
    assert result["few"].evidence == "exact"
    assert result.metrics["m"] == pytest.approx(held.metrics["m"], abs=1e-6)
    assert any("larger than what is held" in note for note in result.notes)


def test_mapped_numbers_are_not_copied(monkeypatch: pytest.MonkeyPatch, in_a_file: Any) -> None:
    small_memory(monkeypatch)
    found, _ = columns.column(in_a_file, "x", "train")
    assert found.data_ptr() == in_a_file.ctypes.data
    with pytest.raises(Exception, match="converted in memory"):
        columns.column(torch.zeros(2000, dtype=torch.uint8), "x", "train")


def test_a_loader_over_more_is_judged_on_a_sample(
    monkeypatch: pytest.MonkeyPatch, in_a_file: Any
) -> None:
    small_memory(monkeypatch)
    data = DataLoader(Mapped(in_a_file), batch_size=50, shuffle=True)
    result = cspec.run(TEXT, model=network(), data=data)
    assert result["few"].n == 200 and result["few"].evidence == "sampled"
    assert any("200 of its 600 examples, drawn at random" in note for note in result.notes)
    assert result.steps == 30 and abs(result.metrics["m"] - X[:, 0].mean()) < 0.3


def test_a_dataset_over_more_asks_for_a_loader(
    monkeypatch: pytest.MonkeyPatch, in_a_file: Any
) -> None:
    small_memory(monkeypatch)
    with pytest.raises(SpecError, match="more than is held in memory") as error:
        cspec.run(TEXT, model=network(), data=Mapped(in_a_file))
    assert "DataLoader(" in str(error.value)


def test_a_class_that_is_like_a_dataset_is_one() -> None:
    class Pairs:
        def __len__(self) -> int:
            return N

        def __getitem__(self, index: int) -> tuple[Any, int]:
            return X[index], int(Y[index])

    result = cspec.run(TEXT, model=network(), data=Pairs())
    assert result.metrics["m"] == pytest.approx(float(X[:, 0].mean()), abs=1e-5)


def test_hugging_face_datasets_keep_their_transforms() -> None:
    datasets = pytest.importorskip("datasets")
    plain = datasets.Dataset.from_dict({"x": X, "y": Y})

    def shifted(batch: dict[str, Any]) -> dict[str, Any]:
        return {**batch, "x": [np.asarray(row) + 5 for row in batch["x"]]}

    mean = float(X[:, 0].mean())
    for data, right in (
        (plain, mean),
        (plain.with_format("torch"), mean),
        (plain.with_transform(shifted), mean + 5),
        (plain.to_iterable_dataset(), mean),
    ):
        result = cspec.run(TEXT, model=network(), data=data)
        assert result.metrics["m"] == pytest.approx(right, abs=1e-5)


LARGE = """
import resource, sys
import numpy as np, torch, cspec
rows, width = 20 * 2**30 // 4096, 1024
with open(sys.argv[1], "wb") as file:
    file.truncate(rows * width * 4)
x = np.memmap(sys.argv[1], dtype=np.float32, mode="r", shape=(rows, width))
resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30))
class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return rows
    def __getitem__(self, index):
        return torch.from_numpy(np.array(x[index])), index % 2
loader = torch.utils.data.DataLoader(Rows(), batch_size=64)
spec = "minimize ce\\ns.t. few: P[pred == 1] <= 60%\\nfit(steps=5)"
result = cspec.run(spec, model=torch.nn.Linear(width, 2), data=loader)
print(result.steps, result["few"].n, result["few"].evidence)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are those of Linux")
def test_twenty_gigabytes_in_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LARGE, str(tmp_path / "x.bin")], capture_output=True, text=True
    )
    assert done.stdout.split() == ["5", "20000", "sampled"], done.stderr
