"""Which method each kind of constraint gets, and why: the decisions as a table."""

from collections.abc import Callable

import pytest

from cspec.compiler.facts import (
    ColumnFacts,
    DataFacts,
    Facts,
    ModelFacts,
    OutputFacts,
    ParameterFacts,
)
from cspec.compiler.plan import Plan, specialize
from cspec.dsl.diagnostics import SpecError

Planned = Callable[[str], Plan]
HEAD = "data train(x, y, sex)\nmodel f\nminimize bce(f(x), y)\n"


def facts(gated: bool = False) -> Facts:
    weight = ParameterFacts(name="fc.weight", shape=(1, 4), prunable=True, gated=gated)
    columns = {
        "x": ColumnFacts(kind="real", shape=(4,)),
        "y": ColumnFacts(kind="categorical", classes=(0, 1), counts=(50, 50)),
        "sex": ColumnFacts(kind="categorical", classes=("F", "M"), counts=(50, 50)),
    }
    return Facts(
        data={"train": DataFacts(rows=100, columns=columns)},
        models={"f": ModelFacts(parameters=(weight,))},
        outputs={"f(x) on train": OutputFacts(shape=(1,))},
    )


@pytest.mark.parametrize(
    "constraint, method, why",
    [
        ("P[pred == 1] <= 50%", "augmented_lagrangian", "rate"),
        ("gap(P[pred == 1 | sex]) <= 5%", "augmented_lagrangian", "rate"),
        ("E[bce(f(x), y)] <= 0.3", "lagrangian", "statistic"),
        ("E[bce(f(x), y)] == 0.3", "augmented_lagrangian", "equality"),
        ("forall W in f.weights: W >= 0", "projection", "nonneg"),
        ("forall W in f.weights: W in stiefel", "projection", "stiefel"),
        ("forall W in f.weights: l2(W) <= 1", "projection", "ball"),
        ("forall W in f.weights: W in rank(2)", "admm", "combinatorial"),
        ("forall W in f.weights: W in nm(2, 4)", "admm", "combinatorial"),
        ("density(f) <= 10%", "projection", "gates"),
        ("E[bce(f(x), y)] <= 0.3 by augmented_lagrangian", "augmented_lagrangian", "own `by`"),
        ("forall W in f.weights: W >= 0 by construction", "projection", "construction"),
    ],
)
def test_methods_of_constraints(planned: Planned, constraint: str, method: str, why: str) -> None:
    (found,) = planned(HEAD + f"s.t. c: {constraint}").problem.constraints
    assert found.method is not None and found.method.word == method
    assert why in found.reason


def test_using_decides_for_all_that_say_nothing(planned: Planned) -> None:
    first, second = planned(
        HEAD + "s.t. a: E[bce(f(x), y)] <= 0.3\n b: P[pred == 1] <= 50% by lagrangian\n"
        "using quadratic_penalty(coefficient=3)"
    ).problem.constraints
    assert first.method is not None and first.method.word == "quadratic_penalty"
    assert "`using`" in first.reason
    assert second.method is not None and second.method.word == "lagrangian"


def test_a_density_is_decided_by_the_gates_of_the_model(planned: Planned) -> None:
    plan = planned(HEAD + "s.t. c: density(f) <= 10%")
    (dense,) = specialize(plan, facts()).constraints
    (gated,) = specialize(plan, facts(gated=True)).constraints
    assert (dense.method, gated.method) == ("projection", "lagrangian")
    assert "without gates" in dense.reason and "gates" in gated.reason
    assert not dense.multipliers and gated.multipliers


def test_a_preference_needs_no_method(planned: Planned) -> None:
    (c,) = planned(HEAD + "s.t. c: E[bce(f(x), y)] <= 0.3 soft(weight=2)").problem.constraints
    assert c.method is None and "preference" in c.reason


@pytest.mark.parametrize(
    "constraint, message",
    [
        ("E[bce(f(x), y)] <= 0.3 by projection", "not a set of parameters"),
        ("E[bce(f(x), y)] <= 0.3 by admm", "not a set of parameters"),
        ("E[bce(f(x), y)] <= 0.3 by construction", "by construction"),
        ("forall W in f.weights: W in rank(2) by lagrangian", "no function that a multiplier"),
    ],
)
def test_what_a_method_cannot_do_is_refused(
    planned: Planned, constraint: str, message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        planned(HEAD + f"s.t. c: {constraint}")


def test_density_without_gates_by_multipliers_is_refused_once_bound(planned: Planned) -> None:
    plan = planned(HEAD + "s.t. c: density(f) <= 10% by lagrangian")
    with pytest.raises(SpecError, match="no gradient here"):
        specialize(plan, facts())
    assert specialize(plan, facts(gated=True)).constraints[0].method == "lagrangian"


def test_all_refusals_come_at_once(planned: Planned) -> None:
    with pytest.raises(SpecError) as caught:
        planned(
            HEAD + "s.t. a: E[bce(f(x), y)] <= 0.3 by projection\n b: P[pred == 1] <= 50% by admm"
        )
    assert len(caught.value.diagnostics) == 2
