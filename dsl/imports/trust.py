"""Whom a spec may bring Python in from: a spec from elsewhere must not run a command.

Without a word of the user these are the files of the spec's own folder tree (`from "nets.py"`), the
computations of torch, and installed packages that announce themselves by their entry points.
Others are named by the user: `--trust NAME`, `trust=[...]` in Python, or `[tool.cspec] trust` in
the user's own pyproject.toml (`dsl/imports/user_pyproject.py`). A name covers its submodules;
`torch.load` or `os.path.join` names one member.

    with trusting(["scipy"]):
        refusal("scipy.special", "erf")     # None
        refusal("os", "system")             # why not

What the user binds himself, on the command line or as a Python object, is not asked here.

Packages announce functions for specs by the entry points of what is installed:

    [project.entry-points."cspec.functions"]
    anything = "package.module"

Entry points are read from the texts of installed packages; nothing is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from os.path import isfile
from pathlib import Path
from typing import NamedTuple

from cspec.dsl.imports.trusted_torch import computes
from cspec.dsl.imports.user_pyproject import UserTrust, user_trust
from cspec.dsl.messages.diagnostic import Diagnostic, finding
from cspec.dsl.text.source import NOWHERE, Span

_NAMED: ContextVar[tuple[str, ...]] = ContextVar("trusted", default=())

OWN = ("cspec.runtime.functions", "cspec.runtime.models", "cspec.runtime.operators")
"""What of cspec computes; the rest reads files and runs specs."""


class Refusal(NamedTuple):
    """Why a module may not be imported from, and the name that would allow it."""

    why: str
    name: str
    notes: tuple[str, ...] = ()


@contextmanager
def trusting(names: Iterable[str] | str) -> Iterator[None]:
    """Trust these modules within the block, beside those trusted outside of it.

    Raises:
        SpecError: CS219, what is no name of a module.
    """
    added: tuple[object, ...] = (names,)
    if isinstance(names, Iterable) and not isinstance(names, str):
        added = tuple(names)
    for name in added:
        if not is_module_name(name):
            raise _no_name(name).error()
    token = _NAMED.set((*_NAMED.get(), *map(str, added)))
    try:
        yield
    finally:
        _NAMED.reset(token)


def trusted() -> tuple[str, ...]:
    """The modules that the user trusts here, for this command or in pyproject.toml, sorted."""
    return tuple(sorted({*_NAMED.get(), *user_trust().names}))


def is_module_name(name: object) -> bool:
    """Whether this is `package.module`."""
    return isinstance(name, str) and all(part.isidentifier() for part in name.split("."))


def _no_name(name: object) -> Diagnostic:
    return Diagnostic(
        code="CS219",
        message=f"`{name}` can't be trusted: it is no name of a module",
        helps=(
            "name modules as they are imported: `--trust scipy`, in Python trust=['scipy']",
            'files of the spec\'s own folder need no trust: from "nets.py" import Net',
        ),
    )


def covers(names: Collection[str], module: str, member: str) -> bool:
    """Whether one of the names is the module, a package above it, or the member."""
    path = f"{module}.{member}"
    return any(path == name or f"{module}.".startswith(f"{name}.") for name in names)


def vouched(module: str, member: str, user: UserTrust | None = None) -> bool:
    """Whether the user named a module, its package or this member of it; `user` is read already."""
    return covers((*_NAMED.get(), *(user or user_trust()).names), module, member)


def refusal(module: str, member: str) -> Refusal | None:
    """Why a spec may not import `member` from an installed module; None where it may."""
    first = module.split(".")[0]
    if first == "torch" and computes(module, member):
        return None
    if covers(OWN, module, member):
        return None
    if first not in ("torch", "cspec") and is_announced(module):
        return None
    user = user_trust()
    if vouched(module, member, user):
        return None
    notes = (user.problem,) if user.problem else ()
    if first == "torch":
        whole = module if module != first else f"{module}.{member}"
        return Refusal(f"`{module}.{member}` does more than compute numbers", whole, notes)
    if first == "cspec":
        return Refusal(f"`{module}` does more than compute numbers", module, notes)
    return Refusal(f"nobody has said that `{module}` may be run", module, notes)


_WHY = (
    "a spec brings Python in from files of its own folder, from the computations of torch, and from"
    " packages that announce functions for specs; others the user names, so that a spec from"
    " elsewhere runs no command"
)


def untrusted(
    module: str,
    name: str,
    refused: Refusal,
    *,
    spec: str = "",
    span: Span = NOWHERE,
    beside: str = "",
) -> Diagnostic:
    """The finding: `spec` is the file to be run, `beside` a file of that name in its folder."""
    trusted = refused.name
    file = spec if spec and not spec.startswith("<") else "FILE"
    typed = f"cspec run {file} --trust {trusted}" if spec else f"--trust {trusted}"
    helps = (f'a file of the spec\'s folder is named in quotes: from "{beside}" import {name}',)
    allow = (
        f"if you trust it with all that you may do: {typed}",
        f'in Python: trust=["{trusted}"]; for all your specs: trust = ["{trusted}"] below'
        " [tool.cspec] in your pyproject.toml",
    )
    said = f"`{name}` of `{module}` is not brought in: {refused.why}"
    label = f"would import `{module}`"
    notes = (_WHY, *refused.notes)
    helps = (*(helps if beside else ()), *allow)
    return finding("CS218", said, span, label, notes=notes, helps=helps)


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
