"""What is claimed of functions of vectors and matrices, against their torch bodies."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp
import torch

from cspec.compiler.algebra.structure import Reader
from cspec.compiler.algebra.sympy import NotSymbolicError, Space, translate
from cspec.dsl.parsing.parse import parse_text
from cspec.dsl.tree.nodes import Expr, Objective
from cspec.dsl.values.shapes import RULES
from cspec.runtime.functions import FUNCTIONS

SPACE = Space(
    {"x": (4,), "p": (4,), "A": (3, 3), "W": (2, 4)},
    {"p": (sp.Rational(1, 100), sp.Rational(99, 100))},
    {"c": (1.0, -2.0, 0.5, 3.0)},
)
TEXTS = [
    "trace(A)", "det(A)", "logdet(A)", "inv(A)[0, 1]", "expm(A)[0, 1]", "diag(A)[1]",
    "diag(x)[1, 2]", "mean(x)", "mean(W)", "variance(x)", "std(x)", "median(x)", "cumsum(x)[2]",
    "dot(c, x)", "dot(x, x)", "topk(x, 2)[1]", "sum(topk(x, 2))", "mean(topk(x, 3))", "argmax(x)",
    "entropy(p)", "kl(p, 0.5*p + 0.1)", "clip(x[0], -0.5, 1)", "where(x[0] > 0, x[1], 2*x[2])",
    "floor(x[0])", "sum(x[1:3])", "x[1:][2]", "sum(W[:, 1])", "sum(W[1, 0:2])", "norm(W[0, :], 2)",
    "-entropy(p)", "trace(A @ A.T)", "mean(exp(x))", "-logdet(A)", "sum(cumsum(x)^2)",
]  # fmt: skip


def _expr(text: str) -> Expr:
    spec, found = parse_text(f"minimize {text}\n")
    assert not found
    (item,) = (i for i in spec.items if isinstance(i, Objective))
    assert item.expression is not None
    return item.expression


def _point(make: np.random.Generator) -> dict[str, np.ndarray]:
    a = make.normal(size=(3, 3))
    return {
        "x": make.normal(size=4) * 2,
        "p": make.uniform(0.01, 0.99, 4),
        "A": a @ a.T + 0.5 * np.eye(3) + 0.1 * make.normal(size=(3, 3)),
        "W": make.normal(size=(2, 4)),
    }


def _value(text: str, point: dict[str, np.ndarray]) -> float:
    """The value with torch bodies, text read as Python: the two share their syntax here."""
    names = {name: torch.tensor(value) for name, value in point.items()}
    names["c"] = torch.tensor(SPACE.params["c"], dtype=torch.float64)
    scope = {**FUNCTIONS, **names}
    return float(eval(text.replace("^", "**"), {"__builtins__": {}}, scope))


@pytest.mark.parametrize("text", TEXTS)
def test_closed_forms_are_the_bodies(text: str) -> None:
    try:
        found = translate(_expr(text), SPACE)
    except NotSymbolicError:
        return
    make = np.random.default_rng(1)
    for _ in range(5):
        point = _point(make)
        flat = [v for name in SPACE.shapes for v in point[name].ravel()]
        values = dict(zip(SPACE.symbols(), flat, strict=True))
        assert float(found.subs(values)) == pytest.approx(_value(text, point), rel=1e-9)


def test_the_closed_forms_that_are_meant_to_be_there() -> None:
    for text in ("trace(A)", "det(A)", "logdet(A)", "inv(A)[0, 1]", "variance(x)", "cumsum(x)[2]"):
        translate(_expr(text), SPACE)


@pytest.mark.parametrize("text", TEXTS)
def test_claims_hold_between_points(text: str) -> None:
    """Convex: f at the middle is at most the mean of both ends; the range holds every value."""
    form = Reader(SPACE).form(_expr(text))
    assert form.shape == ()
    make = np.random.default_rng(2)
    for _ in range(60):
        ends = _point(make), _point(make)
        middle = {name: (ends[0][name] + ends[1][name]) / 2 for name in ends[0]}
        low, high = (_value(text, end) for end in ends)
        value, mean = _value(text, middle), (low + high) / 2
        slack = 1e-9 * max(1.0, abs(low), abs(high))
        assert not form.convex or value <= mean + slack
        assert not form.concave or value >= mean - slack
        assert form.low - slack <= value <= form.high + slack
        assert not math.isnan(value)


AFFINE = (
    "trace(A)", "mean(x)", "mean(W)", "cumsum(x)[2]", "dot(c, x)", "sum(x[1:3])", "diag(A)[1]",
)  # fmt: skip


def test_what_is_known_to_bend_how() -> None:
    def form(text: str) -> object:
        found = Reader(SPACE).form(_expr(text))
        return found.convex, found.concave, found.smooth

    assert all(form(text) == (True, True, True) for text in AFFINE)
    assert form("variance(x)") == form("std(x)") == form("kl(p, p)") == (True, False, True)
    assert form("entropy(p)") == (False, True, True)
    assert form("sum(topk(x, 2))") == (True, False, False)
    for text in ("median(x)", "clip(x[0], 0, 1)", "where(x[0] > 0, x[1], 0)", "floor(x[0])"):
        assert form(text) == (False, False, False)


def test_every_word_is_among_these() -> None:
    assert {word for word in RULES if not any(word in text for text in TEXTS)} == set()
