"""`[tool.cspec]` of the user's own pyproject.toml.

    [tool.cspec]
    trust = ["scipy", "mypackage"]

The user's file is the nearest one from the current directory upward, never one that is found from
the spec: where a spec lies is chosen by whoever wrote it, where a command is typed by whoever types
it. (A spec inside the current directory gains nothing by this: whoever could change the file there
could as well put Python beside the spec, which is imported without trust.) A file that belongs to
somebody else, or that everybody may write to, is passed over with a note: on a shared machine
anybody can put one into a folder above.
"""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import NamedTuple

from cspec.dsl.text.regular import read_regular

NAME = "pyproject.toml"
MAX_BYTES = 1 << 20


class UserTrust(NamedTuple):
    """The modules that the user's pyproject trusts, and what is wrong with what it says."""

    names: tuple[str, ...] = ()
    problem: str | None = None


def user_trust(start: Path | None = None) -> UserTrust:
    """What `[tool.cspec] trust` of the user says; `start` is the current directory."""
    try:
        folder = (Path.cwd() if start is None else start).resolve()
    except OSError:
        return UserTrust()
    path = next((p for f in (folder, *folder.parents) if (p := f / NAME).is_file()), None)
    return UserTrust() if path is None else _read(path)


def _read(path: Path) -> UserTrust:
    try:
        found = path.stat()
        if not _own(found):
            return UserTrust((), f"{path} is not read: others than you may write to it")
        content = read_regular(path, MAX_BYTES)
        tool = tomllib.loads(content.decode("utf-8")).get("tool", {})
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())
        return UserTrust((), f"{path} can't be read: {said}")
    table = tool.get("cspec", {}) if isinstance(tool, dict) else {}
    names = table.get("trust", []) if isinstance(table, dict) else []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return UserTrust((), f'{path}: write trust = ["NAME"], a list of names of modules')
    return UserTrust(tuple(names))


def _own(found: os.stat_result) -> bool:
    """Whether a file is the user's or the system's, and not everybody's to change."""
    if os.name != "posix":
        return True
    return found.st_uid in (os.getuid(), 0) and not found.st_mode & stat.S_IWOTH
