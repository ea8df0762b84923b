"""The collector is paused while records are built, and left as it was found."""

import gc
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from cspec.dsl.check import check
from cspec.dsl.text.running import loaded, paused
from cspec.dsl.text.source import Source

BENCHMARK = Path(__file__).resolve().parents[3] / "benchmarks" / "check_speed.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    description = importlib.util.spec_from_file_location("check_speed", BENCHMARK)
    assert description is not None and description.loader is not None
    module = importlib.util.module_from_spec(description)
    description.loader.exec_module(module)
    return module


def test_collector_is_paused_and_comes_back() -> None:
    assert gc.isenabled()
    with paused():
        assert not gc.isenabled()
        with paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_collector_comes_back_after_an_error() -> None:
    with pytest.raises(ValueError), paused():
        raise ValueError
    assert gc.isenabled()


def test_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        check(Source(text="minimize ce"))
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_specs_of_the_benchmark_are_clean(benchmark: ModuleType) -> None:
    assert check(benchmark.spec_of(20)).diagnostics == ()
    text = benchmark.thirty_lines()
    assert text.count("\n") == 30
    assert check(Source(text=text)).diagnostics == ()


def test_what_a_program_loads_is_not_visited_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loaded_once.py").write_text("import gc\nwas_running = gc.isenabled()\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = gc.get_freeze_count()
    try:
        module = loaded("loaded_once")
        assert not module.was_running and gc.isenabled()
        after = gc.get_freeze_count()
        assert after > before
        assert loaded("loaded_once") is module and gc.get_freeze_count() == after
    finally:
        gc.unfreeze()
        sys.modules.pop("loaded_once", None)
