"""Columns are compared as they were given, whatever the precision of the run."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import cspec

ROWS = 101
draw = np.random.default_rng(0)
X = draw.normal(size=(ROWS, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
T = 1.7e9 + np.arange(ROWS)  # seconds since 1970: float32 has steps of 128
S = T + draw.normal(size=ROWS) * 40
CUT = 1700000050.5

SPEC = f"""
data train(x, y, t, s)
model f
param cut = {CUT}
let late = t > cut
let after(a, b) = a > b
minimize ce(f(x), y)
s.t. some: P[pred == 1 | t > 1700000050] <= 90%
metric param = P[t > cut]
metric named = P[late and s < {CUT}]
metric called = P[after(t, 1700000050)]
metric between = P[t in [{CUT}, 1700000060.5]]
metric moved = P[t - 1700000000 > 50.5]
metric hours = P[t / 3600 > 472222.23625]
metric columns = P[t > s]
metric several = sum(P[t > 1700000000 + 10 * k] for k in {{1, 2, 3, 4, 5, 6}})
metric mean = E[s - 1700000000 | t >= cut]
metric span = quantile(t, 1) - quantile(t, 0)
metric chosen = P[pred == 1 | t > cut]
"""


def by_hand(model: nn.Module, t: Any, s: Any) -> dict[str, float]:
    with torch.no_grad():
        chosen = model(torch.tensor(X)).argmax(1).numpy() == 1
    late = t > CUT
    return {
        "some": chosen[t > 1700000050].mean(),
        "param": late.mean(),
        "named": (late & (s < CUT)).mean(),
        "called": (t > 1700000050).mean(),
        "between": (late & (t <= 1700000060.5)).mean(),
        "moved": late.mean(),
        "hours": (t / 3600 > 472222.23625).mean(),
        "columns": (t > s).mean(),
        "several": sum((t > 1700000000 + 10 * k).mean() for k in range(1, 7)),
        "mean": (s[late] - 1.7e9).mean(),
        "span": np.ptp(t),
        "chosen": chosen[late].mean(),
    }


def found(
    way: str, model: nn.Module, data: tuple[Any, ...], spec: str = SPEC, names: str = "xyts"
) -> dict[str, Any]:
    columns = dict(zip(names, data, strict=True))
    if way in ("run", "loader"):
        pairs = TensorDataset(*map(torch.as_tensor, data))
        train = data if way == "run" else DataLoader(pairs, batch_size=20)
        result = cspec.run(spec + "fit(epochs=1)", f=model, train=train)
        return {**result.metrics, "some": result["some"].value}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    given: dict[str, Any] = {"train": data} if way == "loop, told" else {}
    handle = cspec.bind(spec, f=model, optimizer=optimizer, **given)
    if way == "loop of tensors":
        columns = {name: torch.as_tensor(values) for name, values in columns.items()}
    handle.step(**columns)
    return handle.evaluate(None if given else columns)


@pytest.mark.parametrize("way", ["run", "loader", "loop", "loop, told", "loop of tensors"])
@pytest.mark.parametrize("kind", [np.float64, np.int64])
def test_columns_are_compared_as_they_were_given(kind: Any, way: str) -> None:
    torch.manual_seed(0)
    model, t, s = nn.Linear(3, 2), T.astype(kind), S.astype(kind)
    values = found(way, model, (X, Y, t, s))
    hand = by_hand(model, t, s)
    assert {name: values[name] for name in hand} == pytest.approx(hand, abs=1e-9)


ENTRIES = re.sub(r"\bs\b(?!\.)", "m[1]", re.sub(r"(?<!\.)\bt\b", "m[0]", SPEC)).replace(
    "m[0], m[1])", "m)", 1
)
"""The same of entries of a column of two numbers."""


@pytest.mark.parametrize("way", ["run", "loader", "loop", "loop, told", "loop of tensors"])
def test_entries_are_compared_as_they_were_given(way: str) -> None:
    torch.manual_seed(0)
    model, m = nn.Linear(3, 2), np.stack([T, S], axis=1)
    values = found(way, model, (X, Y, m), ENTRIES, "xym")
    hand = by_hand(model, T, S)
    assert {name: values[name] for name in hand} == pytest.approx(hand, abs=1e-9)


class First(nn.Linear):
    """A model of the first inputs, which gets all of them in its precision."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.dtype == self.weight.dtype
        return super().forward(x[:, :3])


@pytest.mark.parametrize("place", ["x[3]", "x[-1]", "x.when", "x[last]"])
def test_inputs_are_compared_as_they_were_given(place: str) -> None:
    wide = np.concatenate([X, T[:, None]], axis=1)
    spec = (
        "data train(x, y)\nparam last = 3\nmodel f\nminimize ce(f(x), y)\n"
        f"s.t. some: P[pred == 1 | {place} > {CUT}] <= 90%\nmetric late = P[{place} > {CUT}]\n"
        f"metric ends = quantile({place}, 1)\nfit(epochs=1)"
    )
    for x in (wide, pd.DataFrame(wide, columns=["a", "b", "c", "when"])):
        if place == "x.when" and x is wide:
            continue
        result = cspec.run(spec, f=First(3, 2), train=(x, Y))
        assert (result["some"].n, result.metrics["late"]) == ((T > CUT).sum(), (T > CUT).mean())
        assert result.metrics["ends"] == T.max()


class Seconds(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.zeros(1))

    def forward(self, t: torch.Tensor) -> torch.Tensor:
        assert t.dtype == self.slope.dtype
        return self.slope * t


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_what_a_model_takes_and_a_target_are_in_the_precision_of_the_run(precision: str) -> None:
    t = np.arange(40) / 40 + 1e-12
    u = np.cos(t)
    spec = (
        "data train(t, u)\nmodel f\nminimize mse(f(t), u)\n"
        "metric early = P[t > 0.5]\nmetric low = P[u < 0.9]\nmetric gap = E[abs(f(t) - u)]\n"
        f"fit(epochs=1, precision={precision})"
    )
    result = cspec.run(spec, f=Seconds(), train=(t, u))
    kind = np.dtype(precision)
    outputs = result.model.slope.detach().numpy() * t.astype(kind)
    assert result.metrics["early"] == (t > 0.5).mean() == 0.5
    assert result.metrics["low"] == (u < 0.9).mean()
    hand = np.abs(outputs - u.astype(kind)).mean()
    assert result.metrics["gap"] == pytest.approx(hand, rel=1e-6)


def test_features_of_a_file_are_compared_as_they_stand_there(tmp_path: Path) -> None:
    path = tmp_path / "times.csv"
    lines = [f"{float(t)!r},{x},{y}" for t, x, y in zip(T, X[:, 0], Y, strict=True)]
    path.write_text("\n".join(["when,b,y", *lines]))
    spec = (
        f"data train(x, y) = csv({str(path)!r}, target='y')\nmodel f = linear\n"
        "minimize ce(f(x), y)\n"
        f"s.t. some: P[pred == 1 | x.when > {CUT}] <= 90%\nmetric late = P[x.when > {CUT}]\n"
    ).replace("'", '"')
    result = cspec.run(spec + "fit(epochs=1)")
    assert (result["some"].n, result.metrics["late"]) == ((T > CUT).sum(), (T > CUT).mean())


def test_data_that_a_loop_was_told_are_measured_in_the_precision_of_its_model() -> None:
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    spec = "data train(x, y)\nmodel f\nminimize ce(f(x), y)\nmetric right = P[pred == y]"
    handle = cspec.bind(spec, f=model, optimizer=optimizer, train=(X.astype(np.float64), Y))
    right = (model(torch.tensor(X)).argmax(1).numpy() == Y).mean()
    assert handle.evaluate()["right"] == right


def test_single_columns_are_widened_in_a_double_run() -> None:
    w = (1 + draw.random(ROWS)).astype(np.float32)
    spec = (
        "data train(x, y, w)\nmodel f\nminimize ce(f(x), y)\nmetric mean = E[w]\n"
        "fit(epochs=1, precision=float64)"
    )
    result = cspec.run(spec, f=nn.Linear(3, 2), train=(X, Y, w))
    assert result.metrics["mean"] == pytest.approx(w.astype(np.float64).mean(), rel=1e-14)
