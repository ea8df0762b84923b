"""`gap` and `ratio` of decision variables, and pages about functions with many entries."""

from __future__ import annotations

import numpy as np
import pytest

import cspec


def test_a_gap_of_variables_is_bounded() -> None:
    """The nearest point to (1, 2, 4) whose entries differ by at most 1: (2, 2, 3)."""
    text = "var x[3] = 0\nminimize sumsq(x - [1, 2, 4])\ns.t. g: gap(x) <= 1"
    result = cspec.run(text)
    assert np.asarray(result.vars["x"]) == pytest.approx([2, 2, 3], abs=1e-6)
    assert result["g"].multiplier == pytest.approx(2, abs=1e-5)
    assert (result["g"].value, result["g"].bound) == pytest.approx((1, 1))


def test_a_gap_is_minimized() -> None:
    text = "var x[3] = [1, 3, 2]\nminimize gap(x) + 0.1*sumsq(x - [1, 2, 4])"
    assert np.asarray(cspec.run(text).vars["x"]) == pytest.approx(np.full(3, 7 / 3), abs=1e-5)


def test_a_ratio_of_variables() -> None:
    """min (u - 1)^2 + (v - 4)^2 s.t. u >= v / 2: on the line v = 2 u, at u = 9/5."""
    text = "var x[2] = [1, 3]\nminimize sumsq(x - [1, 4])\ns.t. ratio(x) >= 0.5"
    result = cspec.run(text)
    assert np.asarray(result.vars["x"]) == pytest.approx([1.8, 3.6], abs=1e-4)


PAGES = [
    "param q[3] = [0.2, 0.3, 0.5]\nvar p[3] = 1/3\nminimize kl(p, q)\ns.t. p in simplex",
    "var p[2] = 0.5\nmaximize entropy(p)\ns.t. p >= 0",
    "var x[200] = 0\nminimize sumsq(x - 3)\ns.t. x^2 <= 1",
    "var x[200] = 0\nminimize sumsq(x - 3)\ns.t. l1(x) <= 5; x <= 1 soft",
]


@pytest.mark.parametrize("text", PAGES)
@pytest.mark.parametrize("form", ["text", "json", "markdown", "mermaid"])
def test_functions_with_many_entries_are_explained(text: str, form: str) -> None:
    assert cspec.explain(text, format=form)  # type: ignore[arg-type]


SPELLINGS = [
    "gap(P[pred == 1 | g]) <= 5%",
    "max(P[pred == 1 | g]) - min(P[pred == 1 | g]) <= 5%",
    "gap(P[pred == 1 | g == k] for k in values(g)) <= 5%",
    "max(P[pred == 1 | g == k] for k in values(g)) - min(P[pred == 1 | g == k] for k in values(g))"
    " <= 5%",
    'gap([P[pred == 1 | g == "a"], P[pred == 1 | g == "b"]]) <= 5%',
]


def trained(requirement: str) -> tuple[float, float]:
    draw = np.random.default_rng(0)
    g = np.array(["a", "b"])[draw.integers(0, 2, 200)]
    x = draw.normal(size=(200, 2)) + (g == "a")[:, None]
    y = (x[:, 0] + draw.normal(size=200) > 0.5).astype(int)
    spec = (
        "data train(x, y, g)\nmodel f = linear\nminimize bce(f(x), y)\n"
        f"s.t. c: {requirement}\nfit(steps=30, batch_size=50)"
    )
    result = cspec.run(spec, train={"x": x, "y": y, "g": g})
    return result.objective, result["c"].value


@pytest.mark.parametrize("other", SPELLINGS[1:])
def test_a_gap_of_rates_is_trained_alike_however_it_is_written(other: str) -> None:
    assert trained(other) == pytest.approx(trained(SPELLINGS[0]), rel=1e-6)


def test_of_one_member_there_is_no_gap() -> None:
    with pytest.raises(cspec.SpecError, match="compares members"):
        trained('gap(P[pred == 1 | g == k] for k in values(g) where k == "a") <= 5%')
    with pytest.raises(cspec.SpecError, match="over nothing"):
        trained("ratio(P[pred == 1 | g == k] for k in values(g) where count >= 999) >= 50%")
