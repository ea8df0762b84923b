"""The emitted source of a few specs, word for word: a refactoring leaves them alone.

After a wanted change: `python tests/goldens/update.py`, and read the difference.
"""

import ast
import importlib.util
from pathlib import Path

import pytest

import cspec

FOLDER = Path(__file__).parents[2] / "goldens"
_found = importlib.util.spec_from_file_location("golden_specs", FOLDER / "specs.py")
assert _found is not None and _found.loader is not None
_module = importlib.util.module_from_spec(_found)
_found.loader.exec_module(_module)
SPECS: dict[str, tuple[str, dict[str, str]]] = _module.SPECS


@pytest.mark.parametrize("name", SPECS)
def test_emitted_source_is_as_it_was(name: str) -> None:
    text, bindings = SPECS[name]
    assert cspec.compile(text, **bindings).source == (FOLDER / f"{name}.py").read_text()


def test_every_kept_file_has_a_spec() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == {*SPECS, "specs", "update"}


@pytest.mark.parametrize("name", SPECS)
def test_what_is_imported_is_used_and_nothing_is_missing(name: str) -> None:
    tree = ast.parse((FOLDER / f"{name}.py").read_text())
    imported = {
        (alias.asname or alias.name).split(".")[0]
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert imported - used <= {"torch"}
