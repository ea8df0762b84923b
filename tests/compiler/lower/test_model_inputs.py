"""How many numbers a model takes that is called on expressions alone: what is built."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cspec

POINTS = "domain q(t, x) = box([0, 1], [-1, 1])\nmodel u = mlp(hidden=[4], act=tanh)\n"


def first_width(result: cspec.Result, name: str) -> int:
    """The inputs of a network's first layer."""
    return int(next(iter(result.models[name].parameters())).shape[1])


@pytest.mark.parametrize(
    ("call", "width"),
    [
        ("u(t, cos(pi*x), sin(pi*x))", 3),
        ("u(2*t - 1)", 1),
        ("u(t*x, -x, 0.5)", 3),
        ("u(t, x)", 2),
    ],
)
def test_at_points(call: str, width: int) -> None:
    spec = f"{POINTS}minimize E[({call} - x)^2 for (t, x) in q.sample(20)]\nfit(steps=2)\n"
    assert first_width(cspec.run(spec), "u") == width


def test_behind_a_let_with_derivatives() -> None:
    """A network that is periodic in x: u and its slope agree at both ends."""
    spec = (
        "domain q(t, x) = box([0, 1], [-1, 1])\nmodel u(t, c, s) = mlp(hidden=[4], act=tanh)\n"
        "let v(t, x) = u(t, cos(pi*x), sin(pi*x))\n"
        "minimize E[(diff(v(t, x), t) - diff(v(t, x), x, x))^2 for (t, x) in q.sample(20)]\n"
        "s.t. start: forall x in uniform(-1, 1).sample(9): v(0, x) == cos(pi*x) within 1\n"
        "fit(steps=3)\n"
    )
    result = cspec.run(spec)
    assert first_width(result, "u") == 3
    t = torch.rand(5, 1)
    net, one = result.models["u"], torch.ones(5, 1)
    ends = [net(torch.cat([t, -one, 0 * one * side], 1)) for side in (-1.0, 1.0)]
    assert torch.allclose(*ends)


@pytest.mark.parametrize(
    ("call", "width"),
    [("f(x[0], x[2])", 2), ("f(x[0]*x[1], x[2]^2, exp(x[3]))", 3), ("f(x)", 4), ("f(2*x)", 4)],
)
def test_on_data(call: str, width: int) -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(30, 4)).astype("float32")
    spec = (
        f"data train(x, y)\nmodel f = mlp(hidden=[4])\nminimize E[({call} - y)^2]\nfit(steps=2)\n"
    )
    result = cspec.run(spec, train={"x": x, "y": x[:, 0]})
    assert first_width(result, "f") == width


def test_numbers_that_are_computed_stand_beside_columns() -> None:
    """`u(x, cos(pi))`: the type of a column, and the value of the number."""
    spec = (
        "domain q(x) = box([0, 1])\nmodel u = mlp(hidden=[4], act=tanh)\n"
        "minimize E[(u(x, cos(pi)) - x)^2 for x in q.sample(20)]\n"
        "metric m = E[u(x, -1)^2 for x in q.grid(5)]\n"
        "metric n = E[u(x, cos(pi))^2 for x in q.grid(5)]\nfit(steps=2)\n"
    )
    result = cspec.run(spec)
    assert result.metrics["n"] == result.metrics["m"] > 0
