"""Balls around a point, sets that move, and what is held by the outputs of a model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cspec
from cspec.dsl.messages.diagnostic import SpecError

CENTER = np.array([1.0, 2.0, -1.0])
TARGET = np.array([4.0, 2.5, 3.0])


def nearest(norm: str, radius: float) -> np.ndarray:
    """The nearest point of the ball around CENTER, by definition."""
    away = TARGET - CENTER
    if norm == "2":
        return CENTER + away * min(1, radius / np.linalg.norm(away))
    if norm == "inf":
        return CENTER + away.clip(-radius, radius)
    low, high = 0.0, float(np.abs(away).max())
    for _ in range(100):  # the threshold by bisection
        middle = (low + high) / 2
        size = np.maximum(np.abs(away) - middle, 0).sum()
        low, high = (middle, high) if size > radius else (low, middle)
    return CENTER + np.sign(away) * np.maximum(np.abs(away) - high, 0)


@pytest.mark.parametrize("norm", ["1", "2", "inf"])
@pytest.mark.parametrize("center", ["[1, 2, -1]", "c"])
@pytest.mark.parametrize("method", ["", " by projection"])
def test_the_nearest_point_of_a_ball_around_a_point(norm: str, center: str, method: str) -> None:
    param = "param c[3] = [1, 2, -1]\n" if center == "c" else ""
    result = cspec.run(
        f"{param}var w[3] = 0\nminimize sumsq(w - [4, 2.5, 3])\n"
        f"s.t. near: w in ball({center}, 0.5, norm={norm}){method}\n"
        + ("fit(optimizer=sgd(lr=0.1), steps=400)\n" if method else "")
    )
    assert result.status == "satisfied"
    assert np.array(result.vars["w"]) == pytest.approx(nearest(norm, 0.5), abs=1e-4)


def test_a_ball_around_another_variable() -> None:
    """u and v are drawn to 0 and 4, and may be 1 apart: they meet at 1.5 and 2.5."""
    result = cspec.run(
        "var u[2] = 0\nvar v[2] = 0\nminimize sumsq(u) + sumsq(v - 4)\n"
        "s.t. near: v in ball(u, 1, norm=inf)\n"
    )
    assert np.array(result.vars["u"]) == pytest.approx([1.5, 1.5], abs=1e-4)
    assert np.array(result.vars["v"]) == pytest.approx([2.5, 2.5], abs=1e-4)
    assert result["near"].violation <= 1e-6


def test_a_ball_around_a_point_in_a_metric_of_weights() -> None:
    """Weights stay near where a param says: measured by numpy."""
    torch.manual_seed(0)
    net = torch.nn.Linear(3, 1)
    data = (np.random.default_rng(0).normal(size=(60, 3)).astype("float32"), np.arange(60) % 2)
    result = cspec.run(
        "data train(x, y)\nmodel f\nminimize bce(f(x), y)\n"
        's.t. near: forall W in f.weights("weight"): W in ball([[1, 1, 1]], 0.1, norm=2)\n'
        "fit(optimizer=sgd(lr=0.1), epochs=2)\n",
        train=data,
        f=net,
    )
    away = np.linalg.norm(net.weight.detach().numpy() - 1)
    assert away <= 0.1 + 1e-5 and result.status == "satisfied"


@pytest.mark.parametrize(
    "text",
    [
        "var A[2, 3] = 1\nminimize sumsq(A - 1)\ns.t. A in psd\n",
        "var A[2, 3] = 1\nminimize sumsq(A - 1)\ns.t. A in symmetric\n",
    ],
)
def test_sets_of_another_shape_are_refused(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        cspec.run(text)
    assert [d.code for d in caught.value.diagnostics] == ["CS529"]


def test_a_center_of_another_shape_is_refused() -> None:
    """Numbers at check, weights where they are bound."""
    with pytest.raises(SpecError) as caught:
        cspec.run("var w[3] = 1\nminimize sumsq(w - 1)\ns.t. w in ball([1, 2], 1, norm=2)\n")
    assert [d.code for d in caught.value.diagnostics] == ["CS329"]
    with pytest.raises(SpecError) as caught:
        cspec.run(
            "data train(x, y) = digits\nmodel f = linear\nminimize ce\n"
            "s.t. forall W in f.weights: W in ball([1, 2], 1, norm=2)\n"
        )
    assert {d.code for d in caught.value.diagnostics} <= {"CS329", "CS529"}


@pytest.mark.parametrize("how", ["by construction", "by output_projection"])
def test_outputs_are_held_on_each_example(how: str) -> None:
    g = np.random.default_rng(0)
    x = g.normal(size=(80, 3)).astype("float32")
    y = (x @ [3.0, -2.0, 1.0]).astype("float32")
    net = torch.nn.Linear(3, 1)
    result = cspec.run(
        "data train(x, y)\nmodel f\nminimize mse(f(x), y)\n"
        f"s.t. cap: forall (x, y) in train: f(x) <= 0.5 {how}\nfit(epochs=3)\n",
        train=(x, y),
        f=net,
    )
    assert result.status == "satisfied" and result["cap"].value <= 0.5 + 1e-6
