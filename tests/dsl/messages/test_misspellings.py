"""Misspelt names: the first help names what is meant."""

from __future__ import annotations

import pytest

import cspec

ONE = "data train(x, y, sex, clinic, income)\nmodel f\nminimize ce(f(x), y)\n"
TWO = ONE.replace("model f\n", "model f\nmodel teacher\n")


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("s.t. gab(P[pred == 1 | sex]) <= 0.1", "gap"),
        ("s.t. E[abz(f(x)[0])] <= 1", "abs"),
        ("s.t. E[exponential(f(x)[0])] <= 3", "exp"),
        ("s.t. norme(f.weights[0], 2) <= 1", "norm"),
        ("s.t. mittelwert(P[pred == 1 | sex]) <= 0.1", "mean"),
        ("s.t. gap(P[pred == 1 | klinik]) <= 0.1", "clinic"),
        ("s.t. gap(P[pred == 1 | clinique]) <= 0.1", "clinic"),
        ("s.t. gap(P[pred == 1 | sek]) <= 0.1", "sex"),
        ("s.t. forall W in f.weights: W in orthogonl", "stiefel"),
        ("s.t. P[pred == 1] <= 0.1 by sqb", "sqp"),
        ("fit(optimizer=adam(rl=0.1))", "lr"),
        ("s.t. f.weights.numel <= 100", "params(f)"),
    ],
)
def test_the_first_help_names_it(line: str, meant: str) -> None:
    (found,) = (d for d in cspec.check(ONE + line) if d.severity == "error")
    assert f"`{meant}`" in found.helps[0] or f" {meant} " in found.helps[0]


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("desnity(f) <= 10%", "density"),
        ("E[sigmoide(f(x)[0])] <= 1", "sigmoid"),
        ("E[kl(f(x), techer(x))] <= 1", "teacher"),
        ("E[kl(f(x), big(x))] <= 1", "teacher"),
    ],
)
def test_a_model_without_a_use_is_meant_by_no_function(line: str, meant: str) -> None:
    found = next(d for d in cspec.check(f"{TWO}s.t. {line}") if d.code == "CS201")
    assert found.helps[0] == f"did you mean `{meant}`?"


def test_what_is_near_nothing_is_taken_for_a_new_column() -> None:
    (found,) = cspec.check(f"{ONE}s.t. gap(P[pred == 1 | race]) <= 0.1")
    assert "clinic, income, race)" in found.helps[0]
