"""Runs that leave a requirement behind."""

from collections.abc import Callable

import numpy as np
import pytest

import cspec
from cspec.runtime.result.history import Row
from cspec.runtime.verdict.why.trends import left_behind

RATE = """\
data train(x)
var t = 0
minimize t
s.t. below: P[x <= t on train] >= 90%
using augmented_lagrangian(penalty=1, growth=1, every=step, lr=0.1)
fit(optimizer=sgd(lr={lr}), batch_size=full, steps=400)
"""


def rows(objective: Callable[[float], float], violation: Callable[[float], float]) -> list[Row]:
    return [Row(k, k, objective(k / 100), {"a": violation(k / 100)}, {}) for k in range(101)]


def test_an_even_fall_with_a_violation_that_stays_is_one() -> None:
    assert left_behind(rows(lambda s: -5 * s, lambda s: 0.9), "a") == (0, -5)


@pytest.mark.parametrize(
    ("objective", "violation"),
    [
        (lambda s: -5 * (1 - 0.001**s), lambda s: 0.9),  # It settles.
        (lambda s: -5 * s, lambda s: 0.9 - 0.5 * s),  # The violation falls.
        (lambda s: -5 * s, lambda s: 0.0),
        (lambda s: -0.5 * s, lambda s: 0.9),  # Not far.
        (lambda s: 5 * s, lambda s: 0.9),
        (lambda s: float("nan"), lambda s: 0.9),
    ],
)
def test_others_are_none(
    objective: Callable[[float], float], violation: Callable[[float], float]
) -> None:
    assert left_behind(rows(objective, violation), "a") is None


def test_a_run_that_leaves_its_data_says_so() -> None:
    x = np.linspace(0, 4, 200)
    result = cspec.run(RATE.format(lr=0.05), train=(x,))
    assert result.status == "violated"
    assert any("ran away" in note and "`below`" in note for note in result.notes)
