"""The layout, held to its rules: `make lint` runs it.

    python tools/house.py            prints what breaks a rule; exit code 1 where something does

1. No folder has more than 24 modules beside each other.
2. No circles: neither of modules nor of packages. A package may use its sub-packages, and those the
   modules beside them; they use each other one way. Imports for type checkers count as well.
3. Below `interface` nothing of the project is imported inside a function.
4. Every method that a spec can name has its module in `compiler/methods`.
5. No module is longer than 500 lines.
6. Every package says in a line what lives there.
7. Tests mirror the folders: `tests/<layer>/<package>` holds the tests of a package, and no folder
   of tests has more than 24 modules.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("grammars", "dsl", "compiler", "runtime", "interface")
MOST_MODULES, MOST_LINES = 24, 500
WITHOUT_MODULE = frozenset({"auto", "construction"})
"""Words behind `using` and `by` that stand for a choice of the compiler."""
SHARED_MODULE = {"exact_penalty": "penalty", "quadratic_penalty": "penalty"}

ABOUT_A_LAYER = frozenset({"runtime/precision"})
"""Folders of tests about a whole layer, by what they test of it."""

Graph = Mapping[str, set[str]]


def module_name(path: Path) -> str:
    """`dsl/check.py` is `cspec.dsl.check`, `interface/api.py` is `cspec.api`."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    parts = parts[1:] if parts[0] == "interface" else parts
    return ".".join(["cspec", *(parts[:-1] if parts[-1] == "__init__" else parts)])


def imported(tree: ast.AST, modules: Mapping[str, Path]) -> Iterator[str]:
    """The modules of the project that a tree imports; a name of a package is the package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            of_it = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in of_it if name in modules)
            if any(name not in modules for name in of_it):
                yield str(node.module)


def of_packages(modules: Graph, paths: Mapping[str, Path]) -> dict[str, set[str]]:
    """Which package uses which: those of their modules, but for sub-packages of one's own."""
    home = {
        module: module if path.name == "__init__.py" else module.rpartition(".")[0]
        for module, path in paths.items()
    }
    found: dict[str, set[str]] = {package: set() for package in home.values()}
    for module, targets in modules.items():
        for target in targets:
            user, used = home[module], home[target]
            if user != used and not used.startswith(f"{user}."):
                found[user].add(used)
    return found


def circles(graph: Graph) -> list[list[str]]:
    """Strongly connected components of more than one node: Kosaraju, without recursion."""
    order: list[str] = []
    seen: set[str] = set()
    for start in graph:
        order += _finished(start, graph, seen)
    backward: dict[str, set[str]] = {node: set() for node in graph}
    for node, targets in graph.items():
        for target in targets:
            backward[target].add(node)
    seen = set()
    groups = [_finished(node, backward, seen) for node in reversed(order)]
    return [sorted(group) for group in groups if len(group) > 1]


def _finished(start: str, graph: Graph, seen: set[str]) -> list[str]:
    """Nodes that are reached from `start` and were not seen, in the order they are finished."""
    if start in seen:
        return []
    seen.add(start)
    found: list[str] = []
    stack = [(start, iter(sorted(graph[start])))]
    while stack:
        node, rest = stack[-1]
        following = next((n for n in rest if n not in seen), None)
        if following is None:
            stack.pop()
            found.append(node)
        else:
            seen.add(following)
            stack.append((following, iter(sorted(graph[following]))))
    return found


def crowded(paths: Iterable[Path]) -> Iterator[str]:
    """Folders with too many modules."""
    beside = Counter(path.parent for path in paths if path.name != "__init__.py")
    for folder, count in sorted(beside.items()):
        if count > MOST_MODULES:
            yield f"{folder.relative_to(ROOT)}: {count} modules beside each other"


def inner_imports(path: Path, tree: ast.AST) -> Iterator[str]:
    """Functions that import something of the project."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for inner in ast.walk(node):
            if isinstance(inner, ast.ImportFrom) and str(inner.module).startswith("cspec"):
                yield f"{path.relative_to(ROOT)}:{inner.lineno}: an import inside `{node.name}`"


def homeless_methods() -> Iterator[str]:
    """Methods without a module in `compiler/methods`."""
    text = (ROOT / "dsl/settings/methods.py").read_text(encoding="utf-8")
    record = next(n for n in ast.parse(text).body if _is_table(n))
    classes = {n.id for n in ast.walk(record) if isinstance(n, ast.Name)}
    homes = {path.stem for path in (ROOT / "compiler/methods").glob("*.py")}
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef) and node.name in classes:
            word = _word(node)
            if word and word not in WITHOUT_MODULE and SHARED_MODULE.get(word, word) not in homes:
                yield f"compiler/methods: no module for `{word}`"


def _is_table(node: ast.stmt) -> bool:
    return isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "METHODS"


def _word(record: ast.ClassDef) -> str:
    for node in record.body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "word":
            return str(ast.literal_eval(node.value or ast.Constant("")))
    return ""


def broken() -> Iterator[str]:
    """What breaks a rule, one line each."""
    paths = {
        module_name(path): path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))
    }
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in paths.items()}
    graph = {
        name: {used for used in imported(tree, paths) if not f"{name}.".startswith(f"{used}.")}
        for name, tree in trees.items()
    }
    yield from crowded(paths.values())
    for what, found in (("modules", graph), ("packages", of_packages(graph, paths))):
        yield from (f"a circle of {what}: {' <-> '.join(ring)}" for ring in circles(found))
    for name, path in paths.items():
        place = path.relative_to(ROOT)
        if place.parts[0] != "interface":
            yield from inner_imports(path, trees[name])
        if (lines := path.read_text(encoding="utf-8").count("\n")) > MOST_LINES:
            yield f"{place}: {lines} lines"
        if path.name == "__init__.py" and not ast.get_docstring(trees[name]):
            yield f"{place}: does not say what lives here"
    yield from homeless_methods()
    yield from misplaced_tests()


def misplaced_tests() -> Iterator[str]:
    """Folders of tests that no package is called like, and crowded ones."""
    paths = sorted((ROOT / "tests").rglob("*.py"))
    yield from crowded(path for path in paths if path.name != "conftest.py")
    for folder in dict.fromkeys(path.parent.relative_to(ROOT / "tests") for path in paths):
        place = folder.as_posix()
        of_a_layer = folder.parts[:1] and folder.parts[0] in LAYERS
        if of_a_layer and place not in ABOUT_A_LAYER and not (ROOT / place).is_dir():
            yield f"tests/{place}: no package is called {place}"


def main() -> int:
    """1 where a rule is broken."""
    found = list(broken())
    print("\n".join(found) or "the layout keeps its rules")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
