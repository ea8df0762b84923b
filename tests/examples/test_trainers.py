"""The examples with trainers of other libraries: the verdict that they print is the right one."""

from __future__ import annotations

import runpy
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def _their_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what other libraries say of each other
        yield


def example(name: str, *needed: str) -> dict[str, Any]:
    for library in needed:
        pytest.importorskip(library)
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


def gap(net: nn.Module, x: torch.Tensor, sex: torch.Tensor) -> float:
    with torch.no_grad():
        chosen = (net(x).argmax(1) == 1).double()
    return abs(float(chosen[sex == 0].mean()) - float(chosen[sex == 1].mean()))


def test_lightning_automatic_and_manual_are_one_training() -> None:
    found = example("with_lightning", "lightning")
    x, y, sex = found["make_data"]()
    automatic, manual = (found["train"](automatic=way, epochs=6) for way in (True, False))
    assert automatic.steps == manual.steps == 48
    assert automatic.multipliers == pytest.approx(manual.multipliers) and automatic.multipliers
    table = automatic.verify((x, y, sex))
    assert table["dp"].value == pytest.approx(gap(automatic.primal["net"], x, sex), abs=1e-9)
    assert automatic.restore((x, y, sex)).satisfied
    assert gap(automatic.primal["net"], x, sex) <= 0.05 + 1e-6


def test_lightning_accumulates() -> None:
    found = example("with_lightning", "lightning")
    assert found["train"](automatic=True, epochs=2, accumulate=4).steps == 4


def test_transformers_trainer() -> None:
    found = example("with_transformers", "transformers", "accelerate")
    handle = found["train"](epochs=4, accumulate=2)
    assert handle.steps == 16 and handle.multipliers["found"] > 0
    data = found["make_data"]()
    table = handle.restore(data)
    net = handle.primal["net"].eval()
    with torch.no_grad():
        each = nn.functional.cross_entropy(
            net(data["input_ids"]).logits, data["labels"], reduction="none"
        )
    value = float(each[data["labels"] == 1].mean())
    assert table["found"].value == pytest.approx(value, rel=1e-4) and value <= 0.35 + 1e-4


def test_accelerate_accumulates() -> None:
    found = example("with_accelerate", "accelerate")
    handle = found["train"](epochs=10)
    x, y = found["make_data"]()
    with torch.no_grad():
        share = float((handle.primal["net"](x).argmax(1) == 1).double().mean())
    assert handle.steps == 80 and handle.multipliers["rare"] > 0
    assert handle.verify((x, y))["rare"].value == pytest.approx(share, abs=1e-9)


def test_what_is_logged_is_what_was_measured() -> None:
    pytest.importorskip("tensorboard")
    found = example("with_tensorboard")
    lines: list[tuple[str, float, int]] = []
    handle = found["train"](lambda *line: lines.append(line), steps=61)
    assert {name for name, _, _ in lines} == {"loss", "constraint/rare", "multiplier/rare"}
    prices = [value for name, value, _ in lines if name.startswith("multiplier")]
    assert len(prices) == 4 and prices[-1] == handle.multipliers["rare"]


def test_mlflow_holds_the_curve(tmp_path: Path) -> None:
    found = example("with_tensorboard", "mlflow", "tensorboard")
    import mlflow

    try:
        found["train"](found["to_mlflow"](tmp_path / "runs"), steps=41)
        run = mlflow.active_run()
        assert run is not None
        curve = mlflow.MlflowClient().get_metric_history(run.info.run_id, "multiplier/rare")
        assert [point.step for point in curve] == [0, 20, 40]
    finally:
        mlflow.end_run()
