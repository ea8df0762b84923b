"""One process at a time in the folder of a run.

The lock is a file beside the folder (`runs/.quick-4db76d68-seed0.lock`), so that the folder holds
the run alone. The system's lock on it ends with its process, however that ends: what a killed
process leaves is free. Its text says who holds it, for those who are refused; where the file system
knows no locks, it decides: a process of this machine that is gone holds nothing.
"""

import errno
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.runtime.run.places import unwritable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

MAX_BYTES = 4096
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_HERE: set[Path] = set()
"""What this process holds: for systems whose locks are of processes, not of open files."""


@contextmanager
def held(folder: Path | None) -> Iterator[None]:
    """Hold a folder, which need not exist yet; None, where nothing is to be written.

    Raises:
        SpecError: CS629, another run is in it; CS620, its place can't be written.
    """
    if folder is None:
        yield
        return
    path = _path(folder)
    handle = _acquired(folder, path)
    try:
        yield
    finally:
        _HERE.discard(path)
        # Removed while it is held: whoever opened it before finds that it is gone.
        with suppress(OSError):
            path.unlink()
        os.close(handle)


def _path(folder: Path) -> Path:
    whole = folder.resolve()
    return whole.with_name(f".{whole.name}.lock") if whole.name else whole / ".lock"


def _acquired(folder: Path, path: Path) -> int:
    if path in _HERE:
        raise _in_use(folder, _read(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = _locked(folder, path)
        _sign(handle)
    except OSError as error:
        if error.errno not in _FORBIDDEN or not folder.is_dir():
            raise unwritable(folder, error) from error
        handle = _itself(folder, path)
    _HERE.add(path)
    return handle


def _sign(handle: int) -> None:
    """Write down who holds it."""
    os.truncate(handle, 0)
    os.lseek(handle, 0, os.SEEK_SET)
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    me = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
    os.write(handle, json.dumps(me).encode())


def _itself(folder: Path, path: Path) -> int:
    """Lock a folder beside which nothing may be written (`--out .`): nobody is written down."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise unwritable(folder, error) from error
    if not _try(handle, path):
        os.close(handle)
        raise _in_use(folder, {})
    return handle


def _locked(folder: Path, path: Path) -> int:
    """An open file that is locked, and still the one of this name."""
    while True:
        handle = os.open(path, _FLAGS, 0o644)
        try:
            free = _try(handle, path)
            ours = free and _same(handle, path)
        except BaseException:
            os.close(handle)
            raise
        if ours:
            return handle
        os.close(handle)
        if not free:
            raise _in_use(folder, _read(path))


_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


def _try(handle: int, path: Path) -> bool:
    """Lock an open file; without locks, whether nobody who lives is written in it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (AttributeError, OSError):  # no locks here
        return not _lives(_read(path))
    return True


def _same(handle: int, path: Path) -> bool:
    """Whether nobody removed the file between opening and locking it."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(MAX_BYTES))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _lives(owner: dict[str, Any]) -> bool:
    """Whether the process that is written down may be running; on another machine it may."""
    pid = owner.get("pid")
    if not isinstance(pid, int) or pid <= 0 or pid == os.getpid():
        return False
    if owner.get("host") == socket.gethostname():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            pass  # it is another user's
    return True


def _in_use(folder: Path, owner: dict[str, Any]) -> SpecError:
    who = " ".join(
        f"{word} {owner[key]}"
        for key, word in (("pid", "process"), ("host", "on"), ("since", "since"))
        if isinstance(owner.get(key), str | int)
    )
    found = Diagnostic(
        code="CS629",
        message=f"the folder {folder} is in use by another run{f' ({who})' if who else ''}",
        notes=("two runs in one folder would mix their logs and take each other's checkpoints",),
        helps=("wait until it ends, or stop it", "or write this run elsewhere: --out DIR"),
    )
    return found.error()
