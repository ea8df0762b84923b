"""The Python files that a spec brings in, with their digests; nothing is imported here.

    code_of(["net.py", "package.module"], base)    {"net.py": CodeFile(...), "helpers": ...}

A file's own imports are followed, as far as they are people's own code: the standard library and
installed packages are known by their versions.
"""

import ast
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from pydantic import BaseModel
from torch import nn

from cspec.runtime.files import sha256

STANDARD = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib"))
PACKAGES = frozenset({"site-packages", "dist-packages"})
"""Folders of installed packages, wherever an environment takes them from."""
OWN = "cspec"


class CodeFile(BaseModel, frozen=True, extra="forbid"):
    """One file of code."""

    path: str
    sha256: str
    """Empty where its text is not to be had (a notebook, a compiled module)."""


def code_of(modules: Iterable[str], base: Path) -> dict[str, CodeFile]:
    """The files behind some modules (`net.py` beside the spec, or `package.module`), by name.

    A file within `base` is called by its place there, another one by its module.
    """
    found: dict[str, CodeFile] = {}
    waiting = list(dict.fromkeys(modules))
    while waiting:
        name = waiting.pop()
        path = _path(name, base)
        if path is None:
            continue
        called = _called(name, path, base)
        if called in found:
            continue
        content = _read(path)
        found[called] = CodeFile(path=str(path), sha256=_digest(content))
        if not _installed(path):
            waiting += [inner for inner in _imports(content, name) if _own(inner)]
    return dict(sorted(found.items()))


def modules_of(models: Iterable[nn.Module], functions: Iterable[object]) -> list[str]:
    """The modules in which the classes of models, and functions, are defined."""
    kinds = [type(part) for model in models for part in model.modules()]
    names = [getattr(thing, "__module__", None) or "" for thing in (*kinds, *functions)]
    return [name for name in dict.fromkeys(names) if _own(name) and name != "__main__"]


def digests_beside(names: Iterable[str], base: Path) -> dict[str, str]:
    """SHA-256 of those that are files beside the spec, by name; empty for one that is gone.

    Nothing is imported: this can be asked before any of them runs.
    """
    files = (name for name in names if name.endswith(".py"))
    return {name: _digest(_read(base.resolve() / name)) for name in files}


def _digest(content: bytes) -> str:
    return sha256(content) if content else ""


def _path(name: str, base: Path) -> Path | None:
    if name.endswith(".py"):
        return (base.resolve() / name).resolve()
    loaded: ModuleType | None = sys.modules.get(name)
    file = getattr(loaded, "__file__", None)
    return None if file is None else Path(file).resolve()


def _called(name: str, path: Path, base: Path) -> str:
    folder = base.resolve()
    inside = path.suffix == ".py" and path.is_relative_to(folder) and not _installed(path)
    return path.relative_to(folder).as_posix() if inside else name


def _installed(path: Path) -> bool:
    return bool(PACKAGES & set(path.parts)) or any(path.is_relative_to(p) for p in STANDARD)


def _own(name: str) -> bool:
    """Whether a module may be a person's own code."""
    head = name.partition(".")[0]
    if head == OWN or head in sys.stdlib_module_names:
        return False
    file = getattr(sys.modules.get(name), "__file__", None)
    return file is not None and not _installed(Path(file).resolve())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() else b""
    except OSError:
        return b""


def _imports(content: bytes, name: str) -> Iterator[str]:
    """Modules that a file imports, and names that may be modules of a package."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                head = _absolute(module, level, name)
                yield head
                yield from (f"{head}.{alias.name}" for alias in names)


def _absolute(module: str | None, level: int, name: str) -> str:
    """`from ..util import x` in `package.sub.part` is about `package.util`."""
    if not level:
        return module or ""
    loaded = sys.modules.get(name)
    package = (getattr(loaded, "__package__", None) or name).split(".")
    kept = package[: len(package) - level + 1]
    return ".".join([*kept, *([module] if module else [])])
