"""The textbook collection: all headers, a few problems always, the others slow."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "textbook.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("textbook_benchmark", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


textbook = load()


def test_there_are_enough_and_each_states_its_optimum() -> None:
    found = textbook.problems()
    assert len(found) >= 290
    assert all("# x* = " in problem.text for problem in found)


@pytest.mark.parametrize("name", ["hs002", "hs013", "hs043", "hs071", "s316", "s268", "s375"])
def test_auto_solves(name: str) -> None:
    (problem,) = textbook.problems([name])
    assert textbook.outcome(problem, "using auto\n").solved(1e-4, 1e-5)


def test_what_ends_in_an_exception_counts_as_unsolved(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str, name: str) -> None:
        raise ZeroDivisionError(name)

    monkeypatch.setattr(textbook, "solve", broken)
    (problem,) = textbook.problems(["hs071"])
    ended = textbook.outcome(problem)
    assert not ended.solved(1e-3, 1e-3)
    assert ended.method == "ended in ZeroDivisionError"


def test_the_table_counts_by_kind(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        textbook.Outcome("a", "equality", 0.0, 0.0, 1.0, "sqp"),
        textbook.Outcome("b", "equality", 1.0, 0.0, 1.0, "sqp"),
        textbook.Outcome("c", "bounds", -1.0, 0.0, 1.0, "sqp"),
    ]
    assert textbook.table("title", iter(rows), 1e-4, 1e-5) == 2
    printed = capsys.readouterr().out
    assert "equality: 1 of 2 solved (50%)" in printed
    assert "all: 2 of 3 solved (67%)" in printed


@pytest.mark.slow
@pytest.mark.parametrize("problem", textbook.problems(), ids=lambda problem: problem.name)
def test_auto_solves_every_problem(problem: Any) -> None:
    assert textbook.outcome(problem, "using auto\n").solved(1e-4, 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(8))
def test_one_first_order_setting_solves_half(first: int) -> None:
    """Of every fourth problem, in eight parts; the script runs all of them, in most of an hour."""
    some = textbook.problems()[4 * first :: 32]
    outcomes = [textbook.outcome(p, textbook.FIRST_ORDER) for p in some]
    assert sum(item.solved(1e-3, 1e-3) for item in outcomes) >= len(outcomes) / 2
