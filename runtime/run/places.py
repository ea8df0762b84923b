"""Folders that a run is to be written to: what is wrong with them is said before it trains.

What they can't take when it has ended is kept in another place.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.runtime.failures import one_line
from cspec.runtime.files import write_atomic

_HELPS = {
    errno.EACCES: "name a folder that you may write to: --out DIR",
    errno.EPERM: "name a folder that you may write to: --out DIR",
    errno.EROFS: "name a folder on a disk that can be written: --out DIR",
    errno.ENOSPC: "make room on this disk, or name a folder on another one: --out DIR",
    errno.EDQUOT: "make room on this disk, or name a folder on another one: --out DIR",
    errno.ENOTDIR: "name a folder, or a name that is free: --out DIR",
    errno.EEXIST: "name a folder, or a name that is free: --out DIR",
    errno.ENAMETOOLONG: "name a folder with a shorter path: --out DIR",
}


def unwritable(path: Path, error: OSError) -> SpecError:
    """CS620: why a run can't be written there, and what to do."""
    above = (path, *path.parents)
    file = next((p for p in above if os.path.exists(p) and not os.path.isdir(p)), None)
    reason = (error.strerror or str(error)).lower()
    if file is not None:
        reason = f"{file} is a file, not a folder"
    other = "name another folder with --out"
    number = errno.ENOTDIR if file is not None else error.errno or 0
    return Diagnostic(
        code="CS620",
        message=f"the folder {path} can't be written: {reason}",
        helps=(_HELPS.get(number, other),),
    ).error()


def require_folder(path: Path) -> None:
    """Make a folder, where there is none, that files can be made in.

    Raises:
        SpecError: CS620.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise unwritable(path, error) from error


def require_room(path: Path, size: int) -> None:
    """Refuse a disk that has no room for the parameters alone.

    Raises:
        SpecError: CS620.
    """
    try:
        free = shutil.disk_usage(path).free
    except OSError:
        return
    if free < size:
        error = OSError(errno.ENOSPC, f"{_bytes(size)} of parameters, {_bytes(free)} of room")
        raise unwritable(path, error)


def _bytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size:,} bytes"


def made(path: Path) -> bool:
    """Make a folder under a name that is free: of several processes one makes it.

    Raises:
        SpecError: CS620, its place can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.mkdir(path)
    except FileExistsError:
        if path.parent.is_dir():
            return False
        raise unwritable(path, NotADirectoryError(errno.ENOTDIR, "not a folder")) from None
    except OSError as error:
        raise unwritable(path, error) from error
    return True


def kept_elsewhere(files: Mapping[str, bytes]) -> str:
    """Write what a finished run has found into a new temporary folder; what is to be said of it."""
    listed = " and ".join(files)
    try:
        folder = Path(tempfile.mkdtemp(prefix="cspec-run-"))
        for name, content in files.items():
            write_atomic(folder / name, content)
    except OSError as error:
        return (
            f"{listed} could be kept nowhere [CS607]: {one_line(error)}; what is printed here is "
            "all that is left of the result"
        )
    return f"kept in {folder} [CS607]: {listed}; move them from there, such folders are cleared"
