"""Sums over all entries are sums of vectors, with the values of plain loops."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

import cspec
from cspec.compiler.passes.whole_sums import whole_sum
from cspec.compiler.plan import plan
from cspec.dsl.check import check
from cspec.dsl.format.expressions import format_expression
from cspec.dsl.parsing.parse import parse_text
from cspec.dsl.text.source import Source
from cspec.dsl.tree.nodes import Comprehension

N, M = 40, 36
CHANCE = random.Random(3)
X = [CHANCE.uniform(0.2, 2) for _ in range(N)]
C = [CHANCE.uniform(-1, 1) for _ in range(N)]
W = [[CHANCE.uniform(0.2, 1) for _ in range(N)] for _ in range(M)]
A = [[CHANCE.uniform(-1, 1) for _ in range(N)] for _ in range(M)]
I, J = range(M), range(N)

VALUES: dict[str, float] = {
    "sum(x[j] for j in range(40))": sum(X),
    "sum(c[j]*x[j]^k - j for j in range(40))": sum(C[j] * X[j] ** 2 - j for j in J),
    "sum(x[j] for j in range(39))": sum(X[:39]),
    "max(abs(c[j]*x[j]) for j in range(40))": max(abs(C[j] * X[j]) for j in J),
    "min(exp(-x[j])/(1 + j) for j in range(40))": min(math.exp(-X[j]) / (1 + j) for j in J),
    "sum(A[i, j]*x[j] for i in range(36) for j in range(40))": sum(
        A[i][j] * X[j] for i in I for j in J
    ),
    "sum(A[i, j]*W[i, j] for j in range(40) for i in range(36))": sum(
        A[i][j] * W[i][j] for i in I for j in J
    ),
    "sum(x[i]*sum(x[j]*(i + 1) for j in range(40)) for i in range(40))": sum(
        X[i] * X[j] * (i + 1) for i in J for j in J
    ),
    "sum((x[i] - x[j])^2 for i in range(40) for j in range(40))": sum(
        (X[i] - X[j]) ** 2 for i in J for j in J
    ),
    "sum((x[i] - x[j])^2 for i in range(40) for j in range(i))": sum(
        (X[i] - X[j]) ** 2 for i in J for j in range(i)
    ),
    "sum(x[j]*x[39 - j] for j in range(40))": sum(X[j] * X[39 - j] for j in J),
    "sum(W[i, 3]*W[2, i] for i in range(36))": sum(W[i][3] * W[2][i] for i in I),
    "sum(max(W[i, j] for j in range(40)) for i in range(36))": sum(map(max, W)),
    "sum(2 for j in range(40))": 80.0,
    "sum(x[1] for j in range(40))": 40 * X[1],
    "sum(max(x) for j in range(40))": 40 * max(X),
    "sum(x[j] for j in range(40) where j >= 35)": sum(X[35:]),
    "max(sum(x[j]*A[i, j] for j in range(40)) for i in range(36))": max(
        sum(X[j] * A[i][j] for j in J) for i in I
    ),
    "sum(sin(x[j])/sum(exp(x[l]) for l in range(40)) for j in range(40))": sum(map(math.sin, X))
    / sum(map(math.exp, X)),
    "sum(x[j]^x[j] for j in range(40))": sum(x**x for x in X),
}


def row(values: list[float]) -> str:
    return f"[{', '.join(map(repr, values))}]"


def rows(values: list[list[float]]) -> str:
    return f"[{', '.join(map(row, values))}]"


@pytest.fixture(scope="module")
def measured() -> dict[str, float]:
    lines = [
        f"var x[{N}] = {row(X)}", f"var W[{M}, {N}] = {rows(W)}", f"param c[{N}] = {row(C)}",
        f"param A[{M}, {N}] = {rows(A)}", "param k = 2",
        f"minimize sumsq(x - {row(X)}) + sumsq(W - {rows(W)})",
        *(f"metric m{i} = {text}" for i, text in enumerate(VALUES)),
    ]  # fmt: skip
    metrics = cspec.run("\n".join(lines)).metrics
    return {text: float(metrics[f"m{i}"]) for i, text in enumerate(VALUES)}


@pytest.mark.slow
@pytest.mark.parametrize("text", VALUES)
def test_values_are_those_of_loops(text: str, measured: dict[str, float]) -> None:
    assert measured[text] == pytest.approx(VALUES[text], rel=1e-6, abs=1e-6)


SHAPES = {"x": (40,), "W": (36, 40)}


@pytest.mark.parametrize(
    ("written", "whole"),
    [
        ("sum(x[j] for j in range(40))", "sum(x)"),
        ("sum(x[j]^2*exp(-x[j]) for j in range(40))", "sum(x^2*exp(-x))"),
        ("sum(W[3, j]*x[j] for j in range(40))", "sum(W[3]*x)"),
        ("max(W[i, 3] for i in range(36))", "max(W[:, 3])"),
        ("sum(x[j]*sum(x) for j in range(40))", "sum(x*sum(x))"),
        ("sum(x[j] for j in range(39))", None),
        ("sum(x[j] for j in range(40) where j > 2)", None),
        ("sum(x[39 - j] for j in range(40))", None),
        ("sum(W[j] for j in range(36))", None),
        ("sum(2 for j in range(40))", None),
        ("sum(x for j in range(40))", None),
        ("sum(x*j for j in range(40))", None),
    ],
)
def test_forms(written: str, whole: str | None) -> None:
    spec, found = parse_text(f"minimize {written}\n")
    assert found == ()
    (item,) = spec.items
    expr = getattr(item, "expression")  # noqa: B009
    assert isinstance(expr, Comprehension)
    made = whole_sum(expr, SHAPES, {})
    assert (None if made is None else format_expression(made)) == whole


def test_a_body_that_sums_over_all_costs_what_it_is_long(
    calls: Callable[[Callable[[], Any]], int],
) -> None:
    def spec(size: int) -> Source:
        body = f"x[i]/sum(exp(x[j]) for j in range({size})) >= 0.001"
        return Source(
            text=f"var x[{size}] = 1\nminimize sumsq(x)\ns.t. forall i in range({size}): {body}\n"
        )

    small, large = check(spec(101)), check(spec(202))
    assert calls(lambda: plan(large)) < 2.5 * calls(lambda: plan(small))
