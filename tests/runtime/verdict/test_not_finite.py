"""Runs with numbers that are not finite: none of them is quietly satisfied."""

import math

import pytest
import torch
from torch import nn

import cspec
from cspec.runtime.result.iterate import Iterate
from cspec.runtime.session.snapshots import better

VARIABLE = """
var x = {start}
minimize {objective}
s.t. low: x >= 1
using lagrangian(dual=sgd(lr=0.1))
fit(optimizer=sgd(lr=0.05), steps=300)
"""


def said(result: cspec.Result, *words: str) -> bool:
    return any(all(word in note for word in words) for note in result.notes)


def test_an_objective_that_is_no_number_is_never_satisfied() -> None:
    # log of a negative number: NaN from the start on, though the constraint holds there.
    result = cspec.run(VARIABLE.format(start=3, objective="x^2 + log(x - 5)"))
    assert (result.status, result.exit_code) == ("nonfinite", 5)
    assert result["low"].satisfied and not result.satisfied
    assert said(result, "objective is nan at the delivered iterate", "log")


class Sometimes(nn.Module):
    """A linear model whose output is NaN for a large first feature."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = self.linear(x)
        return z * torch.where(x[:, :1] > 90, float("nan"), 1.0)


NET = """
data train(x, y){more}
model net
minimize E[mse(net(x), y) on train]
s.t. mean: E[net(x)] <= 5
{verify}using lagrangian
fit(optimizer=sgd(lr=0.01), epochs={epochs}, batch_size={size})
"""


def data(bad: int, rows: int = 64) -> dict[str, torch.Tensor]:
    x = torch.randn(rows, 2, generator=torch.Generator().manual_seed(0))
    x[:bad, 0] = 99.0
    return {"x": x, "y": x[:, 1].clone()}


def test_one_bad_batch_is_counted_and_the_whole_is_no_success() -> None:
    text = NET.format(more="", verify="", epochs=1, size=8)
    result = cspec.run(text, net=Sometimes(), train=data(bad=1))
    # The bad example is in the training data, so the objective on them is NaN.
    assert result.status == "nonfinite" and result.skipped_steps == 1
    assert said(result, "1 step was skipped: its gradient was not finite (of 8 steps)")
    assert said(result, "objective was not finite in 1 of 8 logged steps")


def test_skipped_steps_are_said_in_the_plural() -> None:
    text = NET.format(more="", verify="", epochs=2, size=8)
    result = cspec.run(text, net=Sometimes(), train=data(bad=1))
    assert said(result, "2 steps were skipped: their gradient")


def test_a_constraint_that_is_nan_on_verification_data_alone() -> None:
    text = NET.format(more="\ndata test(x, y)", verify="verify all on test\n", epochs=1, size=8)
    result = cspec.run(text, net=Sometimes(), train=data(0), test=data(1))
    assert (result.status, result.exit_code) == ("violated", 3)
    assert said(result, "mean: could not be measured (NaN)")


def test_values_met_by_overflow_are_named() -> None:
    text = "var x = 0\nminimize x^2\ns.t. c: log(x^2) <= 3\nusing lagrangian\n"
    text += "fit(optimizer=sgd(lr=0.1), steps=5)"
    result = cspec.run(text)
    assert result["c"].value == -math.inf
    assert said(result, "c: its value is -inf")


def iterate(step: int, objective: float, violation: float = 0.0) -> Iterate:
    return Iterate(step, 0, objective, violation, {}, {}, {})


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("sense", ["minimize", "maximize"])
def test_the_best_iterate_has_a_finite_objective(bad: float, sense: str) -> None:
    good, worse = iterate(1, 2.0), iterate(2, bad)
    assert not better(worse, good, sense) and better(good, worse, sense)
    # Among infeasible ones the violation decides; feasibility comes first.
    assert better(worse, iterate(1, 2.0, violation=0.1), sense)


@pytest.mark.parametrize("dual", ["sgd(lr=0.1)", "nupi(lr=0.1, kp=1)"])
def test_the_dual_state_belongs_to_the_iterate_that_is_delivered(dual: str) -> None:
    # Out of reach: the multiplier grows to the end, where the least violation is, too.
    text = "var x = 3\nminimize x\ns.t. low: exp(x) + exp(-x) <= 1.5\n     far: x >= -50\n"
    text += f"using lagrangian(dual={dual})\nfit(optimizer=sgd(lr=0.01), steps=600)"
    result = cspec.run(text)
    assert result.best is not None
    assert result["low"].multiplier == pytest.approx(float(result.best.state["multipliers"][0]))
