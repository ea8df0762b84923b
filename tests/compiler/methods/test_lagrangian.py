"""Descent-ascent on problems with known solutions and multipliers."""

from __future__ import annotations

import math

import pytest
import torch

from cspec.dsl.messages.diagnostic import SpecError
from cspec.runtime.methods.escalate import oscillates

PLANE = """
var x = 0.5
var y = 0.5
minimize (x - 2)^2 + (y - 1)^2
s.t. c: x + y <= 2
using lagrangian({settings})
fit(optimizer={optimizer}, steps=1000)
"""

ARCSIN = """
var x = 0.5 in [0, pi/2]
minimize cos(x)
s.t. level: sin(x) <= 0.5
using lagrangian(dual=sgd(lr=0.3){more})
fit(optimizer=sgd(lr=0.01), steps=6000)
"""


@pytest.mark.parametrize(
    "settings",
    [
        "dual=sgd(lr=0.1)",
        "dual=sgd(lr=0.1), order=primal_first",
        "dual=sgd(lr=0.1), order=simultaneous",
        "dual=sgd(lr=0.1), order=optimistic",
        "dual=sgd(lr=0.1), order=extragradient",
        "dual=sgd(lr=0.1), primal_steps=3",
        "dual=sgd(lr=0.02, momentum=0.5)",
        "dual=nupi(lr=0.1, kp=2)",
        "dual=pid(kp=0.5, ki=0.1)",
        "dual=sgd(lr=0.1), max_multiplier=5",
        "dual=sgd(lr=0.1), warmup=100",
    ],
)
def test_reaches_the_solution_and_its_multiplier(run, settings):
    result = run(PLANE.format(settings=settings, optimizer="sgd(lr=0.05)"))
    assert result.vars["x"] == pytest.approx(1.5, abs=1e-3)
    assert result.vars["y"] == pytest.approx(0.5, abs=1e-3)
    assert result.constraints[0].multiplier == pytest.approx(1.0, abs=1e-3)


def test_cap_binds(run):
    result = run(PLANE.format(settings="dual=sgd(lr=0.1), max_multiplier=0.25", optimizer="sgd"))
    assert result.last.state["multipliers"].item() == pytest.approx(0.25)


def test_extragradient_keeps_the_memory_of_adam(run):
    settings = "dual=sgd(lr=0.05), order=extragradient"
    result = run(PLANE.format(settings=settings, optimizer="adam(lr=0.01)"))
    assert result.vars["x"] == pytest.approx(1.5, abs=1e-2)


def test_extragradient_step_is_the_formula(session):
    text = PLANE.format(settings="dual=sgd(lr=0.1), order=extragradient", optimizer="sgd(lr=0.05)")
    run = session(text.replace("steps=1000", "steps=1").replace("x = 0.5", "x = 1.9"))
    run.module["train"](run)
    x, y, m = 1.9, 0.5, 0.0
    ahead_x, ahead_y = x - 0.05 * (2 * (x - 2) + m), y - 0.05 * (2 * (y - 1) + m)
    ahead_m = max(0.0, m + 0.1 * (x + y - 2))
    after_x = x - 0.05 * (2 * (ahead_x - 2) + ahead_m)
    after_m = max(0.0, m + 0.1 * (ahead_x + ahead_y - 2))
    assert run.primal["x"].item() == pytest.approx(after_x, rel=1e-6)
    assert run.state["multipliers"].item() == pytest.approx(after_m, rel=1e-5)


def test_escalation_cures_the_oscillation_and_says_so(run):
    plain = run(ARCSIN.format(more=""))
    cured = run(ARCSIN.format(more=", escalate=true"))
    assert abs(plain.last.values["level"] - 0.5) > 1e-2
    assert cured.vars["x"] == pytest.approx(math.asin(0.5), abs=1e-4)
    assert cured.constraints[0].multiplier == pytest.approx(0.5 / math.sqrt(0.75), abs=1e-3)
    assert any("oscillated" in note for note in cured.notes)


@pytest.mark.parametrize("period", [6, 40, 150])
def test_oscillation_is_seen_at_every_scale(period):
    wave = [math.sin(2 * math.pi * t / period) for t in range(12 * period + 40)]
    assert oscillates(wave)
    fading = [value * 0.5 ** (4 * t / period) for t, value in enumerate(wave)]
    assert not oscillates(fading)
    assert not oscillates([abs(value) for value in wave])


def test_noise_alone_is_no_oscillation():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(40, 200, generator=generator).tolist()
    assert sum(oscillates(path, noisy=True) for path in noise) <= 6


def test_bound_moves_and_the_verdict_uses_its_last_value(run):
    result = run(
        "var x = 3\nminimize (x - 3)^2\ns.t. c: x <= ramp(3, 1, steps=1000) within 1e-4\n"
        "using lagrangian(dual=sgd(lr=0.1))\nfit(optimizer=sgd(lr=0.05), steps=3000)"
    )
    assert result.constraints[0].bound == 1
    assert result.status == "satisfied"
    early = next(row for row in result.history if row.step == 10)
    assert early.violations["c"] < 0.05


DUAL_DATA = """
data train(x, y), val(x, y) = digits(split=[0.5, 0.5], seed=0)
model f = mlp(hidden=[8])
minimize ce(f(x), y)
s.t. quota: P[pred == y] >= 90%
using lagrangian(dual=sgd(lr=0.1), {settings})
fit(epochs=2, batch_size={size})
"""


def test_multipliers_move_on_the_other_split(session):
    run = session(DUAL_DATA.format(settings="dual_data=val", size="full"))
    held = run.module["constraints"](run.primal, run.full(lambda _, d: {"train": d["val"]}))
    own = run.module["constraints"](run.primal, run.full(lambda _, d: d))
    run.total_steps = 1
    run.module["train"](run)
    assert held.item() != own.item()
    assert run.state["multipliers"].item() == pytest.approx(0.1 * held.item(), rel=1e-5)


def test_multipliers_move_on_the_surrogate(session):
    run = session(DUAL_DATA.format(settings="dual_on=surrogate", size="full"))
    _, g, true = run.module["measure"](run.primal, run.whole_batch())
    run.total_steps = 1
    run.module["train"](run)
    assert g.item() != true.item()
    assert run.state["multipliers"].item() == pytest.approx(0.1 * g.item(), rel=1e-5)


def test_dual_data_at_an_epochs_end(run):
    text = DUAL_DATA.format(settings="dual_data=val, every=epoch", size=128)
    assert run(text).constraints[0].multiplier > 0


@pytest.mark.parametrize(
    "settings",
    [
        "primal_steps=2, every=epoch",
        "escalate=true, dual=nupi(lr=0.1)",
        "order=optimistic, dual=pid(kp=1)",
        "order=extragradient, every=10",
    ],
)
def test_contradictory_settings_are_refused(build, settings):
    with pytest.raises(SpecError, match="can't be enforced by `lagrangian` as written"):
        build(PLANE.format(settings=settings, optimizer="sgd"))
