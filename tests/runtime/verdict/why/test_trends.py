"""What a logged path shows."""

import math

import pytest

from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.result.history import Row
from cspec.runtime.verdict.why.diagnosis import swinging
from cspec.runtime.verdict.why.trends import trend

C = ConstraintFacts(
    label="c", family="c", text="", relation="<=", tolerance=1e-6, method="lagrangian"
)


def rows(violations: list[float], multipliers: list[float], stride: int = 1) -> list[Row]:
    return [
        Row(step=i * stride, epoch=1, objective=0.0, violations={"c": g}, multipliers={"c": m})
        for i, (g, m) in enumerate(zip(violations, multipliers, strict=True))
    ]


def test_a_multiplier_short_of_its_target_by_a_known_factor() -> None:
    # g = 1 - m / 2, so m = 2 is needed; it gets to 0.2: a factor of 10.
    m = [0.2 * i / 299 for i in range(300)]
    found = trend(rows([1 - x / 2 for x in m], m), C)
    assert found is not None and found.grows and found.moved
    assert found.shortfall == pytest.approx(10, rel=0.03)


@pytest.mark.parametrize("stride", [1, 7])
def test_the_dual_step_is_read_from_the_path(stride: int) -> None:
    g = [math.cos(i / 9) for i in range(120)]
    m = [5.0]
    for value in g[1:]:
        m.append(m[-1] + 0.05 * stride * value)
    found = trend(rows(g, m, stride), C)
    assert found is not None and not found.grows
    assert found.step == pytest.approx(0.05, rel=1e-6)


def test_a_slow_trend_is_no_noise_and_alternation_is() -> None:
    slow = trend(rows([1 - i / 300 for i in range(300)], [0.0] * 300), C)
    loud = trend(rows([0.1 * (-1) ** i for i in range(300)], [0.0] * 300), C)
    assert slow is not None and loud is not None
    assert slow.noise < 0.003 < 0.1 < loud.noise


def test_short_logs_show_no_trend_and_flat_ones_never_moved() -> None:
    assert trend(rows([1.0] * 30, [0.0] * 30), C) is None
    flat = trend(rows([1.0] * 60, [float(i) for i in range(60)]), C)
    assert flat is not None and not flat.moved and not flat.falling
    assert flat.shortfall == math.inf


def test_of_several_equalities_the_sign_that_is_shown_says_nothing() -> None:
    """Two residuals of +0.1 and -0.1 take turns as the largest: nothing swings, nothing jumps."""
    facts = ConstraintFacts(
        label="c", family="c", text="", relation="==", tolerance=1e-3, method="lagrangian",
        segment=(0, 2), multipliers=True,
    )  # fmt: skip
    rows = [Row(i, 1, 0.0, {"c": 0.1 * (-1) ** i}, {"c": 1.0}) for i in range(1, 401)]
    found = trend(rows, facts)
    assert found is not None and found.noise == pytest.approx(0, abs=1e-12)
    assert swinging(rows, [facts], False) == frozenset()
    assert swinging(rows, [facts.model_copy(update={"segment": (0, 1)})], False) == {"c"}
