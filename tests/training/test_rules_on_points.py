"""Rules at points of a domain, one requirement a member there, networks of several outputs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import cspec

ONE = "domain q(x) = box([-1, 1])\n"
TWO = "model u(x) = mlp(hidden=[8], act=tanh)\nmodel v(x) = mlp(hidden=[8], act=tanh)\n"
PULL = "minimize E[(u(x) - x)^2 + (v(x) - 1)^2 for x in q.sample(64)]\n"


def grid(points: int = 1001) -> Tensor:
    """The points that a verdict on one axis is measured at."""
    return torch.linspace(-1, 1, points)


def test_a_rule_holds_at_points_between_those_that_were_drawn() -> None:
    """v comes down to 0.8 where u is large, which costs less than to keep u small."""
    rule = "s.t. r: forall x in q.sample(40): u(x) >= 0 => v(x) <= 0.8\n"
    result = cspec.run(f"{ONE}{TWO}{PULL}{rule}fit(steps=400)\n")
    with torch.no_grad():
        u, v = (result.models[name].eval()(grid()) for name in ("u", "v"))
    held = u >= 0
    broken = int((held & (v > 0.8 + 1e-6)).sum())
    assert result["r"].satisfied and broken == 0
    assert 300 < int(held.sum()) < 700  # the rule was tested
    assert float(v[held].max()) == pytest.approx(0.8, abs=1e-2)
    share = 100 * float(held.double().mean())
    assert any(f"held on {share:.3f}%" in note for note in result.notes)


def test_a_rule_that_is_broken_at_points_says_at_how_many() -> None:
    """Without steps: the rule is judged on the networks as they were drawn."""
    rule = "s.t. r: forall x in q.sample(40): u(x) >= -10 => v(x) >= 10\n"
    result = cspec.run(f"{ONE}{TWO}{PULL}{rule}fit(steps=1, optimizer=sgd(lr=1e-12))\n")
    assert not result["r"].satisfied
    assert any("1,001 of 1,001" in note for note in result.notes)


@pytest.mark.parametrize(
    "over", ["k in {0, 1}, x in q.sample(30)", "x in q.sample(30), k in range(2)"]
)
def test_members_beside_points_have_a_requirement_each(over: str) -> None:
    """And u(x)[1] is what makes u a network of two outputs."""
    result = cspec.run(
        f"{ONE}model u(x) = mlp(hidden=[16], act=tanh)\n"
        "minimize E[(u(x)[0] - x)^2 + (u(x)[1] + x)^2 for x in q.sample(64)]\n"
        f"s.t. cap: forall {over}: u(x)[k] <= 0.3\nfit(steps=300)\n"
    )
    with torch.no_grad():
        found = result.models["u"].eval()(grid())
    assert found.shape == (1001, 2)
    assert [c.name for c in result.constraints] == ["cap[0]", "cap[1]"]
    for k, c in enumerate(result.constraints):
        assert c.satisfied and c.n == 1001
        assert c.value == pytest.approx(float(found[:, k].max()), abs=1e-5)
    best = 2 * 0.7**3 / 3 / 2  # mean of (x - 0.3)^2 over x > 0.3, of both
    assert result.objective == pytest.approx(best, rel=0.25)
