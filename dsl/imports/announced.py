"""Packages that announce functions for specs, by the entry points of what is installed.

    [project.entry-points."cspec.functions"]
    anything = "package.module"

Entry points are read from the texts of installed packages; nothing is imported.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from os.path import isfile
from pathlib import Path

GROUP = "cspec.functions"


def _modules() -> frozenset[str]:
    """The modules announced; none of them can be one of Python's own."""
    return _found(tuple((folder, _changed(folder)) for folder in sys.path))


def _changed(folder: str) -> int:
    """When what a folder holds changed last."""
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=1)
def _found(_: tuple[tuple[str, int], ...]) -> frozenset[str]:
    """Read anew where a package was installed or removed: its folder has changed."""
    named = {point.value.split(":")[0].strip() for point in entry_points(group=GROUP)}
    return frozenset(m for m in named if m.split(".")[0] not in sys.stdlib_module_names)


def is_announced(module: str) -> bool:
    """Whether a module belongs to a package that announces itself."""
    return module.split(".")[0] in {announced.split(".")[0] for announced in _modules()}


def announced_file(module: str) -> Path | None:
    """The file of a module that an installed package announces; found, not imported."""
    if module not in _modules():
        return None
    first, *rest = module.split(".")
    try:
        place = find_spec(first)  # of a name without a dot: nothing is imported
    except ValueError:
        return None
    if place is None:
        return None
    if not rest and place.origin is not None:
        return Path(place.origin)
    for folder in place.submodule_search_locations or ():
        inner = Path(folder, *rest)
        for path in (inner.with_suffix(".py"), inner / "__init__.py"):
            if isfile(path):
                return path
    return None
