"""Events count 0 or 1 wherever they take part in arithmetic, against loops over rows."""

import math
from typing import Any

import pytest


def test_in_lets(grouped: Any) -> None:
    result, pred = grouped.trained(
        "c: P[pred == 1] <= 1",
        'let q1 = (sex == "a") - k + (q == true)\n'
        'let q2(v) = max(v, (sex == "b") + k)*(pred == y)\n'
        "metric m = E[q1]\nmetric n = E[q2(2)]",
    )
    rows = list(zip(grouped["sex"], grouped["k"], grouped["y"], pred, strict=True))
    first = sum((sex == "a") - k for sex, k, _, _ in rows) / len(rows) + grouped["q"].mean()
    second = sum(max(2, (sex == "b") + k) * (p == y) for sex, k, y, p in rows) / len(rows)
    assert result.metrics["m"] == pytest.approx(first)
    assert result.metrics["n"] == pytest.approx(second)


def test_of_means(grouped: Any) -> None:
    result, _ = grouped.trained("c: P[pred == 1] <= 1", "metric m = E[(E[k] > 2) - k/2]")
    mean = grouped["k"].mean()
    assert result.metrics["m"] == pytest.approx((mean > 2) - mean / 2)


@pytest.mark.parametrize(
    "measured",
    [
        'P[x[0] > E[x[0] | sex == "a", sex == "b"]]',
        'P[k == 1 or x[0] > E[x[0] | sex == "a", sex == "b"]]',
        'E[where(x[0] > E[x[0] | sex == "a", sex == "b"], 1, 0)]',
        'P[pred == 1 | x[0] <= E[x[0] | sex == "a", sex == "b"] or k > 0]',
    ],
)
def test_what_compares_with_a_mean_of_nothing_is_not_measured(grouped: Any, measured: str) -> None:
    result, _ = grouped.trained(f"c: {measured} + 0*E[bce(f(x), y)] <= 1", f"metric m = {measured}")
    assert math.isnan(result["c"].value) and not result["c"].satisfied
    assert math.isnan(result.metrics["m"])


def test_an_objective_of_events_and_numbers(grouped: Any) -> None:
    result, pred = grouped.trained("c: E[where(pred == y, k, 0)] >= 5")
    rows = zip(grouped["k"], grouped["y"], pred, strict=True)
    assert result["c"].value == pytest.approx(sum(k * (p == y) for k, y, p in rows) / len(pred))
    assert (result["c"].multiplier or 0) > 0
