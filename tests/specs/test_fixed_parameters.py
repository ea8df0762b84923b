"""Parameters with `requires_grad` false: no set moves them, and what only they could meet is
refused before the first step."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import cspec
from cspec import SpecError

X = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
DATA = {"x": X, "y": (X.sum(1) > 0).long()}
HEAD = "data train(x, y)\nmodel f\nmodel g\nminimize bce(f(x), y)\ns.t. c: "


def half() -> nn.Module:
    """A network whose first layer stays."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    model[0].requires_grad_(False)
    return model


class First(nn.Module):
    """The first feature: nothing to train."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :1]


class CutOff(nn.Module):
    """Outputs without a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x).detach()
        return out


def run(requirement: str, model: nn.Module) -> Any:
    torch.manual_seed(0)
    text = f"{HEAD}{requirement}\nfit(optimizer=sgd(lr=0.01), steps=3, batch_size=full)"
    return cspec.run(text, train=DATA, f=nn.Linear(2, 1), g=model)


@pytest.mark.parametrize(
    "requirement",
    [
        "forall W in g.weights: W >= 0.01",
        'forall W in g.weights("0*"): W in sphere',
        'forall W in g.weights("0*"): sumsq(W) <= 0.01 by lagrangian',
        'l2(g.weights("0*")) <= 0.1',
        "l2(g.weights) <= 0.1",
        "density(g) <= 50%",
        "forall W in g.weights: W in [-1, 1] by construction",
    ],
)
def test_a_fixed_weight_is_named_and_not_moved(requirement: str) -> None:
    with pytest.raises(SpecError) as caught:
        run(requirement, half())
    (found,) = [d for d in caught.value.diagnostics if d.severity == "error"]
    assert found.code == "CS309" and "`g.0.weight`" in f"{found.message} {found.notes}"


@pytest.mark.parametrize(
    "requirement",
    [
        'forall W in g.weights("2*"): W >= 0.01',
        'l2(g.weights("2*")) <= 0.1',
        "P[pred(g(x)) == 1] <= 0.3",
        "E[g(x)] <= -1",
        "l2(g.weights) <= 0.1 by lagrangian",
    ],
)
def test_what_else_there_is_moves_and_the_fixed_weight_stays(requirement: str) -> None:
    model = half()
    before = model[0].weight.clone()
    result = run(requirement, model)
    assert torch.equal(result.models["g"][0].weight, before)


@pytest.mark.parametrize(
    ("model", "requirement", "code"),
    [
        (First(), "P[pred(g(x)) == 1] <= 0.3", "CS309"),
        (First(), "E[g(x)] <= -1", "CS309"),
        (First(), "l2(g.weights) <= 0.1", "CS309"),
        (First(), "density(g) <= 10%", "CS309"),
        (CutOff(), "P[pred(g(x)) == 1] <= 0.3", "CS310"),
        (CutOff(), "P[g(x) > 0] <= 0.3", "CS310"),
        (CutOff(), "E[g(x)] <= -1", "CS310"),
    ],
)
def test_outputs_that_nothing_moves(model: nn.Module, requirement: str, code: str) -> None:
    with pytest.raises(SpecError) as caught:
        run(requirement, model)
    (found,) = [d for d in caught.value.diagnostics if d.severity == "error"]
    assert found.code == code
