"""Reported sensitivities agree with re-solves at bounds moved by 10%."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def sensitivities(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    spec = importlib.util.spec_from_file_location("sensitivities", FOLDER / "sensitivities.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "sensitivities", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("place", range(5))
def test_a_sensitivity_is_the_slope_between_re_solves(
    sensitivities: ModuleType, place: int
) -> None:
    assert sensitivities.outcome(sensitivities.TASKS[place]).error < 0.03
