"""Events of numbers alone, which are the same for every example: Python's truth values are none of
torch's, and `~True` is -2."""

import math
from typing import Any

import pytest

PARAM = "param level = 0.75\n"
EVENTS = {
    "not 2^3 < 16": 0.0,
    "not (1 < 2)": 0.0,
    "4 <= 2 => q == false": 1.0,
    "not (2 < 1) and 0.25 < 0.75": 1.0,
    "0.5 < level": 1.0,
    "not level < 0.5": 1.0,
    "2 in [1, level]": 0.0,
    "not (2 in {1, 2})": 0.0,
    "3 < cosh(tanh(2))": 0.0,
}


@pytest.mark.parametrize("event", EVENTS)
def test_it_is_true_of_all_or_of_none(grouped: Any, event: str) -> None:
    more = f'{PARAM}metric a = P[{event}]\nmetric b = P[{event} | sex == "a"]'
    result, _ = grouped.trained("c: P[pred == 1] <= 1", more)
    assert result.metrics == pytest.approx({"a": EVENTS[event], "b": EVENTS[event]})


@pytest.mark.parametrize("event", EVENTS)
def test_it_takes_part_in_logic_and_arithmetic(grouped: Any, event: str) -> None:
    held, q = EVENTS[event], grouped["q"]
    result, _ = grouped.trained(
        "c: P[pred == 1] <= 1",
        f"{PARAM}metric either = P[({event}) or q]\nmetric both = P[q and ({event})]\n"
        f"metric apart = E[q - ({event})]\nmetric within = E[q | ({event})]",
    )
    found = result.metrics
    assert found["either"] == pytest.approx(max(held, q.mean()))
    assert found["both"] == pytest.approx(held * q.mean())
    assert found["apart"] == pytest.approx(q.mean() - held)
    if held:
        assert found["within"] == pytest.approx(q.mean())
    else:
        assert math.isnan(found["within"])


def test_a_class_that_decides_an_event_leaves_a_constant_one(grouped: Any) -> None:
    result, pred = grouped.trained("c: P[log1p(pred) in [0.1, 0.9] or x[0] > 1] <= 0.9")
    wanted = ((pred == 1) | (grouped["x"][:, 0] > 1)).mean()
    assert result["c"].value == pytest.approx(wanted)
