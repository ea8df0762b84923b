"""`sum`, `max` and `min` over the values of columns, against loops over rows."""

import itertools
from typing import Any

import pytest

import cspec
from cspec.dsl.messages.diagnostic import SpecError


def test_a_sum_over_the_values_of_a_column(grouped: Any) -> None:
    result, pred = grouped.trained("c: sum(P[pred == 1 | sex == g] for g in values(sex)) <= 3")
    wanted = sum(grouped.rate(pred, grouped["sex"] == g) for g in "abc")
    assert result["c"].value == pytest.approx(wanted)


def test_a_maximum_without_one_value(grouped: Any) -> None:
    result, pred = grouped.trained(
        'c: max(P[pred == 1 | sex == g] for g in values(sex) where g != "c") <= 1'
    )
    wanted = max(grouped.rate(pred, grouped["sex"] == g) for g in "ab")
    assert result["c"].value == pytest.approx(wanted)


def test_a_minimum_over_groups_of_enough_rows(grouped: Any) -> None:
    result, pred = grouped.trained(
        "c: min(P[pred == 1 | sex == g and y == 1] for g in values(sex) where count >= 30) <= 1"
    )
    positive = grouped["y"] == 1
    wanted = min(grouped.rate(pred, (grouped["sex"] == g) & positive) for g in "ab")
    assert result["c"].value == pytest.approx(wanted)


def test_a_sum_over_combinations(grouped: Any) -> None:
    result, pred = grouped.trained(
        "c: sum(P[pred == 1 | sex == g and race == h] for (g, h) in cross(sex, race)"
        " where count >= 9) <= 9"
    )
    groups = [
        (grouped["sex"] == g) & (grouped["race"] == h) for g, h in itertools.product("abc", "uv")
    ]
    wanted = sum(grouped.rate(pred, rows) for rows in groups if rows.sum() >= 9)
    assert result["c"].value == pytest.approx(wanted)


def test_a_sum_over_whole_numbers_that_are_not_in_a_row(grouped: Any) -> None:
    result, pred = grouped.trained(
        "c: sum(P[pred == 1 | k == j] for j in values(k) where j != 2) <= 9"
    )
    wanted = sum(grouped.rate(pred, grouped["k"] == j) for j in (1, 5))
    assert result["c"].value == pytest.approx(wanted)


def test_a_comprehension_inside_a_quantifier(grouped: Any) -> None:
    result, pred = grouped.trained(
        "c: forall g in values(sex):\n"
        "   max(abs(P[pred == 1 | sex == g] - P[pred == 1 | sex == h]) for h in values(sex)"
        " where h != g) <= 1"
    )
    rates = {g: grouped.rate(pred, grouped["sex"] == g) for g in "abc"}
    for g in "abc":
        wanted = max(abs(rates[g] - rates[h]) for h in "abc" if h != g)
        assert result[f"c[{g}]"].value == pytest.approx(wanted)


def test_the_mean_loss_of_the_worst_class_is_what_trains() -> None:
    text = (
        "data train(x, y) = two_gaussians(n=30)\nmodel f = linear\nminimize bce(f(x), y)\n"
        "s.t. c: max(E[bce(f(x), y) | y == k] for k in values(y)) <= 0.05\n"
        "fit(epochs=30, optimizer=adam(lr=0.05))"
    )
    assert cspec.run(text)["c"].satisfied


@pytest.mark.parametrize("word", ["sum", "max", "min"])
def test_nothing_to_go_over_is_said(grouped: Any, word: str) -> None:
    with pytest.raises(SpecError) as caught:
        grouped.trained(
            f"c: {word}(P[pred == 1 | sex == g] for g in values(sex) where count >= 500) <= 1"
        )
    (found,) = caught.value.diagnostics
    assert found.code == "CS525"
    assert "relax" in found.helps[-1]


def test_a_pattern_that_matches_no_weight_is_no_sum_of_zero() -> None:
    with pytest.raises(SpecError, match="CS525"):
        cspec.compile(
            "data train(x, y) = two_gaussians(n=9)\nmodel f = linear\n"
            'minimize bce(f(x), y) + sum(sumsq(W) for W in f.weights("conv*"))'
        )


def test_a_sum_over_no_number_is_zero() -> None:
    text = (
        "var x[3] = 1\nminimize sumsq(x - 2)\n"
        "s.t. c: forall i in range(3): x[i] <= 1 + sum(x[j] for j in range(3) where j < i)\n"
    )
    assert cspec.run(text).vars["x"] == pytest.approx([1, 2, 2], abs=1e-5)
