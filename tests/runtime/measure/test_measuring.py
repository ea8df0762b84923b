"""Measuring touches nothing: statistics of models, random numbers and modes are the run's own."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import cspec

D = torch.float64
STEPS = 12


class Counting(nn.Module):
    """Batch norm and dropout, and a counter of its own that forgets to look at the mode."""

    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.first, self.norm = nn.Linear(3, 6), nn.BatchNorm1d(6)
        self.drop, self.last = nn.Dropout(0.5), nn.Linear(6, 2)
        self.register_buffer("calls", torch.zeros(1, dtype=D))

    def forward(self, x: Tensor) -> Tensor:
        self.calls = self.calls + 1
        hidden = self.norm(self.first(x)) + 0.01 * random.random() + 0.01 * np.random.rand()
        out: Tensor = self.last(self.drop(torch.relu(hidden)))
        return out


def table(seed: int, n: int, shift: float = 0.0) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 3, generator=draw, dtype=D) + shift
    return {"x": x, "y": torch.randint(0, 2, (n,), generator=draw)}


def run(using: str, lr: str = "0.05", optimizer: str = "sgd", **more: Any) -> cspec.Result:
    text = (
        "data train(x, y), val(x, y)\nmodel f\nminimize E[ce(f(x), y) on train]\n"
        f"s.t. a: E[f(x)[0] on train] >= 0.5\nusing {using}\n"
        f"fit(optimizer={optimizer}(lr={lr}), steps={STEPS}, batch_size=8, seed=0, "
        "precision=float64)\nmetric m = E[ce(f(x), y) on val]\n"
    )
    return cspec.run(
        text, f=Counting().double(), train=table(1, 24), val=table(2, 19, shift=100.0), **more
    )


WAYS = [
    "lagrangian(dual=sgd(lr=0.5))",
    "lagrangian(dual=sgd(lr=0.5), dual_data=val)",
    "lagrangian(dual=sgd(lr=0.5), dual_data=val, order=simultaneous)",
    "lagrangian(dual=sgd(lr=0.5), dual_data=val, every=epoch)",
    "lagrangian(dual=sgd(lr=0.5), order=primal_first)",
    "lagrangian(dual=sgd(lr=0.5), order=primal_first, dual_data=val)",
    "lagrangian(dual=sgd(lr=0.5), order=extragradient)",
    "augmented_lagrangian(penalty=1, every=step, dual_data=val)",
    "augmented_lagrangian(penalty=1)",
]


def hand_statistics() -> dict[str, Tensor]:
    """Running statistics of a loop that looks at each batch once and never moves."""
    model = Counting().double()
    text = (
        "data train(x, y)\nmodel f\nminimize E[ce(f(x), y) on train]\n"
        f"fit(optimizer=sgd(lr=1e-30), steps={STEPS}, batch_size=8, seed=0, precision=float64)\n"
    )
    result = cspec.run(text, f=model, train=table(1, 24))
    assert result.last is not None
    return result.last.tensors


@pytest.mark.parametrize("using", WAYS)
def test_each_batch_is_counted_once(using: str) -> None:
    result = run(using, lr="1e-30")
    assert result.last is not None
    tensors, expected = result.last.tensors, hand_statistics()
    assert int(tensors["f.norm.num_batches_tracked"]) == STEPS == int(tensors["f.calls"])
    # The noise added before batch norm is drawn at each look: everybody's draws are the same.
    for name in ("f.norm.running_mean", "f.norm.running_var"):
        assert torch.equal(tensors[name], expected[name]), name


def test_a_line_search_counts_each_batch_once() -> None:
    result = run("augmented_lagrangian", lr="0.5", optimizer="lbfgs")
    assert result.last is not None
    assert int(result.last.tensors["f.norm.num_batches_tracked"]) == STEPS


@pytest.mark.parametrize("using", WAYS)
def test_who_watches_changes_nothing(using: str) -> None:
    def draws(state: Mapping[str, Any]) -> None:
        torch.rand(7)
        np.random.rand(3)
        random.random()
        torch.manual_seed(99)

    alone, watched = run(using), run(using, progress=draws)
    assert alone.last is not None and watched.last is not None
    for name, tensor in alone.last.tensors.items():
        assert torch.equal(tensor, watched.last.tensors[name]), name
    assert alone.last.multipliers == watched.last.multipliers


def test_multipliers_are_moved_in_evaluation_mode() -> None:
    """`dual_data=val` on a model that does not move: the same g at every step, hand computed."""
    model = Counting().double()
    text = (
        "data train(x, y), val(x, y)\nmodel f\nminimize E[ce(f(x), y) on train]\n"
        "s.t. a: E[f(x)[0] on train] >= 500\nusing lagrangian(dual=sgd(lr=0.5), dual_data=val)\n"
        "fit(optimizer=sgd(lr=1e-30), steps=1, batch_size=full, seed=0, precision=float64)\n"
    )
    val = table(2, 19)
    result = cspec.run(text, f=model, train=table(1, 24), val=val)
    frozen = Counting().double().eval()
    with torch.no_grad():
        hidden = (frozen.first(val["x"]) - 0.0) / (1 + frozen.norm.eps) ** 0.5
        out = frozen.last(torch.relu(hidden))[:, 0].mean()
    # The model adds up to 0.02 of noise of its own to what is normed.
    assert result["a"].multiplier == pytest.approx(0.5 * (500 - float(out)), abs=0.05)


def test_a_last_batch_of_one_example_is_measured() -> None:
    text = (
        "data train(x, y), val(x, y)\nmodel f\nminimize E[ce(f(x), y) on train]\n"
        "s.t. a: E[f(x)[0] on train] >= 0.5\nusing lagrangian(dual_data=val)\n"
        "fit(epochs=2, batch_size=sizes(train=8, val=3), precision=float64)\n"
    )
    result = cspec.run(text, f=Counting().double(), train=table(1, 24), val=table(2, 4))
    assert result.steps == 6


@pytest.mark.parametrize("names", ["x, y", "y, x", "x, y, w", "w, x, y", "x, w", "y, w"])
def test_columns_are_bound_by_their_names(names: str) -> None:
    """`(y, x) in train` of `train(x, y, w)`: the values of a loop over the examples."""
    generator = np.random.default_rng(7)
    x, w = generator.normal(size=(40, 3)), generator.random(40)
    y = x @ [1.0, -2.0, 0.5] + 0.1
    torch.manual_seed(2)
    model = nn.Linear(3, 1)
    text = f"""data train(x, y, w)
model f
minimize E[(f(x) - y)^2]
s.t. a: forall ({names}) in train: f(x) - y <= 0.3
metric m = E[f(x) - 2*y + w for ({names}) in train]
verify a on train
fit(steps=3)
"""
    result = cspec.run(text, train={"x": x, "y": y, "w": w}, f=model)
    out = [float(model(torch.tensor(row, dtype=torch.float32)).detach()) for row in x]
    mean = sum(o - 2 * t + v for o, t, v in zip(out, y, w, strict=True)) / len(out)
    worst = max(0.0, *(o - t - 0.3 for o, t in zip(out, y, strict=True)))
    assert result.metrics["m"] == pytest.approx(mean, abs=1e-5)
    assert result["a"].violation == pytest.approx(worst, abs=1e-5)


@pytest.mark.parametrize("names", ["t, x", "x, t"])
def test_axes_are_bound_by_their_names(names: str) -> None:
    """The mean of the axis `x` over its own interval, in either order of the names."""
    text = f"""domain q(t, x) = box([0, 1], [5, 6])
var c
minimize (c - 1)^2
s.t. a: c >= E[x for ({names}) in q.sample(200)]
"""
    assert cspec.run(text).objective == pytest.approx(4.5**2, abs=1e-2)
