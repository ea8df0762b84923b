"""What a finished run has found, kept in another place where its folder can't take it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from cspec.runtime.files import write_atomic
from cspec.runtime.rescue import one_line


def kept_elsewhere(files: Mapping[str, bytes]) -> str:
    """Write files into a new folder for temporary files; what is to be said of it."""
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
