"""The collector is paused while records are built, and left as it was found."""

import gc
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from cspec.dsl.check import check
from cspec.dsl.text.running import loading, paused
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


def test_what_is_imported_is_not_visited_and_nothing_stays_frozen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "import gc\nwas_running = gc.isenabled()\nkept = [[] for _ in range(1000)]\n"
    (tmp_path / "loaded_once.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    gc.collect()
    before = gc.get_freeze_count()
    try:
        with loading():
            module = importlib.import_module("loaded_once")
        assert not module.was_running and gc.isenabled()
        assert gc.get_freeze_count() == before
        if not before:
            young = {id(each) for age in (0, 1) for each in gc.get_objects(generation=age)}
            assert not young.intersection(map(id, module.kept))
    finally:
        sys.modules.pop("loaded_once", None)
