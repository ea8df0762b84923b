"""Specs with mutated tokens: no exception, and an answer whose cost is that of the text."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Count = Callable[[Callable[[], Any]], int]
SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "fuzz.py"
CALLS = 1_500_000
"""Function calls that any of these texts, of at most 10,000 characters, may cost."""


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    description = importlib.util.spec_from_file_location("fuzz", SCRIPT)
    assert description is not None and description.loader is not None
    module = importlib.util.module_from_spec(description)
    description.loader.exec_module(module)
    return module


def examine(fuzz: ModuleType, count: int, seed: int, calls: Count) -> None:
    fuzz.answer("minimize ce of\n")  # patterns are compiled when they are first asked
    for text in fuzz.texts_of(count, seed):
        answers: list[Any] = []
        cost = calls(lambda text=text, answers=answers: answers.append(fuzz.answer(text)))
        (answer,) = answers
        assert not answer.failure, f"{text!r}\n{answer.failure}"
        assert answer.characters < fuzz.CHARACTERS, text
        assert cost < CALLS, text


def test_mutated_specs(fuzz: ModuleType, calls: Count) -> None:
    examine(fuzz, 100, 1, calls)


@pytest.mark.nightly
def test_many_mutated_specs(fuzz: ModuleType, calls: Count) -> None:
    examine(fuzz, 10_000, 2, calls)


def test_the_same_seed_gives_the_same_texts(fuzz: ModuleType) -> None:
    assert list(fuzz.texts_of(5, 3)) == list(fuzz.texts_of(5, 3))
    assert len(fuzz.specs()) > 300


@pytest.mark.parametrize(
    "text",
    [
        "minimize ce\nmetric m = sum()",
        "minimize max()",
        "param a[2] = []",
        "minimize 1/n sum_i ceabs{ }(f(x_i), y_i)",
        "param c[5] = [-155, 4360.5, #.94, 10236.8]\nparam d[5] = [-3, 7390, -27, 16643, 3]\n"
        "var x = 1\nminimize x*(c[0] + d[0])",
        "var x[free] = 1 in [0, 10]\nminimize sumsq(x - 2)\ns.t. x_1 + x_2 + x_3 <= 3",
        "var x = x\nminimizecosh1^2\nassert x >= 1",
        "data train(x, y) = digits(split=[])\nmodel f\nminimize ce",
        "data train( )\nmodel f\nminimize mse\ns.t. f monotone in age",
        "let a = b\nlet b = a\nminimize a\ns.t. a <= 1",
        "var x[)]\nvar u[20] in [-1, 1]\nminimize sumsq(u)\n"
        "s.t. dyn: forall t in range(20): x[t + 1] == x[t] + 0.1*u[t]",
        "var x[3] = 1 in [0, 10]iminimize sumsq(x - 2)\ns.t.for \n=1:3: x[i] <= 3",
        "minimize x # \u202e\nvar x1 = 2\nminimize log(1 + x1^2)\ns.t. c1: x1 == 4",
        f"from nets{'initialcvar' * 60} import geneonet\nmodel f = geneonet()\nminimize l2(f)",
    ],
)
def test_what_mutations_found(fuzz: ModuleType, text: str) -> None:
    assert not fuzz.answer(text).failure


@pytest.mark.parametrize("unit", [",;", "a b;", "x <= 1 1;", "c: x < 1;"])
def test_garbage_costs_what_it_is_long(fuzz: ModuleType, unit: str, calls: Count) -> None:
    small, large = (calls(lambda n=n: fuzz.answer("minimize " + unit * n)) for n in (150, 450))
    assert large < 3.4 * small
