"""`any`, `all` over a set are `or`, `and`; others are of the vector of members, or refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import cspec

N = 60


def net() -> nn.Module:
    torch.manual_seed(1)
    return nn.Linear(4, 3).double()


def data() -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(N, 4, generator=generator, dtype=torch.float64)
    return x, (x[:, 0] > 0).long() + (x[:, 1] > 0.5).long(), torch.arange(N) % 3


def trained(requirement: str, lr: float = 0.1) -> tuple[float, float, torch.Tensor]:
    """The value at the end, the multiplier, and the weights after three steps."""
    spec = (
        "data train(x, y, g)\nmodel f\nminimize ce(f(x), y)\n"
        f"s.t. r: {requirement}\nusing lagrangian(dual=sgd(lr=0.5))\n"
        f"fit(optimizer=sgd(lr={lr}), steps=3, batch_size=full, precision=float64)"
    )
    result = cspec.run(spec, f=net(), train=data())
    last = result.last
    return result["r"].value, last.multipliers["r"], last.tensors["f.weight"]


@pytest.mark.parametrize(
    ("over", "written"),
    [
        ("P[any(pred == j for j in {0, 1})] <= 10%", "P[pred == 0 or pred == 1] <= 10%"),
        ("E[any(pred == j for j in {0, 1})] <= 0.1", "P[pred in {0, 1}] <= 0.1"),
        (
            "P[all(f(x)[j] > 0 for j in range(3))] >= 90%",
            "P[f(x)[0] > 0 and f(x)[1] > 0 and f(x)[2] > 0] >= 90%",
        ),
        (
            "P[any(f(x)[j] > 0 for j in range(3) where j != 1) and g == 2] >= 90%",
            "P[(f(x)[0] > 0 or f(x)[2] > 0) and g == 2] >= 90%",
        ),
        (
            "P[pred == y | not any(g == v for v in {0, 1})] >= 99%",
            "P[pred == y | g == 2] >= 99%",
        ),
        (
            "P[any(pred == v and g == v for v in values(g))] >= 99%",
            "P[pred == g] >= 99%",
        ),
    ],
)  # fmt: skip
def test_any_and_all_over_a_set(over: str, written: str) -> None:
    value, multiplier, weights = trained(over)
    again, price, others = trained(written)
    assert value == pytest.approx(again, abs=1e-12)
    assert multiplier == pytest.approx(price, abs=1e-12) and multiplier > 0
    assert torch.allclose(weights, others, rtol=0, atol=1e-12)


def test_any_by_loops() -> None:
    x, _, _ = data()
    z = net()(x).tolist()
    for word, function in {"any": any, "all": all}.items():
        value, _, _ = trained(f"P[{word}(f(x)[j] > 0.2 for j in range(3))] >= 1%", 1e-12)
        right = sum(function(v > 0.2 for v in row) for row in z) / N
        assert value == pytest.approx(right)


@pytest.mark.parametrize("word", ["norm", "variance", "exp", "prod", "quantile", "colour"])
def test_other_words_over_a_set_are_refused_before_anything_runs(word: str) -> None:
    spec = (
        "data train(x, y, g)\nmodel f\nminimize ce(f(x), y)\n"
        f"s.t. {word}(P[pred == 1 | g == v] for v in values(g)) <= 0.1"
    )
    (found,) = cspec.check(spec)
    assert found.code == "CS101" and word in found.label


def test_functions_of_a_vector_are_those_of_its_members() -> None:
    """Over a set they are trained and measured like the same function of the vector by group."""
    for word, bound in [("gap", "<= 1%"), ("ratio", ">= 99%"), ("mean", "<= 10%")]:
        over = trained(f"{word}(P[pred == 1 | g == v] for v in values(g)) {bound}")
        of = trained(f"{word}(P[pred == 1 | g]) {bound}")
        assert over[:2] == pytest.approx(of[:2], rel=1e-9)
        torch.testing.assert_close(over[2], of[2])


def test_all_alone_gets_its_quantifier() -> None:
    head = "var w[3] = 0\nminimize sumsq(w)\ns.t. "
    (found,) = cspec.check(f"{head}all(w[i] >= 0.1 for i in range(3) where i > 0)")
    (meant,) = found.helps
    assert meant == "write `forall i in range(3) where i > 0: w[i] >= 0.1`"
    assert not cspec.check(head + meant.removeprefix("write ").strip("`"))
    (found,) = cspec.check(f"{head}any(w[i] >= 0.1 for i in range(3))")
    assert found.code == "CS127" and "or" in found.helps[0]


def test_groups_in_a_help_are_not_called_as_a_column() -> None:
    spec = (
        "data train(x, y, g, s)\nmodel f\nminimize ce(f(x), y)\n"
        "s.t. max(P[pred == 1 | g, s]) <= 0.1\nfit(steps=1)"
    )
    x, y, g = data()
    with pytest.raises(cspec.SpecError) as caught:
        cspec.run(spec, f=net(), train=(x, y, g, x[:, 2] > 0))
    meant = "max(P[pred(f(x)) == 1 | g == h, s == i] for (h, i) in cross(g, s))"
    assert f"`{meant}`" in str(caught.value)
    right = spec.replace("max(P[pred == 1 | g, s])", meant)
    cspec.run(right, f=net(), train=(x, y, g, x[:, 2] > 0))
