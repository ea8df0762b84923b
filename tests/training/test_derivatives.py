"""Derivatives by columns, features and points: against torch.autograd example by example, finite
differences and closed forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import cspec
from cspec.dsl.messages.diagnostic import SpecError

ROWS = 40


class Smooth(nn.Module):
    """A model of two numbers in float64, whatever comes in."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.net = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 1))

    def forward(self, t: Tensor, x: Tensor) -> Tensor:
        out: Tensor = self.net(torch.stack([t, x], -1)).squeeze(-1)
        return out


def points() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {name: torch.rand(ROWS, generator=generator) for name in ("t", "x")}


def by_hand(model: nn.Module, data: dict[str, Tensor]) -> dict[str, float]:
    """Means of derivatives, one example at a time."""
    sums = dict.fromkeys(("t", "x", "xx", "tx"), 0.0)
    for t, x in zip(data["t"], data["x"], strict=True):
        t, x = t.clone().requires_grad_(), x.clone().requires_grad_()
        u = model(t.reshape(1), x.reshape(1)).squeeze()
        u_t, u_x = torch.autograd.grad(u, (t, x), create_graph=True)
        sums["t"] += float(u_t.detach())
        sums["x"] += float(u_x.detach())
        sums["xx"] += float(torch.autograd.grad(u_x, x, retain_graph=True)[0])
        sums["tx"] += float(torch.autograd.grad(u_t, x)[0])
    return {name: value / ROWS for name, value in sums.items()}


def test_derivatives_of_columns_are_those_of_autograd() -> None:
    data, model = points(), Smooth()
    text = (
        "data pts(t, x)\nmodel u(t, x)\nminimize E[diff(u, t)^2]\n"
        "metric t = E[diff(u, t)]\nmetric x = E[diff(u, x)]\nmetric xx = E[diff(u, x, x)]\n"
        "metric tx = E[diff(u, t, x)]\nmetric lap = E[laplacian(u, t, x) - diff(u, t, t)]\n"
        "metric own = E[diff(u*x, x) - x*diff(u, x) - u]\nfit(steps=1, optimizer=sgd(lr=1e-9))\n"
    )
    result = cspec.run(text, pts=data, u=model)
    found = by_hand(model.eval(), data)
    for name, value in found.items():
        assert result.metrics[name] == pytest.approx(value, abs=1e-5), name
    assert result.metrics["lap"] == pytest.approx(found["xx"], abs=1e-5)
    assert result.metrics["own"] == pytest.approx(0, abs=1e-6)


def test_slopes_in_named_features_are_in_the_units_of_the_file(tmp_path: Path) -> None:
    """The model sees standardized numbers; a slope by `x.age` is that by years."""
    lines = [f"{20 + 3 * i % 41},{1000 * (i % 7)},{i % 5 + 0.5}" for i in range(ROWS)]
    (tmp_path / "t.csv").write_text("age,pay,y\n" + "\n".join(lines) + "\n")
    spec = tmp_path / "t.cspec"
    spec.write_text(
        'data train(x, y) = csv("t.csv", target="y", split=[1])\n'
        "model f = mlp(hidden=[5], act=tanh)\n"
        "minimize mse(f(x), y)\ns.t. up: forall (x, y) in train: grad(f(x), x.age) >= 0.01\n"
        "metric slope = E[grad(f(x), x.age)]\nmetric whole = E[grad(f(x), x)[0]]\n"
        "metric both = E[diff(f(x)*x.age, x.age) - f(x) - x.age*diff(f(x), x.age)]\n"
        "fit(steps=200, optimizer=adam(lr=1e-2))\n"
    )
    result = cspec.run(spec)
    ages = torch.tensor([float(line.split(",")[0]) for line in lines])
    pays = torch.tensor([float(line.split(",")[1]) for line in lines])
    spread = ages.std(unbiased=False), pays.std(unbiased=False)
    model, h = result.models["f"].eval(), 0.05

    def value(age: Tensor) -> Tensor:
        inputs = torch.stack(
            [(age - ages.mean()) / spread[0], (pays - pays.mean()) / spread[1]], dim=1
        )
        with torch.no_grad():
            out: Tensor = model.double()(inputs.double())
        return out

    slopes = (value(ages + h) - value(ages - h)) / (2 * h)
    assert result.metrics["slope"] == pytest.approx(float(slopes.mean()), rel=1e-2, abs=1e-4)
    assert result.metrics["slope"] * float(spread[0]) == pytest.approx(
        result.metrics["whole"], rel=1e-3
    )
    assert result.metrics["both"] == pytest.approx(0, abs=1e-3)
    assert result["up"].value == pytest.approx(float(slopes.min()), rel=2e-2, abs=1e-4)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("forall (t, x) in q.sample(5): diff(u(0, x), t) == 0", "does not depend on `t`"),
        ("forall (t, x) in q.sample(5): diff(u, 3) == 0", "nothing that a derivative is taken by"),
    ],
)
def test_derivatives_that_mean_nothing_are_found(line: str, said: str) -> None:
    text = (
        "domain q(t, x) = box([0, 1], [0, 1])\nmodel u(t, x) = mlp(act=tanh)\n"
        "minimize E[u^2 for (t, x) in q.sample(9)]\n"
    )
    (found,) = cspec.check(f"{text}s.t. {line}\n")
    assert found.code == "CS302" and said in found.message


def test_a_derivative_of_several_outputs_asks_which() -> None:
    data = {"x": torch.randn(8, 3), "y": torch.arange(8) % 3}
    with pytest.raises(SpecError, match="of which one"):
        cspec.run(
            "data train(x, y)\nmodel f\nminimize E[sumsq(grad(f(x), x))]\n",
            train=data,
            f=nn.Linear(3, 3),
        )


def test_a_model_that_normalizes_by_its_batch_has_no_derivative_of_one_example() -> None:
    data: dict[str, Any] = {"x": torch.randn(8, 3), "y": torch.randn(8)}
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    with pytest.raises(SpecError, match="statistics of a batch"):
        cspec.run(
            "data train(x, y)\nmodel f\nminimize E[sumsq(grad(f(x), x))]\n", train=data, f=net
        )


def test_a_small_run_ends_with_the_solver() -> None:
    """min E[(w x + b - t)^2] s.t. |w|^2 <= 2, the slope of a linear model: ridge, by bisection."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(60, 3, generator=draw, dtype=torch.float64)
    t = x[:, 0] - 2 * x[:, 1] + 0.5 * torch.randn(60, generator=draw, dtype=torch.float64)
    spec = "data train(x, t)\nmodel f = linear\nminimize E[(f(x) - t)^2]\ns.t. r: "
    result = cspec.run(f"{spec}E[sumsq(grad(f(x), x))] <= 2", train=(x, t))
    u, v = x - x.mean(0), t - t.mean()
    square, one, low, high = u.T @ u / 60, torch.eye(3, dtype=torch.float64), 0.0, 10.0
    for _ in range(60):
        price = (low + high) / 2
        w = torch.linalg.solve(square + price * one, u.T @ v / 60)
        low, high = (price, high) if float(w @ w) > 2 else (low, price)
    assert result.objective == pytest.approx(float((u @ w - v).square().mean()), rel=1e-4)
    assert result["r"].satisfied
    rows = cspec.run(f"{spec}forall (x, t) in train: grad(f(x), x[1]) >= -1", train=(x, t))
    rest = (u[:, 1] + v)[:, None]
    others = u[:, [0, 2]]
    left = rest - others @ torch.linalg.lstsq(others, rest).solution
    assert rows.objective == pytest.approx(float(left.square().mean()), rel=1e-4)
