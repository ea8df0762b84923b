"""The textbook collection: headers of all, five problems always, more among the slow tests."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

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
    assert len(found) >= 60
    assert all("# x* = " in problem.text for problem in found)


@pytest.mark.parametrize("name", ["hs002", "hs013", "hs043", "hs071", "s316"])
def test_auto_solves(name: str) -> None:
    (problem,) = textbook.problems([name])
    assert textbook.outcome(problem, "using auto\n").solved(1e-4, 1e-5)


@pytest.mark.slow
def test_auto_solves_nine_in_ten() -> None:
    outcomes = [textbook.outcome(p, "using auto\n") for p in textbook.problems()[::3]]
    solved = sum(item.solved(1e-4, 1e-5) for item in outcomes)
    assert solved >= 0.9 * len(outcomes)


@pytest.mark.slow
def test_one_first_order_setting_solves_half() -> None:
    names = ["hs006", "hs012", "hs022", "hs028", "hs035", "hs043", "hs060", "hs076"]
    outcomes = [textbook.outcome(p, textbook.FIRST_ORDER) for p in textbook.problems(names)]
    assert sum(item.solved(1e-3, 1e-3) for item in outcomes) >= len(names) / 2
