"""Imported objects: what torch has by name against what it is; what a module has from elsewhere."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cspec.dsl.imports.trust import MODULES, TREES, computes, trusting
from cspec.dsl.messages.diagnostic import SpecError
from cspec.runtime.bind.imported import is_computation
from cspec.runtime.bind.text import load_object


def members() -> Iterator[tuple[str, str, Any]]:
    names = [*MODULES, *TREES]
    for tree in TREES:
        inner = pkgutil.iter_modules(importlib.import_module(tree).__path__)
        names += [f"{tree}.{m.name}" for m in inner if not m.name.startswith("_")]
    for module in sorted(names):
        loaded = importlib.import_module(module)
        yield from ((module, name, getattr(loaded, name)) for name in dir(loaded))


def test_names_of_torch_that_a_check_lets_pass_are_computations() -> None:
    """What text alone says of torch is what its objects say."""
    passed = [
        f"{module}.{name}"
        for module, name, value in members()
        if computes(module, name)
        and (callable(value) or isinstance(value, ModuleType))
        and not is_computation(module, name, value)
        and not (isinstance(value, ModuleType) and value.__name__.startswith("torch."))
    ]
    assert passed == []


def test_what_people_use_is_not_refused() -> None:
    refused = [
        f"{module}.{name}"
        for module, name, value in members()
        if is_computation(module, name, value)
        and not name.startswith("_")
        and not computes(module, name)
    ]
    assert refused == []


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("torch", "load"),
        ("torch.hub", "load"),
        ("torch.nn.functional", "importlib"),
        ("torch.nn.functional", "torch"),
        ("cspec.cli", "main"),
        ("os", "getcwd"),
    ],
)
def test_nothing_is_loaded_that_nobody_trusts(module: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as error:
        load_object(module, name, tmp_path)
    assert error.value.diagnostics[0].code == "CS218"


def test_refused_before_it_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loud.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SpecError):
        load_object("loud", "f", tmp_path)
    assert "loud" not in sys.modules


def test_what_the_user_binds_or_trusts_is_loaded(tmp_path: Path) -> None:
    assert load_object("os", "getcwd", tmp_path, bound=True)
    with trusting("os"):
        assert load_object("os", "getcwd", tmp_path)


def test_what_an_announced_package_has_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "announced_rates"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import os\nfrom functools import partial\nfrom os import getcwd\n"
        "from torch.nn.functional import gelu\n"
        "def own(w): return w\nhere = partial(own)\nthere = partial(getcwd)\n"
    )
    info = tmp_path / "announced_rates-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: announced-rates\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[cspec.functions]\na = announced_rates\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("own", "here", "gelu"):
        assert load_object("announced_rates", name, tmp_path)
    for name in ("getcwd", "there", "os"):
        with pytest.raises(SpecError) as error:
            load_object("announced_rates", name, tmp_path)
        assert error.value.diagnostics[0].code == "CS218"
    sys.modules.pop("announced_rates", None)


def test_no_file_of_a_run_is_imported(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text("{}")
    (folder / "nets.py").write_text("raise SystemExit('imported')\n")
    for base, file in ((tmp_path, "runs/one/nets.py"), (folder, "nets.py")):
        with pytest.raises(SpecError) as error:
            load_object(file, "Net", base)
        assert "no file of one is ever executed" in str(error.value)


def test_no_source_of_data_unpickles_or_runs_what_it_reads() -> None:
    """Files of data are data: nothing in the readers can execute them."""
    root = Path(load_object.__code__.co_filename).parent / "data"
    wrong = [
        f"{path.name}: {word}"
        for path in sorted(root.rglob("*.py"))
        for word in ("pickle.", "read_pickle", "torch.load", "allow_pickle=True", "eval(", "exec(")
        if word in path.read_text()
    ]
    assert wrong == []
