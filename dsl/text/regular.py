"""Reading files that are files: a pipe or a device would be waited for, or never end."""

import os
import stat
from pathlib import Path

_KINDS = (
    (stat.S_ISDIR, "is a folder, not a file"),
    (stat.S_ISFIFO, "is a pipe, not a file"),
    (stat.S_ISSOCK, "is a socket, not a file"),
    (stat.S_ISCHR, "is a device, not a file"),
    (stat.S_ISBLK, "is a device, not a file"),
)


class NotRegularError(OSError):
    """What has this name is no file; the text says what it is."""


def read_regular(path: Path, most: int = -1) -> bytes:
    """The first bytes of a file, all of them without a limit.

    Raises:
        NotRegularError: a folder, a pipe, a device; found without waiting for it.
        OSError: it can't be read.
    """
    kind = irregular(path)
    if kind:
        raise NotRegularError(kind)
    # Between the look and the opening it may have become a pipe: opening does not wait.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as file:
        if kind := _kind(os.fstat(handle).st_mode):
            raise NotRegularError(kind)
        return file.read(most)


def irregular(path: Path) -> str | None:
    """What it is in place of a file; links are followed.

    Raises:
        OSError: there is nothing of this name, or it can't be looked at.
    """
    return _kind(path.stat().st_mode)


def _kind(mode: int) -> str | None:
    return next((words for is_kind, words in _KINDS if is_kind(mode)), None)
