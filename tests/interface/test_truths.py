"""`true` and `false` as values of columns, against loops over rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cspec.dsl.check import check
from cspec.dsl.diagnostics import SpecError
from cspec.dsl.source import Source

Rows = Callable[[Any], Any]
EVENTS: dict[str, Rows] = {
    "q == true": lambda t: t["q"],
    "q != true": lambda t: ~t["q"],
    "false == q": lambda t: ~t["q"],
    "q in {true}": lambda t: t["q"],
    "y == true": lambda t: t["y"] == 1,
    "(x[0] > 0) == true": lambda t: t["x"][:, 0] > 0,
    "(x[0] > 0) == false": lambda t: t["x"][:, 0] <= 0,
    "true != (x[0] > 0)": lambda t: t["x"][:, 0] <= 0,
}


@pytest.mark.parametrize("event", EVENTS)
def test_a_column_is_compared_with_true_and_false(grouped: Any, event: str) -> None:
    where = EVENTS[event](grouped)
    result, pred = grouped.trained(
        f"c: P[{event}] <= 1 + 0*E[bce(f(x), y)]", f"metric m = P[pred == 1 | {event}]"
    )
    assert result["c"].value == pytest.approx(where.mean())
    assert result.metrics["m"] == pytest.approx(grouped.rate(pred, where))


@pytest.mark.parametrize("kind", ["text", "whole numbers", "real numbers"])
def test_columns_that_say_true_in_other_ways(grouped: Any, kind: str) -> None:
    held = {
        "text": np.where(grouped["q"], "true", "false"),
        "whole numbers": grouped["q"].astype(np.int64),
        "real numbers": grouped["q"].astype(np.float32),
    }[kind]
    result, pred = grouped.trained("c: P[pred == 1 | q == true] <= 1", q=held)
    assert result["c"].value == pytest.approx(grouped.rate(pred, grouped["q"]))


def test_a_quantifier_picks_the_true_ones(grouped: Any) -> None:
    result, pred = grouped.trained(
        "c: forall g in values(q) where g == true: P[pred == 1 | q == g] <= 1"
    )
    (only,) = result.constraints
    assert only.value == pytest.approx(grouped.rate(pred, grouped["q"]))


@pytest.mark.parametrize("column", ["sex", "k"])
def test_columns_that_hold_neither_are_refused(grouped: Any, column: str) -> None:
    with pytest.raises(SpecError) as caught:
        grouped.trained(f"c: P[pred == 1 | {column} == true] <= 1")
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("CS208", f"column `{column}` has no value true")


def test_the_words_are_taken_and_python_spelling_is_understood() -> None:
    (found,) = check(Source(text="param true = 2\nvar x = 1\nminimize x^2")).diagnostics
    assert found.code == "CS209"
    text = (
        "data train(x, y, q)\nmodel f\nminimize bce(f(x), y)\nmetric m = P[pred == 1 | q == True]"
    )
    (found,) = check(Source(text=text)).diagnostics
    assert found.fixes[0].replacement == "true"
