"""Which method each kind of constraint gets, and why: the decisions as a table."""

from collections.abc import Callable

import pytest

from cspec.compiler.plan import Plan
from cspec.compiler.records.facts import (
    ColumnFacts,
    DataFacts,
    Facts,
    ModelFacts,
    OutputFacts,
    ParameterFacts,
)
from cspec.compiler.specialize import specialize
from cspec.dsl.messages.diagnostic import SpecError

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
        ("E[bce(f(x), y)] <= 0.3", "augmented_lagrangian", "statistic"),
        ("E[bce(f(x), y)] == 0.3", "augmented_lagrangian", "equality"),
        ("forall W in f.weights: W >= 0", "projection", "nonneg"),
        ("forall W in f.weights: W in stiefel", "projection", "stiefel"),
        ("forall W in f.weights: l2(W) <= 1", "projection", "ball"),
        ("forall W in f.weights: W in rank(2)", "admm", "combinatorial"),
        ("forall W in f.weights: W in nm(2, 4)", "projection", "cubic ramp"),
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


@pytest.mark.parametrize(
    "how, method",
    [
        ("by projection", "projection"),
        ("by construction", "projection"),
        ("by admm", "admm"),
    ],
)
@pytest.mark.parametrize(
    "relation", ["norm(W[i], 2) <= 0.5", "W[i] in simplex", "W[i, 0:2] >= 0", "sum(W[i]) == 1"]
)
def test_sets_on_entries_keep_the_method_that_is_written(
    planned: Planned, relation: str, how: str, method: str
) -> None:
    text = f"forall W in f.weights: forall i in range(1): {relation} {how}"
    (found,) = specialize(planned(HEAD + f"s.t. c: {text}"), facts()).constraints
    assert found.method == method


@pytest.mark.parametrize("how", ["by projection", "by admm"])
def test_entries_that_are_in_no_set_are_refused_once_bound(planned: Planned, how: str) -> None:
    plan = planned(HEAD + f"s.t. c: forall W in f.weights: sin(W[0, 0]) <= 0.5 {how}")
    with pytest.raises(SpecError, match="not a set of parameters"):
        specialize(plan, facts())


def test_a_floor_on_the_density_of_each_weight_runs(planned: Planned) -> None:
    plan = planned(HEAD + "s.t. c: forall W in f.weights: 20% <= density(W) <= 50%")
    low, high = specialize(plan, facts()).constraints
    assert (low.relation, low.method, high.method) == (">=", "augmented_lagrangian", "projection")


@pytest.mark.parametrize("relation", ["density(W) >= 20%", "density(W) <= 20%"])
def test_the_density_of_one_weight_with_gates_is_refused(planned: Planned, relation: str) -> None:
    plan = planned(HEAD + f"s.t. c: forall W in f.weights: {relation}")
    with pytest.raises(SpecError, match="those of its gates"):
        specialize(plan, facts(gated=True))


@pytest.mark.parametrize("center", ["[1, 2, 3, 4]", "[[1, 2, 3, 4]]", "0.5"])
def test_a_center_has_as_many_numbers_as_its_weight(planned: Planned, center: str) -> None:
    plan = planned(HEAD + f"s.t. c: forall W in f.weights: W in ball({center}, 1, norm=2)")
    assert specialize(plan, facts()).constraints[0].method == "projection"


def test_a_center_of_another_size_is_refused(planned: Planned) -> None:
    plan = planned(HEAD + "s.t. c: forall W in f.weights: W in ball([1, 2, 3], 1, norm=2)")
    with pytest.raises(SpecError, match="center 3"):
        specialize(plan, facts())


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


@pytest.mark.parametrize("text", ["W <= exp(W)", "norm(W, 2) >= 2", "norm(W, 2) <= y"])
def test_what_no_construction_holds_is_refused(planned: Planned, text: str) -> None:
    spec = f"var W[3]\nvar y\nminimize sumsq(W - 1) + y^2\ns.t. c: {text}"
    with pytest.raises(SpecError) as caught:
        planned(f"{spec} by construction")
    (found,) = caught.value.diagnostics
    assert found.code == "CS523" and found.helps[0].startswith("leave `by construction` out")
    assert planned(spec).problem.constraints[0].method is not None
