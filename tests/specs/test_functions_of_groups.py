"""One number of a vector over groups is one requirement, with one multiplier."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

FUNCTIONS: dict[str, Callable[[Any], float]] = {
    "std({})": np.std,
    "mean({})": np.mean,
    "median({})": np.median,
    "variance({})": np.var,
    "dot({}, [1, 2, 3])": lambda rates: np.dot(rates, [1, 2, 3]),
    "max(cumsum({}))": lambda rates: max(np.cumsum(rates)),
    "sum(topk({}, 2))": lambda rates: sum(sorted(rates)[-2:]),
}


@pytest.mark.parametrize("text", FUNCTIONS)
def test_in_chains(grouped: Any, text: str) -> None:
    result, pred = grouped.trained(f"c: 1% <= {text.format('P[pred == 1 | sex]')} <= 2%")
    rates = [grouped.rate(pred, grouped["sex"] == g) for g in "abc"]
    wanted = pytest.approx(FUNCTIONS[text](rates))
    assert [(c.name, c.value) for c in result.constraints] == [("c.lo", wanted), ("c.hi", wanted)]


@pytest.mark.parametrize("text", FUNCTIONS)
def test_beside_others(grouped: Any, text: str) -> None:
    result, pred = grouped.trained(
        f"c: max({text.format('P[pred == 1 | sex]')}, P[pred == 1]) <= 1%\n"
        "     d: P[pred == 0] <= 1%"
    )
    rates = [grouped.rate(pred, grouped["sex"] == g) for g in "abc"]
    assert result["c"].value == pytest.approx(max(FUNCTIONS[text](rates), pred.mean()))
    assert isinstance(result["c"].multiplier, float)


def test_one_multiplier(grouped: Any) -> None:
    result, _ = grouped.trained("c: mean(P[pred == 1 | sex]) <= 0.01 by lagrangian(dual=sgd(lr=1))")
    alone, _ = grouped.trained(
        "c: sum(P[pred == 1 | sex == g] for g in values(sex))/3 <= 0.01"
        " by lagrangian(dual=sgd(lr=1))"
    )
    assert result["c"].multiplier == pytest.approx(alone["c"].multiplier, rel=1e-4)
