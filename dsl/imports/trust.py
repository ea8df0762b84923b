"""Whom a spec may bring Python in from: a spec from elsewhere must not run a command.

Without a word of the user these are the files of the spec's own folder tree (`from "nets.py"`), the
computations of torch, and installed packages that announce themselves (`dsl/imports/announced.py`).
Others are named by the user: `--trust NAME`, `trust=[...]` in Python, or `[tool.cspec] trust` in
the user's own pyproject.toml (`dsl/imports/user_pyproject.py`). A name covers its submodules;
`torch.load` or `os.path.join` names one member.

    with trusting(["scipy"]):
        refusal("scipy.special", "erf")     # None
        refusal("os", "system")             # why not

What the user binds himself, on the command line or as a Python object, is not asked here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from cspec.dsl.imports.announced import is_announced
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
    return finding(
        "CS218",
        f"`{name}` of `{module}` is not brought in: {refused.why}",
        span,
        f"would import `{module}`",
        notes=(_WHY, *refused.notes),
        helps=(*(helps if beside else ()), *allow),
    )
