"""Means over finite sets, sums over examples, quantifiers of both: against plain loops."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

import cspec

HEAD = "data train(x, y, sex), test(x, y, sex)\nmodel f\nminimize E[bce(f(x), y) on train]\n"


def world(rows: int, seed: int) -> dict[str, Any]:
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 2, generator=g)
    y = (x[:, 0] + torch.randn(rows, generator=g) > 0).long()
    return {"x": x, "y": y, "sex": ["ab"[i % 3 == 0] for i in range(rows)]}


def run(text: str, head: str = HEAD) -> tuple[cspec.Result, Any]:
    torch.manual_seed(1)
    result = cspec.run(
        f"{head}{text}\n", train=world(30, 0), test=world(20, 1), f=torch.nn.Linear(2, 1)
    )
    model = result.models["f"].eval()

    def scores(x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return model(x)[:, 0]

    return result, scores


def test_means_are_those_of_plain_loops() -> None:
    result, f = run(
        "metric moved = E[bce(f(x + s), y) for s in {-0.5, 0, 1}]\n"
        "metric groups = E[P[pred(f(x)) == 1 | sex == g on test] for g in values(sex)]\n"
        "metric share = P[f(s*x) > 0 for s in {1, -2}]\n"
        "metric some = E[f(x)*s | x[0] > s for s in {0.25, 1}]\n"
        "metric where_ = E[f(a) for (a, b, c) in test where b == 1]\n"
        "fit(epochs=2)"
    )
    train, test = world(30, 0), world(20, 1)
    x, y = train["x"], train["y"].float()
    moved = sum(float(bce(f(x + s), y)) for s in (-0.5, 0, 1)) / 3
    assert result.metrics["moved"] == pytest.approx(moved, rel=1e-5)
    z = f(test["x"]).tolist()
    rates = [
        [float(v > 0) for v, s in zip(z, test["sex"], strict=True) if s == group] for group in "ab"
    ]
    groups = sum(sum(rate) / len(rate) for rate in rates) / 2
    assert result.metrics["groups"] == pytest.approx(groups)
    share = float(torch.cat([f(x) > 0, f(-2 * x) > 0]).double().mean())
    assert result.metrics["share"] == pytest.approx(share)
    some = [float(f(x)[i]) * s for s in (0.25, 1) for i in range(30) if x[i, 0] > s]
    assert result.metrics["some"] == pytest.approx(sum(some) / len(some), rel=1e-5)
    kept = [v for v, label in zip(z, test["y"].tolist(), strict=True) if label == 1]
    assert result.metrics["where_"] == pytest.approx(sum(kept) / len(kept), rel=1e-5)


def test_sums_and_extremes_of_examples() -> None:
    result, f = run(
        "s.t. total: sum(bce(f(a), b) for (a, b, c) in train) <= 17\n"
        '     count: sum(f(x) > 0 for (x, y, sex) in train where sex == "a") <= 9\n'
        "metric worst = max(bce(f(x), y) for (x, y, sex) in test)\n"
        "metric least = min(f(a) for (a, b, c) in test)\nfit(epochs=80, optimizer=adam(lr=0.03))"
    )
    train, test = world(30, 0), world(20, 1)
    total = float(bce(f(train["x"]), train["y"].float(), reduction="sum"))
    assert result["total"].value == pytest.approx(total, rel=1e-5)
    above = zip(f(train["x"]).tolist(), train["sex"], strict=True)
    assert result["count"].value == sum(v > 0 and s == "a" for v, s in above)
    each = bce(f(test["x"]), test["y"].float(), reduction="none")
    assert result.metrics["worst"] == pytest.approx(float(each.max()), rel=1e-5)
    assert result.metrics["least"] == pytest.approx(float(f(test["x"]).min()), rel=1e-5)


@pytest.mark.parametrize("form", ["mean", "sum"])
def test_a_step_pulls_along_the_whole_mean(form: str) -> None:
    """By central differences, in double precision."""
    torch.manual_seed(1)
    start = torch.nn.Linear(2, 1).double()
    w0, b0 = start.weight.detach()[0].clone(), start.bias.detach().clone()
    value = {
        "mean": "E[bce(f(x + s), y) for s in {-0.5, 1}]",
        "sum": "sum(bce(f(x), y) for (x, y) in train)",
    }[form]
    data = {"x": world(30, 0)["x"], "y": world(30, 0)["y"]}
    result = cspec.run(
        f"data train(x, y)\nmodel f\nminimize {value}\n"
        "fit(batch_size=full, steps=1, precision=float64, optimizer=sgd(lr=1e-3),"
        " schedule=constant)\n",
        train=data,
        f=start,
    )
    x, y = data["x"].double(), data["y"].double()

    def whole(w: torch.Tensor) -> float:
        if form == "sum":
            return float(bce(x @ w + b0, y, reduction="sum"))
        return sum(float(bce((x + s) @ w + b0, y)) for s in (-0.5, 1)) / 2

    moved = (result.models["f"].weight.detach()[0] - w0) / 1e-3
    h = 1e-5 * torch.eye(2).double()
    slope = torch.tensor([(whole(w0 + e) - whole(w0 - e)) / 2e-5 for e in h])
    torch.testing.assert_close(moved, -slope.double(), rtol=1e-5, atol=1e-6)


def test_each_example_and_each_member() -> None:
    result, f = run(
        "s.t. flat: forall (x, y, sex) in train, d in {-0.5, 0.5}: f(x + d) - f(x) <= 0.1\n"
        "     group: forall g in values(sex), (x, y, sex) in train where sex == g: "
        "bce(f(x), y) <= 1.5\nfit(epochs=200, optimizer=adam(lr=0.03))"
    )
    train = world(30, 0)
    x, y = train["x"], train["y"].float()
    for d in (-0.5, 0.5):
        worst = float((f(x + d) - f(x)).max())
        c = result[f"flat[{d:g}]"]
        assert c.value - c.bound == pytest.approx(worst - 0.1, abs=1e-5) and c.satisfied
    losses = bce(f(x), y, reduction="none").tolist()
    for group in "ab":
        worst = max(v for v, s in zip(losses, train["sex"], strict=True) if s == group)
        assert result[f"group[{group}]"].value == pytest.approx(worst, rel=1e-5)


def test_a_sum_is_of_its_own_data() -> None:
    found = cspec.check(
        f"{HEAD}s.t. c: sum(bce(f(x), y) for (x, y) in train) <= 9\nverify c on test\n"
    )
    assert "CS411" in {d.code for d in found}


def test_matrices_of_numbers_are_in_the_precision_of_the_model() -> None:
    turn = "[[cos(pi/3), sin(pi/3)], [-sin(pi/3), cos(pi/3)]]"
    result, f = run(f"metric m = E[f(x @ {turn}) on train]\nfit(epochs=1)")
    c, s = math.cos(math.pi / 3), math.sin(math.pi / 3)
    turned = world(30, 0)["x"] @ torch.tensor([[c, s], [-s, c]])
    assert result.metrics["m"] == pytest.approx(float(f(turned).mean()), rel=1e-4)
