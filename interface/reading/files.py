"""Writing the user's files: whole or not at all. (The runtime's twin needs torch's layer.)"""

import os
import tempfile
from pathlib import Path

from cspec.dsl.messages.diagnostic import Diagnostic


def write_text(path: Path, text: str) -> None:
    """Replace a file by way of a temporary one beside it, keeping its permissions.

    Raises:
        SpecError: the place can't be written.
    """
    target = path.resolve()
    name = ""
    try:
        mode = target.stat().st_mode if target.exists() else None
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(name, 0o644 if mode is None else mode & 0o7777)
        os.replace(name, target)
    except OSError as error:
        if name:
            Path(name).unlink(missing_ok=True)
        reason = (error.strerror or str(error)).lower()
        message = f"can't write {path}: {reason}"
        helps = ("name a file in a folder that exists and that you may write in",)
        raise Diagnostic(code="CS640", message=message, helps=helps).error() from error
