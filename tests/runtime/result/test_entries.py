"""One number for a constraint of several entries, the same in the log and in the verdict."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import cspec
from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.result.entries import price, violation

D = torch.float64


def facts(relation: str, size: int, **more: bool) -> ConstraintFacts:
    return ConstraintFacts(
        label="c", family="c", text="", relation=relation, tolerance=0.0, method="lagrangian",
        segment=(0, size), multipliers=True, **more,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_an_inequality_shows_its_most_violated_entry_an_equality_its_largest(seed: int) -> None:
    entries = np.random.default_rng(seed).normal(size=1 + seed % 5).tolist()
    for relation in ("<=", ">=", "in"):
        assert violation(entries, facts(relation, len(entries))) == max(entries)
    largest = sorted(entries, key=abs)[-1]
    assert violation(entries, facts("==", len(entries))) == largest
    assert violation(entries, facts("in", len(entries), residual=True)) == largest
    assert violation([math.nan, *entries], facts("<=", 9)) == max(entries)
    assert math.isnan(violation([math.nan], facts("<=", 1)))
    assert price(entries, facts(">=", 9)) == pytest.approx(sum(entries))
    assert price(entries, facts("==", 9)) == largest
    assert price(entries, facts("in", 9)) == largest


def table(n: int = 90) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(3)
    return {
        "x": torch.randn(n, 3, generator=draw, dtype=D),
        "y": torch.randint(0, 2, (n,), generator=draw),
        "g": torch.randint(0, 3, (n,), generator=draw),
    }


def net() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()


MEASURED = [
    "gap(P[pred == 1 | g]) <= 1%",
    "gap(P[pred == 1 | g]) <= 99%",
    "ratio(P[pred == 1 | g]) >= 99%",
    "ratio(P[pred == 1 | g]) >= 1%",
    "abs(E[f(x)[0]] - 1) <= 0.1",
    "abs(E[f(x)[0]] - 1) <= 9",
    "max(E[ce | g]) <= 0.1",
    "max(E[ce | g]) <= 9",
    "min(E[f(x)[1] | g]) >= 3",
    "E[f(x)[0]]/P[y == 1] <= -3",
    "E[f(x)[1]] == 0.3",
]


@pytest.mark.parametrize("constraint", MEASURED)
@pytest.mark.parametrize("method", ["lagrangian", "augmented_lagrangian"])
def test_what_is_logged_agrees_with_the_verdict(constraint: str, method: str) -> None:
    """Where nothing moves, the log has the verdict's violation and multiplier.

    Of ratios, which are multiplied through on the way, it has the sign.
    """
    result = cspec.run(
        f"data train(x, y, g)\nmodel f\nminimize ce\ns.t. c: {constraint}\nusing {method}\n"
        "fit(optimizer=sgd(lr=1e-30), steps=3, batch_size=full, precision=float64)",
        f=net(),
        train=table(),
    )
    found = result["c"]
    beyond = found.value - found.bound
    beyond = {"<=": beyond, ">=": -beyond, "==": beyond}[found.relation]
    logged = [row.violations["c"] for row in result.history]
    assert all(math.copysign(1, value) == math.copysign(1, beyond) for value in logged)
    if "ratio" not in constraint and "/P" not in constraint:
        assert logged == pytest.approx([beyond] * 3, abs=1e-12)
        if method == "augmented_lagrangian":
            return
        assert result.history[-1].multipliers["c"] == pytest.approx(found.multiplier)


def test_multipliers_of_a_handle_are_the_prices_of_the_report() -> None:
    spec = (
        "data train(x, y, g)\nmodel f\nminimize ce\ns.t. c: max(E[f(x)[0]], E[f(x)[1]]) <= -5\n"
        "using lagrangian(dual=sgd(lr=0.5))"
    )
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-30)
    handle = cspec.bind(spec, f=model, optimizer=optimizer)
    handle.step(**table())
    state = handle.state["multipliers"]
    assert int((state > 0).sum()) == len(state) == 2
    assert handle.multipliers["c"] == pytest.approx(float(state.sum()))


def test_the_log_of_a_maximum_has_the_objective_as_written() -> None:
    result = cspec.run(
        "var x = 1\nmaximize 3 - (x - 2)^2\ns.t. c: x <= 1.5\nusing lagrangian\n"
        "fit(optimizer=sgd(lr=1e-30), steps=2)"
    )
    assert [row.objective for row in result.history] == [2.0, 2.0]
    assert result.objective == 2.0
