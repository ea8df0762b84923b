"""One-way layers, allowed third parties, and packages that exist: read from the text of modules."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("grammars", "dsl", "compiler", "runtime", "interface")
"""Each may import those before it, and itself."""

THIRD_PARTIES = {
    "grammars": {"lark", "interegular"},
    "dsl": {"lark", "pydantic", "pydantic_core"},
    "compiler": {"pydantic", "pydantic_core", "sympy"},
    "runtime": {"pydantic", "pydantic_core", "torch", "numpy", "scipy", "safetensors"},
    "runtime/data": {"torch", "numpy", "pandas", "pyarrow", "sklearn", "PIL"},
    "interface": {
        "pydantic", "pydantic_core", "torch", "safetensors", "rich", "IPython", "matplotlib",
        "pygments", "numpy", "sklearn",
    },
}  # fmt: skip

HEAVY = {"torch", "numpy", "scipy", "sympy", "rich", "IPython", "matplotlib", "pandas", "sklearn"}
LIGHT_INTERFACE = (
    "__init__", "__main__", "api", "cli", "functions", "pygments_lexer",
    "commands/exits", "commands/settings",
    "reading/codes", "reading/errors", "reading/files", "reading/fixes", "reading/sources",
    "reading/specs", "reading/vocabulary",
)  # fmt: skip
"""Modules of the interface that must not import anything heavy when they are imported."""


def modules() -> Iterator[tuple[str, Path]]:
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*.py")):
            yield layer, path


def imports(path: Path, top_level: bool = False) -> Iterator[tuple[int, str]]:
    """(line, module) of every import, also inside functions; TYPE_CHECKING blocks count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield node.lineno, node.module or ""


def layer_of(module: str) -> str | None:
    """The layer of a module of cspec; the package root is the interface."""
    head, *rest = module.split(".")
    if head != "cspec":
        return None
    return rest[0] if rest and rest[0] in LAYERS[:-1] else "interface"


def test_imports_point_down_only() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {layer} may not import {module}"
        for layer, path in modules()
        for line, module in imports(path)
        if (target := layer_of(module)) and LAYERS.index(target) > LAYERS.index(layer)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_layer_is_imported_by_its_bare_name() -> None:
    files = [path for _, path in modules()]
    files += [
        p
        for folder in ("tests", "examples", "tools", "benchmarks")
        for p in (ROOT / folder).rglob("*.py")
    ]
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: import cspec.{module}, not {module}"
        for path in files
        for line, module in imports(path)
        if module.split(".")[0] in LAYERS
    ]
    assert not wrong, "\n".join(wrong)


def test_third_parties_stay_in_their_layer() -> None:
    wrong = []
    for layer, path in modules():
        inside = path.relative_to(ROOT).as_posix()
        allowed = THIRD_PARTIES[layer] | (
            THIRD_PARTIES["runtime/data"] if inside.startswith("runtime/data/") else set()
        )
        for line, module in imports(path):
            head = module.split(".")[0]
            if head not in sys.stdlib_module_names | allowed | {"cspec"}:
                wrong.append(f"{inside}:{line}: {layer} may not import {head}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", LIGHT_INTERFACE)
def test_light_modules_import_nothing_heavy_at_the_top(name: str) -> None:
    path = ROOT / "interface" / f"{name}.py"
    heavy = [
        module
        for _, module in imports(path, top_level=True)
        if module.split(".")[0] in HEAVY or layer_of(module) in ("compiler", "runtime")
    ]
    assert not heavy


def test_packages_listed_are_the_folders_that_exist() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    mapping = settings["package-dir"]
    listed = set(settings["packages"])
    found = set()
    for layer in LAYERS:
        name = "cspec" if layer == "interface" else f"cspec.{layer}"
        assert mapping[name] == layer
        for folder in [ROOT / layer, *(ROOT / layer).rglob("*")]:
            if folder.is_dir() and any(folder.glob("*.py")):
                parts = folder.relative_to(ROOT / layer).parts
                found.add(".".join((name, *parts)))
    assert listed == found


def test_no_folder_shadows_the_installed_package() -> None:
    assert not (ROOT / "cspec").exists()


def test_the_layout_keeps_its_rules() -> None:
    found = subprocess.run(
        [sys.executable, ROOT / "tools/house.py"], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout
