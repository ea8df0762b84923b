"""Badly set runs, each with what it is told: the requirement, a number, and what to do."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import cspec
from cspec.runtime.result.history import Row
from cspec.runtime.verdict.why.trends import diverges

LOW = """
var x = {start}
minimize x^2
s.t. low: x >= 1
using {using}
fit(optimizer={optimizer}, steps={steps})
"""
APART = """
var w[2] = 0.1
var v = 0.5 in [0, 1]
minimize (w[0] - 2)^2 + w[1]^2 + v^2
s.t. ball: norm(w, 2) <= 1
     far: w[0] + v >= {far}
using {using}
fit(optimizer=sgd(lr={lr}), steps=400)
"""
HELD = """
var w[3] = 0.3
minimize norm(w, 2)^2
s.t. s: w in simplex by {how}
     c: w[0] + w[1] >= {least}
using lagrangian(dual=sgd(lr={dual}))
fit(optimizer=sgd(lr=0.05), steps=400)
"""
NET = """
data D(x, y)
model net
minimize E[ce(net(x), y) on D]
s.t. {constraints}
using {using}
fit(optimizer=adam(lr=0.01), epochs={epochs}, batch_size=50)
"""


def low(using: str, start: float = 3, optimizer: str = "sgd(lr=0.05)", steps: int = 300) -> str:
    return LOW.format(using=using, start=start, optimizer=optimizer, steps=steps)


def said(result: cspec.Result, *words: str) -> bool:
    return any(all(word in note for word in words) for note in result.notes)


TOLD = [
    # (what is wrong, spec, words of the note)
    ("dual step too small", low("lagrangian(dual=sgd(lr=0.0003))"), "low: dual step about x too"),
    ("too few steps", low("lagrangian(dual=sgd(lr=0.1))", steps=30), "low: by 0.6 train longer"),
    ("infeasible start, no time", low("lagrangian", start=-9, steps=40), "low: still train longer"),
    (
        "quadratic penalty too weak",  # 2x = c (1 - x): x = 1/3
        low("quadratic_penalty(coefficient=1)"),
        "low: quadratic_penalty(coefficient=1) weak 0.667 0.067 at 10 augmented_lagrangian",
    ),
    (
        "exact penalty too weak",  # 2x = c: x = 1/4
        low("exact_penalty(coefficient=0.5)"),
        "low: exact_penalty(coefficient=0.5) weak 0.75 multiplier try 5 lagrangian",
    ),
    ("signed penalty", low("penalty(coefficient=0.5)"), "low: weak 0.75 lagrangian"),
    (
        "penalty at its cap",
        low("augmented_lagrangian(penalty=0.001, max_penalty=0.01, every=10)"),
        "low: penalty at its cap 0.01 violation max_penalty",
    ),
    (
        "multiplier at its cap",  # 2x = 1
        low("lagrangian(dual=sgd(lr=0.1), max_multiplier=1)"),
        "low: multiplier at its cap 1 violation 0.5 unchanged max_multiplier",
    ),
    (
        "the optimizer diverges",
        low("lagrangian", optimizer="sgd(lr=1.2)"),
        "objective went grows lr",
    ),
    (
        "dead relu",
        "var x = -3\nminimize (x + 3)^2\ns.t. c: max(x, 0) >= 1\nusing lagrangian\n"
        "fit(optimizer=sgd(lr=0.05), steps=200)",
        "c: never moved gradient is zero surrogate start",
    ),
    (
        "a minimum of the violation",  # sin(x) + x^2/2 - x has its minimum 0 at 0
        "var x = 0.2\nminimize x^2\ns.t. c: x >= sin(x) + 0.5*x^2 + 2\n"
        "using exact_penalty(coefficient=10)\nfit(optimizer=sgd(lr=0.02), steps=400)",
        "c: gradient is zero violation 2 start elsewhere cspec relax",
    ),
    (
        "the set holds it, by ADMM",
        HELD.format(how="admm", least=1.5, dual=0.1),
        "c: violation 0.5 did not fall multiplier grew set cspec relax",
    ),
    (
        "slow beside a set",
        HELD.format(how="softmax", least=0.9, dual=0.0001),
        "c: dual step about x too small",
    ),
]


@pytest.mark.parametrize(("spec", "words"), [t[1:] for t in TOLD], ids=[t[0] for t in TOLD])
def test_what_a_run_is_told(spec: str, words: str) -> None:
    result = cspec.run(spec)
    assert said(result, *words.split()), result.notes
    assert not result.conflict
    # The same run says the same.
    assert cspec.run(spec).notes == result.notes


@pytest.mark.parametrize(
    ("using", "lr"),
    [
        ("quadratic_penalty(coefficient=20)", 0.01),
        ("exact_penalty(coefficient=20)", 0.001),
        ("penalty(coefficient=5)", 0.01),
    ],
)
def test_penalties_are_suspected_too(using: str, lr: float) -> None:
    result = cspec.run(APART.format(using=using, lr=lr, far=3))
    assert (result.status, set(result.conflict)) == ("suspected_infeasible", {"ball", "far"})
    assert said(result, "ball and far", "under its penalty", "cspec relax")
    assert not cspec.run(APART.format(using=using, lr=lr, far=1.9)).conflict


@pytest.mark.parametrize("how", ["projection", "softmax"])
def test_a_set_that_excludes_a_requirement(how: str) -> None:
    result = cspec.run(HELD.format(how=how, least=1.5, dual=0.1))
    assert (result.status, result.conflict) == ("suspected_infeasible", ("c",))
    assert ("projected onto" in " ".join(result.notes)) == (how == "projection")
    assert not cspec.run(HELD.format(how=how, least=0.95, dual=0.0001)).conflict


def network(
    constraints: str, using: str, contradict: bool = False, epochs: int = 12
) -> cspec.Result:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(200, 3, generator=generator)
    y = (x[:, 0] > 0).long()
    if contradict:
        x, y = torch.cat([x, x]), torch.cat([y, 1 - y])
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
    spec = NET.format(constraints=constraints, using=using, epochs=epochs)
    return cspec.run(spec, net=net, D={"x": x, "y": y})


def test_contradictory_labels() -> None:
    # Every example has both labels: no model is below ln 2.
    result = network("fit: E[ce(net(x), y) on D] <= 0.3", "lagrangian", contradict=True)
    assert (result.status, result.conflict) == ("suspected_infeasible", ("fit",))
    assert said(result, "fit: suspected infeasible at this level", "0.39")


def test_two_rates_that_exceed_one() -> None:
    # Written so that no check sees that the events exclude each other.
    rates = "a: P[net(x)[0] > net(x)[1]] >= 70%\n     b: P[net(x)[1] - net(x)[0] > 0] >= 60%"
    result = network(rates, "augmented_lagrangian")
    assert (result.status, set(result.conflict)) == ("suspected_infeasible", {"a", "b"})
    assert said(result, "a and b: their gradients are opposed", "cosine -1.00")


def test_a_weak_penalty_is_not_blamed_on_the_batch() -> None:
    result = network(
        "small: E[(net(x)[0] - net(x)[1])^2 on D] <= 0.05",
        "quadratic_penalty(coefficient=1)",
        epochs=40,
    )
    assert said(result, "small:", "too weak") and not said(result, "batch_size")


def test_a_requirement_that_the_model_excludes_by_construction() -> None:
    both = (
        "box: forall (x, y) in D: net(x)[0] <= 0.5 by output_projection\n"
        "     m: E[net(x)[0] on D] >= 1"
    )
    result = network(both, "lagrangian(dual=sgd(lr=0.5))")
    assert result.status in ("violated", "suspected_infeasible")
    assert said(result, "m:", "0.5", "cspec relax")


def test_growth_that_is_no_divergence() -> None:
    def rows(values: list[float]) -> list[Row]:
        return [Row(i, 1, value, {}, {}) for i, value in enumerate(values)]

    assert diverges(rows([1.0, 10.0, 1e3, 1e5, 1e7, 1e9])) == (1.0, 1e9)
    # A large level that is reached, and a short log.
    assert diverges(rows([0.0, 1e9, 1e9, 1e9, 1e9, 1e9])) is None
    assert diverges(rows([0.0, 1e9])) is None
    assert diverges(rows([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])) is None
