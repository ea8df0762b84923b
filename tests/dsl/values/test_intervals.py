"""Interval arithmetic holds every value: random expressions against random points."""

from __future__ import annotations

import math
import random

import pytest

from cspec.dsl.check import check
from cspec.dsl.text.source import Source
from cspec.dsl.tree.constants import constant
from cspec.dsl.tree.nodes import Expr, Objective
from cspec.dsl.values.intervals import Ranges

FORMS = (
    "sin({}) + {}",
    "cos({} - {})",
    "{} * {}",
    "{} - 2*{}",
    "abs({}) + {}",
    "max({}, {})",
    "min({}, {} + 1)",
    "({})^2 - {}",
    "({})^3 + {}",
    "exp({}) / (2 + ({})^2)",
    "tanh({}) * arctan({})",
    "sqrt(abs({})) - {}",
    "floor({}) + 0.5*({})",
    "clip({}, -0.5, {})",
)


def expression(text: str) -> tuple[Ranges, Expr]:
    """The objective of a spec with a in [-1, 2] and b in [0, 3]."""
    spec = f"var a = 0 in [-1, 2]\nvar b = 1 in [0, 3]\nminimize {text}\n"
    checked = check(Source(text=spec))
    found = next(i for i in checked.elaborated.items if isinstance(i, Objective))
    assert found.expression is not None
    return Ranges(checked.symbols, checked.params, {}), found.expression


def composed(generator: random.Random, depth: int) -> str:
    """A random expression of a and b."""
    if depth == 0:
        return generator.choice(("a", "b", "1.5", "a", "b"))
    form = generator.choice(FORMS)
    return "(" + form.format(composed(generator, depth - 1), composed(generator, depth - 1)) + ")"


@pytest.mark.parametrize("seed", range(40))
def test_a_range_holds_every_value(seed: int) -> None:
    generator = random.Random(seed)
    text = composed(generator, 2)
    ranges, expr = expression(text)
    range_ = ranges.of(expr)
    for _ in range(200):
        point = {"a": generator.uniform(-1, 2), "b": generator.uniform(0, 3)}
        value = constant(expr, point)
        assert value is not None
        slack = 1e-9 * max(1.0, abs(value))
        assert range_.low - slack <= value <= range_.high + slack, text


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("sin(b)", math.sin(0), 1),
        ("a^2", 0, 4),
        ("a*b", -3, 6),
        ("1/(b + 1)", 0.25, 1),
        ("a - a", -3, 3),
        ("mean([a, b])", -1, 3),
        ("topk([a, b], 1)[0]", -1, 3),
        ("where(a > 0, a, b)", -1, 3),
        ("std([a, b])", 0, 2),
        ("variance([a, b])", 0, 4),
        ("clip(a, 0, 1)", 0, 1),
        ("exp(a)", math.exp(-1), math.exp(2)),
    ],
)
def test_ranges(text: str, low: float, high: float) -> None:
    ranges, expr = expression(text)
    assert ranges.of(expr) == pytest.approx((low, high))
