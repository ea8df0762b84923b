"""What a relation between values of each example may mean: every form given checks clean."""

from __future__ import annotations

import re

import pytest

from cspec.dsl.check import check
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.text.source import Source

HEAD = "data train(x, y, w, sex, seen)\nmodel f\nminimize bce(f(x), y)\n"


def found(line: str) -> tuple[Diagnostic, ...]:
    return check(Source(text=f"{HEAD}{line}\n")).diagnostics


def forms(line: str) -> list[str]:
    """What the helps of the only finding give to type, `...` aside."""
    (diagnostic,) = found(line)
    return [text for text in re.findall(r"`([^`]*)`", "\n".join(diagnostic.helps)) if text]


@pytest.mark.parametrize(
    ("relation", "meant"),
    [
        ("bce(f(x), y) <= 2", ["E[bce(f(x), y)] <= 2", "quantile(bce(f(x), y), 100%) <= 2"]),
        ("f(x) >= w", ["E[f(x)] >= E[w]", "quantile(f(x) - (w), 0%) >= 0"]),
        ("3 >= f(x)", ["3 >= E[f(x)]", "3 >= quantile(f(x), 100%)"]),
        ("f(x) in [0, 1]", ["E[f(x)] in [0, 1]", "P[f(x) in [0, 1]] >= 90%"]),
        ("median(f(x)) <= 1", ["E[median(f(x))] <= 1", "quantile(f(x), 0.5) <= 1"]),
        ("std(f(x)[0]) <= 1", ["sqrt(E[(f(x)[0] - E[f(x)[0]])^2]) <= 1"]),
        ("sum(w*bce(f(x), y)) <= 30", ["E[w*bce(f(x), y)] <= 30"]),
        ("max(bce(f(x), y)) <= 3", ["quantile(bce(f(x), y), 100%) <= 3"]),
        ("pred == 1", ["P[pred == 1] >= 90%"]),
    ],
)
def test_the_readings_of_a_relation(relation: str, meant: list[str]) -> None:
    given = [form for form in forms(f"s.t. {relation}") if not form.startswith("forall")]
    assert given == meant
    for form in given:
        assert [d for d in found(f"s.t. {form}") if d.severity == "error"] == []


def test_a_group_is_asked_for_in_the_names_of_the_spec() -> None:
    wrong = "s.t. a: P[pred == 1 | sex, y == 1] <= 30%\n     b: gap(P[pred == 1 | sex]) <= 5%"
    *_, each, truth = forms(f'{wrong}\nmetric m = P[sex == "F"]')
    assert each == "forall g in values(sex): P[pred == 1 | sex == g, y == 1] <= 30%"
    assert truth == "P[pred == 1 | sex == true, y == 1]"
    assert found(f"s.t. {each}") == ()


def test_several_columns_are_asked_for_by_their_combinations() -> None:
    wrong = (
        "s.t. a: P[pred == 1 | sex, seen] <= 30%\n"
        "     b: gap(P[pred == 1 | sex]) <= 5%\n     c: gap(P[pred == 1 | seen]) <= 5%\n"
        'metric m = P[sex == "F" and seen == "no"]'
    )
    each = forms(wrong)[-1]
    assert each == "forall (g, h) in cross(sex, seen): P[pred == 1 | sex == g, seen == h] <= 30%"
    assert found(f"s.t. {each}") == ()


@pytest.mark.parametrize(
    ("chain", "meant"),
    [
        ("f(x) > 0 == (y == 1)", ["(f(x) > 0) == (y == 1)", "f(x) > 0 and 0 == (y == 1)"]),
        ("0 <= f(x) != seen", ["(0 <= f(x)) != seen", "0 <= f(x) and f(x) != seen"]),
        ("1 > f(x) < w", ["1 > f(x) > w", "1 > f(x) and f(x) < w"]),
        ("0.8 < prob > 0.9", ["0.8 < prob < 0.9", "0.8 < prob and prob > 0.9"]),
        ("0.8 >= prob < 0.3", ["0.8 >= prob > 0.3", "0.8 >= prob and prob < 0.3"]),
    ],
)
def test_the_readings_of_a_mixed_chain(chain: str, meant: list[str]) -> None:
    assert forms(f"metric m = P[{chain}]") == meant
    for form in meant:
        assert found(f"metric m = P[{form}]") == ()


@pytest.mark.parametrize("chain", ["0 < f(x) < 1", "seen == (f(x) > 0) == (w > 1)", "1 > f(x) > w"])
def test_a_plain_chain_says_that_each_link_holds(chain: str) -> None:
    assert found(f"metric m = P[{chain}]") == ()


@pytest.mark.parametrize(
    "line",
    [
        "s.t. P[y in [f(x) - 1, f(x) + 1]] >= 50%",
        "s.t. E[y] in [E[f(x)] - 1, E[f(x)] + 1]",
        "s.t. E[where(f(x) > 0, 2, 0)] <= 1",
        "s.t. 2/(1/P[pred == 1 | y == 1] + 1/P[y == 1 | pred == 1]) >= 30%",
        "s.t. gap(P[pred == 1 | x.job]) <= 5%",
        "s.t. forall s in values(x.job): P[pred == 1 | x.job == s] >= 5%",
    ],
)
def test_what_moves_and_has_a_gradient_is_a_requirement(line: str) -> None:
    assert found(line) == ()
