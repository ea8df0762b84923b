"""Where data files are: the folder given, or the one that CSPEC_DATA names. Nothing is fetched."""

import os
from collections.abc import Sequence
from pathlib import Path

from cspec.dsl.messages.wording import closest
from cspec.dsl.text.regular import irregular
from cspec.runtime.data.errors import DataError

VARIABLE = "CSPEC_DATA"


def data_folder(folder: str | Path | None, name: str) -> Path:
    """The folder of the data set `name`: `folder`, else `$CSPEC_DATA/name`.

    Raises:
        DataError: neither is there.
    """
    if folder is not None:
        path = Path(folder).expanduser()
    elif root := os.environ.get(VARIABLE):
        path = Path(root).expanduser() / name
    else:
        raise DataError(
            f"{name} is read from files on this machine, and no folder was named",
            f'write {name}(folder="..."), or set the environment variable {VARIABLE} to the '
            f"folder that holds `{name}/`; nothing is downloaded",
        )
    if not path.is_dir():
        raise DataError(
            f"the folder `{path}` of {name} does not exist",
            f'write {name}(folder="..."), or set {VARIABLE}',
        )
    return path


def first_file(folder: Path, candidates: Sequence[str], what: str) -> Path:
    """The first of the file names that exists in the folder.

    Raises:
        DataError: none does; the names are listed.
    """
    for candidate in candidates:
        if (folder / candidate).is_file():
            return folder / candidate
    raise DataError(
        f"the folder `{folder}` holds no {what}", f"looked for: {', '.join(candidates)}"
    )


def find_file(path: str | Path) -> Path:
    """A file by its path, or, where a relative one does not exist, inside `$CSPEC_DATA`."""
    file = Path(path).expanduser()
    root = os.environ.get(VARIABLE)
    if not file.is_file() and not file.is_absolute() and root:
        file = Path(root).expanduser() / file
    if file.is_dir():
        raise DataError(f"`{path}` is a folder, not a file", "name the file in it")
    if file.exists() and (kind := irregular(file)):
        raise DataError(f"`{path}` {kind}", "copy what it gives into a file, and name that")
    if not file.is_file():
        places = (Path(path).expanduser().parent, file.parent)  # beside the spec, and shared
        beside = [other.name for place in places if place.is_dir() for other in place.glob("*")]
        guess = closest(file.name, beside)
        raise DataError(
            f"the file `{path}` does not exist",
            f"relative paths are tried from the folder of the spec, then from {VARIABLE}",
            *((f"did you mean `{file.with_name(guess).name}`?",) if guess else ()),
        )
    return file
