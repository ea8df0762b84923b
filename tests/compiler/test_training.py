"""What runs do with constraints: gradients, multipliers, preferences, ramps, stops, splits."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from cspec.compiler.records.program import Program
from cspec.runtime.result.result import Result
from cspec.runtime.run.execute import load_module

Run = Callable[..., Result]
Compiled = Callable[..., Program]


class Two(nn.Module):
    """Two layers, the second one fixed."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.second = nn.Linear(3, 1)
        self.second.requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(torch.tanh(self.first(x)))  # type: ignore[no-any-return]


def points(n: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, 2, generator=generator)
    return x, (x.sum(1) > 0).long()


# --- Gradients -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "constraint, reached",
    [
        ("E[bce(f(x), y)] <= 0.1", {"first.weight", "first.bias"}),
        ("P[pred(f(x)) == 1] <= 10%", {"first.weight", "first.bias"}),
        ("P[y == 1 | pred(f(x)) == 1] >= 99%", {"first.weight", "first.bias"}),
        ('forall W in f.weights("first*"): spectral(W) <= 1e-3 by lagrangian', {"first.weight"}),
        ("E[abs(f(x) - ref(x))] <= 0.5", {"first.weight", "first.bias"}),
        ('forall b in f.params("first.bias"): l2(b) <= 1e-6 by lagrangian', {"first.bias"}),
    ],
)
def test_a_constraint_reaches_what_it_names_and_nothing_fixed(
    compiled: Compiled, constraint: str, reached: set[str]
) -> None:
    text = (
        "data train(x, y)\nmodel f\nmodel ref = frozen(f)\nminimize E[bce(f(x), y)]\n"
        f"s.t. c: {constraint}\nfit(batch_size=full)"
    )
    torch.manual_seed(1)
    model, frozen = Two(), Two()
    for parameter in frozen.parameters():
        parameter.requires_grad_(False)
    program = compiled(text, f=model, train=points())
    x, y = points()
    batch = {"train": {"x": x, "y": y}}
    module = load_module(program)
    _, g, _ = module["measure"]({"f": model, "ref": frozen}, batch)
    g.sum().backward()
    found = {
        name
        for name, p in model.named_parameters()
        if p.grad is not None and p.grad.abs().sum() > 0
    }
    assert found == reached
    assert all(p.grad is None for p in frozen.parameters())


def test_frozen_and_fixed_parameters_stay(run: Run) -> None:
    torch.manual_seed(0)
    model = Two()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    run(
        "data train(x, y)\nmodel f\nmodel ref = frozen(f)\nminimize E[bce(f(x), y)]\n"
        "s.t. c: E[abs(f(x) - ref(x))] <= 0.5\nfit(epochs=3)",
        f=model,
        train=points(),
    )
    moved = {n for n, p in model.named_parameters() if not torch.equal(p.detach(), before[n])}
    assert moved == {"first.weight", "first.bias"}


# --- Multipliers ---------------------------------------------------------------------------------


def step_of(program: Program) -> Any:
    """The emitted module's only dual step."""
    module = load_module(program)
    (name,) = (op.name for op in program.graph.operations if op.kind == "dual_step")
    return module[name]


def test_multipliers_accumulate(compiled: Compiled) -> None:
    step = step_of(
        compiled("var x\nminimize x^2\ns.t. a: 1*x >= 1\nusing lagrangian(dual=sgd(lr=0.5))")
    )
    state = {"multipliers": torch.zeros(1)}
    for expected in (1.0, 2.0, 1.5, 0.0):
        step(state, torch.tensor([{1.0: 2.0, 2.0: 2.0, 1.5: -1.0, 0.0: -9.0}[expected]]))
        assert state["multipliers"].tolist() == [expected]


@pytest.mark.parametrize(
    "method",
    [
        "lagrangian",
        "lagrangian(dual=nupi)",
        "lagrangian(dual=adam)",
        "lagrangian(dual=pid(kp=1))",
        "lagrangian(order=optimistic)",
        "augmented_lagrangian",
        "augmented_lagrangian(rule=lancelot)",
    ],
)
def test_what_was_not_measured_changes_no_state(compiled: Compiled, method: str) -> None:
    program = compiled(
        f"var w[2] = 1\nminimize sumsq(w)\ns.t. a: w[0] <= -1 by {method}\n"
        f"     b: w[1] <= -1 by {method}\nfit(precision=float32)"
    )
    step, module = step_of(program), load_module(program)
    state = module["initial_state"]()
    step(state, torch.tensor([2.0, 2.0]))
    before = {name: tensor.clone() for name, tensor in state.items()}
    step(state, torch.tensor([5.0, math.nan]))
    for name, tensor in state.items():
        assert torch.equal(tensor[1].nan_to_num(7), before[name][1].nan_to_num(7)), name
        assert not torch.isnan(state["multipliers"]).any()
    assert any(not torch.equal(tensor[0], before[name][0]) for name, tensor in state.items())


def test_a_group_that_batches_miss_gets_no_nan(run: Run) -> None:
    x, y = points(60)
    group = ["rare"] + ["common"] * 59
    result = run(
        "data train(x, y, s)\nmodel f = linear\nminimize bce(f(x), y)\n"
        "s.t. g: forall a in values(s): E[bce(f(x), y) | s == a] <= 0.2\n"
        "     d: gap(P[pred == 1 | s]) <= 5%\nfit(epochs=3, batch_size=10)",
        train={"x": x, "y": y, "s": group},
    )
    assert result.last is not None and result.status != "nonfinite"
    assert torch.isfinite(result.last.state["multipliers"]).all()
    assert all(torch.isfinite(t).all() for t in result.last.tensors.values())
    assert (result.last.state["multipliers"] > 0).any()


# --- Preferences ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "soft, solution",
    [
        # min x^2 + w [1 - x]+ : x = w/2 up to the bound; squared: x = w / (1 + w).
        ("soft(weight=1)", 0.5),
        ("soft(weight=5)", 1.0),
        ("soft(weight=3, power=2)", 0.75),
    ],
)
def test_preferences_are_traded_off(run: Run, soft: str, solution: float) -> None:
    result = run(
        f"var x = 3\nminimize x^2\ns.t. hard: 1*x <= 9\n     a: 1*x >= 1 {soft}\n"
        "using augmented_lagrangian\nfit(optimizer=sgd(lr=0.01), schedule=cosine, steps=2000)"
    )
    assert result.last is not None
    assert float(result.last.tensors["x"]) == pytest.approx(solution, abs=2e-3)
    assert result.status == "satisfied"
    assert result["a"].soft and not result["hard"].soft


# --- Ramps ---------------------------------------------------------------------------------------


def test_a_bound_may_move_and_the_last_one_decides(run: Run) -> None:
    result = run(
        "data train(x, y) = two_gaussians(n=100)\nmodel f = mlp(hidden=[20])\n"
        "minimize bce(f(x), y)\ns.t. small: density(f) <= ramp(100%, 10%, epochs=5)\n"
        "fit(epochs=10, batch_size=50)",
    )
    assert result["small"].bound == 0.1 and result["small"].value <= 0.1
    assert result.status == "satisfied"


def test_a_moving_bound_of_a_function(run: Run) -> None:
    result = run(
        "data train(x, y) = two_gaussians(n=100)\nmodel f = linear\nminimize bce(f(x), y)\n"
        "s.t. small: sum(sumsq(W) for W in f.weights) <= ramp(4, 0.04, epochs=20) within 5e-3\n"
        "using augmented_lagrangian(penalty=1, every=epoch)\n"
        "fit(optimizer=sgd(lr=0.05), epochs=60, batch_size=full)"
    )
    assert result["small"].bound == 0.04
    assert result["small"].value == pytest.approx(0.04, abs=2e-2)


# --- Stops, metrics, splits ----------------------------------------------------------------------


def test_stop_when_feasible_and_stalled(run: Run) -> None:
    result = run(
        "var x = 3\nminimize x^2\ns.t. a: 1*x >= 1\nusing augmented_lagrangian(penalty=10)\n"
        "fit(optimizer=sgd(lr=0.02), steps=5000)\nstop when feasible(1e-3) and stalled(epochs=3)"
    )
    assert result.termination == "stop condition" and result.steps < 3000
    assert result.vars["x"] == pytest.approx(1.0, abs=1e-3)


def test_verdicts_and_metrics_come_from_the_data_they_name(run: Run) -> None:
    result = run(
        """
        data train(x, y), val(x, y), test(x, y) = two_gaussians(n=100, split=[0.5, 0.25, 0.25])
        model f = linear
        minimize bce(f(x), y)
        s.t. a: P[pred == 1] <= 45%
             b: E[bce(f(x), y)] <= 5
        metric acc = P[pred == y on test]
        metric share = P[pred == 1 on val]
        fit(epochs=10)
        verify all on val every epoch
        verify b on test
        """
    )
    assert (result["a"].split, result["b"].split) == ("val", "test")
    assert (result["a"].n, result["b"].n) == (50, 50)
    assert result["a"].value == pytest.approx(result.metrics["share"])
    assert 0.5 < result.metrics["acc"] <= 1
