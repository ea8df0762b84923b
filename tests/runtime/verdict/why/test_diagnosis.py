"""Runs that fail for a known reason: the sentence names it; only what can't be is infeasible."""

import math

import pytest
import torch
from torch import nn

import cspec
from cspec.runtime.result.constraint import ConstraintResult
from cspec.runtime.verdict.why.diagnosis import Evidence, judge
from cspec.runtime.verdict.why.trends import Trend

LOW = """
var x = 3
minimize x^2
s.t. low: x >= 1
using lagrangian(dual=sgd(lr={lr}))
fit(optimizer=sgd(lr=0.05), steps={steps})
"""
APART = """
var w[2] = 0.1
var v = 0.5 in [0, 1]
minimize (w[0] - 2)^2 + w[1]^2 + v^2
s.t. ball: norm(w, 2) <= 1
     far: w[0] + v >= {far}
using {method}
fit(optimizer=sgd(lr=0.01), steps=600)
"""
NET = """
data D(x, y)
model net
let z = net(x)
minimize E[ce(z, y) on D]
s.t. flat: E[(z[1] - z[0])^2 on D] <= {flat}
     size: E[(z[1] - z[0]) on D] >= {size}
using {method}
fit(optimizer=adam(lr=1e-2), epochs={epochs}, batch_size=64)
"""


def said(result: cspec.Result, *words: str) -> bool:
    return any(all(word in note for word in words) for note in result.notes)


@pytest.mark.parametrize(("lr", "factor"), [(1e-5, "200 x"), (1e-4, "21 x")])
def test_a_dual_step_too_small_by_a_known_factor(lr: float, factor: str) -> None:
    # The multiplier has to reach 2 and gets to lr x 1000.
    result = cspec.run(LOW.format(lr=lr, steps=1000))
    assert result.status == "violated" and not result.conflict
    assert said(result, "low: violation falls", f"about {factor} too small")


@pytest.mark.parametrize("steps", [20, 200, 1000])
@pytest.mark.parametrize("lr", [1e-6, 1e-3])
def test_slow_and_short_runs_are_not_suspected(steps: int, lr: float) -> None:
    result = cspec.run(LOW.format(lr=lr, steps=steps))
    assert result.status == "violated" and result.exit_code == 3


@pytest.mark.parametrize("method", ["lagrangian", "augmented_lagrangian"])
def test_two_that_exclude_each_other_are_named(method: str) -> None:
    result = cspec.run(APART.format(far=3, method=method))
    assert (result.status, result.exit_code) == ("suspected_infeasible", 4)
    assert set(result.conflict) == {"ball", "far"}
    assert said(result, "ball and far", "suspected infeasible together", "cspec relax")
    assert set(result.as_json()["conflict"]) == {"ball", "far"}


def test_the_same_two_a_little_apart_are_not() -> None:
    assert not cspec.run(APART.format(far=1.9, method="lagrangian")).conflict


def test_one_that_is_out_of_reach() -> None:
    text = "var x = 3\nminimize x\ns.t. low: exp(x) + exp(-x) <= 1.5\n     far: x >= -50\n"
    text += "using lagrangian\nfit(optimizer=sgd(lr=0.01), steps=1000)"
    result = cspec.run(text)
    assert (result.status, result.conflict) == ("suspected_infeasible", ("low",))


def test_the_solver_proves_what_is_convex() -> None:
    text = "var x = 3\nvar y = 1\nminimize x^2 + y^2\ns.t. a: x + y >= {}\n     b: x <= 1\n"
    text += "     c: x^2 + y^2 <= 4"
    found = cspec.run(text.format(4))
    assert (found.status, found.exit_code) == ("infeasible", 4)
    assert set(found.conflict) == {"a", "b", "c"} and said(found, "proved")
    # 1 + sqrt(3) = 2.732 is the most that x + y can be.
    assert cspec.run(text.format(2.73)).status == "satisfied"
    assert cspec.run(text.format(2.74)).status == "infeasible"


def test_a_constraint_that_nothing_moves() -> None:
    text = "var x = 0.5\nvar y = 1\nminimize x^2\ns.t. c: max(y - 5, 0) >= 0.5\n"
    text += "using lagrangian\nfit(optimizer=sgd(lr=0.05), steps=200)"
    result = cspec.run(text)
    assert result.status == "violated"
    assert said(result, "c: its value never moved", "gradient is zero")


def net(seed: int, **settings: object) -> cspec.Result:
    torch.manual_seed(seed)
    x = torch.randn(300, 4)
    y = (x[:, 0] + 0.5 * torch.randn(300) > 0).long()
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    return cspec.run(NET.format(**settings), D={"x": x, "y": y}, net=model, seed=seed)


def test_a_network_that_can_not_meet_both() -> None:
    # E[d^2] >= E[d]^2 = 4.
    result = net(0, flat=0.1, size=2, method="lagrangian", epochs=14)
    assert result.status == "suspected_infeasible"
    assert set(result.conflict) == {"flat", "size"}
    assert said(result, "flat and size: their gradients are opposed", "cosine -")


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("method", ["lagrangian", "lagrangian(dual=sgd(lr=1e-6))"])
def test_networks_that_could_are_not_suspected(seed: int, method: str) -> None:
    result = net(seed, flat=0.5, size=0.4, method=method, epochs=6)
    assert not result.conflict and result.status in ("satisfied", "violated")


def _missed(value: float) -> ConstraintResult:
    return ConstraintResult(
        name="r", kind="inequality", value=value, bound=0.1, relation="<=", violation=value - 0.1,
        tolerance=0.0, satisfied=False, text="rate <= 0.1", method="lagrangian", split="train",
    )  # fmt: skip


def _trend(**changed: object) -> Trend:
    plain = {
        "label": "r", "early": 0.02, "late": 0.02, "grows": False, "multiplier": 1.0,
        "gained": 0.0, "step": 0.05, "noise": 0.04, "moved": True,
    }  # fmt: skip
    return Trend(**(plain | changed))  # type: ignore[arg-type]


def test_noise_larger_than_the_slack_asks_for_a_batch() -> None:
    evidence = Evidence({"r": _trend()}, batch=64, rows=10_000)
    (note,) = judge(evidence, [_missed(0.11)]).notes
    # 64 (0.04 / 0.01)^2 = 1024.
    assert "exceeds its distance to the bound" in note and "`batch_size=1024` would do" in note
    few = Evidence({"r": _trend()}, batch=64, rows=500)
    assert "all 500 examples" in judge(few, [_missed(0.11)]).notes[0]
    assert not judge(evidence, [_missed(0.2)]).notes


def test_oscillation_names_the_gain() -> None:
    evidence = Evidence({"r": _trend(step=0.05)}, swings=frozenset({"r"}))
    (note,) = judge(evidence, [_missed(0.2)]).notes
    assert "oscillates" in note and "nupi(kp=20)" in note


def test_a_circling_run_is_told_to_damp() -> None:
    text = "var x = 0.5\nminimize cos(x)\ns.t. c: sin(x) == 0.5\n"
    text += "using lagrangian(dual=sgd(lr=0.1))\nfit(optimizer=sgd(lr=0.05), steps=3000)"
    result = cspec.run(text)
    if not result.satisfied:
        assert said(result, "c: oscillates") and math.isfinite(result["c"].value)


def test_a_count_of_weights_beside_a_rate_is_not_suspected() -> None:
    text = (
        "minimize ce\ns.t. d: density(model) <= 2% by projection\n     acc: P[pred == y] >= 99.9%"
    )
    text += "\nusing augmented_lagrangian\nfit(optimizer=adam(lr=1e-3), epochs=2)"
    assert cspec.run(text, data="digits", model="mlp(hidden=[8])").status == "violated"


def test_looking_leaves_the_result_alone() -> None:
    # The reported value is that of the reported variables, whatever was tried in between.
    result = cspec.run(APART.format(far=3, method="lagrangian"))
    w = result.vars["w"]
    assert isinstance(w, list)
    assert result["ball"].value == pytest.approx(math.hypot(*w), abs=1e-9)
    assert result.best is not None
    assert torch.equal(result.best.tensors["w"], torch.tensor(w, dtype=torch.float64))


RATE = """
data train(x, y) = two_gaussians(n=60, seed=0)
model f = linear
minimize bce
s.t. {constraints}
using lagrangian(dual=sgd(lr={lr}))
fit(optimizer=sgd(lr=0.05), steps=1500, batch_size=full)
"""


@pytest.mark.parametrize("lr", [1e-4, 1e-3])
@pytest.mark.parametrize(
    "constraint", ["P[pred == 0] >= 70%", "P[pred == 1] <= 20%", "P[pred == 1 | y == 1] <= 30%"]
)
def test_a_rate_that_can_be_met_is_not_suspected(constraint: str, lr: float) -> None:
    """A separating model is so sure that its sigmoids are flat: that says nothing of the rate."""
    result = cspec.run(RATE.format(constraints=f"quota: {constraint}", lr=lr))
    assert (result.status, result.exit_code, result.conflict) == ("violated", 3, ())
    assert said(result, "quota: ", "too small for this many steps", f"{lr:g}")
    assert not said(result, "infeasible")


def test_rates_that_exclude_each_other_are_suspected() -> None:
    constraints = "a: P[pred == 0 | x[0] > -90] >= 70%\n     b: P[pred == 0 | x[0] > -80] <= 60%"
    result = cspec.run(RATE.format(constraints=constraints, lr=0.05))
    assert (result.status, result.exit_code) == ("suspected_infeasible", 4)
    assert set(result.conflict) == {"a", "b"}
