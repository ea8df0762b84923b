"""What parses and can hardly be meant: conditions, totals, products, sizes, bounds of params."""

import pytest

from cspec.dsl.check import check
from cspec.dsl.text.source import Source

DATA = (
    "data train(x, y, sex)\nmodel f\nminimize E[bce(f(x), y)]\ns.t. c: P[pred == 1 | {}] >= 10%\n"
)
WEIGHTS = "var w[4] in simplex\nminimize sumsq(w)\ns.t. c: {}\n"
RETURNS = "param mu[4] = [1, 2, 3, 4]\nvar w[4] in simplex\nminimize sumsq(w)\ns.t. c: {}\n"


def told(text: str) -> list[tuple[str, str]]:
    """Codes and what the first fix writes."""
    found = check(Source(text=text)).diagnostics
    return [(d.code, d.fixes[0].replacement if d.fixes else "") for d in found]


@pytest.mark.parametrize(
    ("condition", "meant"),
    [
        ("y == 1 and y == 0", "y in {1, 0}"),
        ("y == 1, y == 0", "y in {1, 0}"),
        ('sex == "F" and sex == "M"', 'sex in {"F", "M"}'),
        ("x > 2 and x < 1", "x > 1 and x < 2"),
        ("2 < x < 1", "1 < x < 2"),
    ],
)
def test_conditions_that_no_example_meets(condition: str, meant: str) -> None:
    assert told(DATA.format(condition)) == [("CS328", meant)]


@pytest.mark.parametrize(
    "condition",
    ['y == 1 and sex == "F"', "x > 1 and x < 2", "x >= 2 and x <= 2", "y != 1 and y != 0"],
)
def test_conditions_that_examples_may_meet(condition: str) -> None:
    assert told(DATA.format(condition)) == []


@pytest.mark.parametrize(
    ("bound", "meant"),
    [
        ("w <= 0.2", "0.25"),
        ("w >= 30%", "25%"),
        ("w in [0, 0.1]", "0.25"),
        ("max(w) <= 0.2", "0.25"),
        ("forall i in range(4): w[i] <= 0.2", "0.25"),
    ],
)
def test_entries_that_cannot_sum_to_their_total(bound: str, meant: str) -> None:
    assert told(WEIGHTS.format(bound)) == [("CS404", meant)]


@pytest.mark.parametrize(
    "bound",
    [
        "w <= 0.25",
        "w <= 0.4",
        "w >= 0.1",
        "min(w) <= 0.2",
        "w[0] <= 0.1",
        "w <= 0.2 soft(weight=1)",
    ],
)
def test_entries_that_can(bound: str) -> None:
    assert told(WEIGHTS.format(bound)) == []


def test_a_product_of_entries_beside_weights_that_share_out_a_whole() -> None:
    assert told(RETURNS.format("mu * w >= 2")) == [("CS329", "mu @ w >= 2")]
    assert told(RETURNS.format("mu * w <= mu")) == []
    assert told(RETURNS.format("mu @ w >= 2")) == []


def test_sizes_that_differ_are_told_where_they_are_declared() -> None:
    text = "param S[4, 4]\nvar w[5] in simplex\nminimize w @ S @ w\n"
    (found,) = check(Source(text=text)).diagnostics
    assert found.code == "CS329"
    assert [fix.replacement for fix in found.fixes] == ["5, 5", "4"]


def test_a_bound_of_a_param_is_left_out() -> None:
    text = "param g = 3\nvar w = 1\nminimize g*w^2\ns.t. {}w >= 0.5\n"
    wrong = text.format("g <= 2\n     ")
    (found,) = check(Source(text=wrong)).diagnostics
    fix = found.fixes[0]
    mended = f"{wrong[: fix.span.start]}{fix.replacement}{wrong[fix.span.end :]}"
    assert (found.code, mended) == ("CS311", text.format(""))


@pytest.mark.parametrize("size", ["0", "-1", "0.5", "2, 0"])
def test_a_size_is_a_whole_number_from_one_on(size: str) -> None:
    text = f"var v[{size}]\nminimize sum((v - 1)^2)\n"
    assert told(text)[0][0] == "CS329"


def test_sizes_that_are_params_stay_legal() -> None:
    assert told("param n = 3\nvar v[n]\nvar w[2*n, 1]\nminimize sum(v^2) + sum(w^2)\n") == []
