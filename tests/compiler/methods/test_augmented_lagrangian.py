"""Augmented Lagrangians: inner loops by L-BFGS, scaling, rules."""

from __future__ import annotations

import pytest

CIRCLE = """
var x = 0.5
var y = 0.5
minimize (x - 2)^2 + (y - 1)^2
s.t. c: {scale}*(x^2 + y^2) <= {scale}
     d: x == 2*y
using augmented_lagrangian{settings}
fit(optimizer={optimizer}, steps={steps}, precision=float64)
"""
# On x = 2 y the optimum is (2, 1) / sqrt(5): 2 (x - 2) + 2 lambda x = 0 gives lambda = sqrt(5) - 1.
LAMBDA = 5**0.5 - 1


@pytest.mark.parametrize("settings", ["", "(rule=lancelot)", "(penalty=1, growth=2)"])
def test_lbfgs_reaches_one_millionth(run, settings):
    result = run(CIRCLE.format(scale=1, settings=settings, optimizer="lbfgs", steps=40))
    assert result.status == "satisfied"
    assert result.vars["x"] == pytest.approx(2 / 5**0.5, abs=1e-6)
    assert result.vars["y"] == pytest.approx(1 / 5**0.5, abs=1e-6)
    assert result.constraints[0].multiplier == pytest.approx(LAMBDA, abs=1e-4)


def test_unbounded_without_its_constraint(run):
    text = """
    var x[3] = [1, 1, 1]
    minimize -x[0]*x[1]*x[2]
    s.t. c: x[0] + 2*x[1] + 2*x[2] == 72
    using augmented_lagrangian(penalty=10)
    fit(optimizer=lbfgs, steps=60, precision=float64)
    """
    result = run(text.replace("\n    ", "\n").replace("[1, 1, 1]", "[20, 11, 13]"))
    assert result.vars["x"] == pytest.approx([24, 12, 12], abs=1e-4)
    assert result.constraints[0].multiplier == pytest.approx(144, abs=1e-2)


def test_steep_constraints_are_scaled_and_reported_as_written(session, run):
    steep = CIRCLE.format(scale=1e4, settings="", optimizer="lbfgs", steps=60)
    started = session(steep)
    started.total_steps = 0
    started.module["train"](started)
    # At (0.5, 0.5) the gradient of 1e4 (x^2 + y^2) is 1e4, so s = 1e-2 and the penalty 10 s^2.
    assert started.state["penalty"].tolist() == pytest.approx([1e-3, 10.0])
    result = run(steep)
    assert result.constraints[0].value == pytest.approx(1e4, abs=1e-2)
    assert result.constraints[0].multiplier == pytest.approx(LAMBDA / 1e4, rel=1e-3)


def test_given_penalty_acts_as_written(session):
    started = session(CIRCLE.format(scale=1e4, settings="(penalty=2)", optimizer="lbfgs", steps=60))
    started.total_steps = 0
    started.module["train"](started)
    assert started.state["penalty"].tolist() == [2.0, 2.0]


def test_dual_steps_left_open_are_scaled(session):
    text = CIRCLE.format(scale=1e4, settings="", optimizer="sgd", steps=60)
    started = session(text.replace("augmented_lagrangian", "lagrangian"))
    started.total_steps = 0
    started.module["train"](started)
    assert started.state["lr"].tolist() == pytest.approx([1e-6, 1e-2])


def test_penalty_zero_is_legal(run):
    text = CIRCLE.format(
        scale=1, settings="(penalty=0, lr=0.05, every=1)", optimizer="sgd(lr=0.05)", steps=1500
    )
    result = run(text)
    assert result.last.values["c"] == pytest.approx(1.0, abs=1e-3)
