"""Write the emitted source of every golden spec anew: `python tests/goldens/update.py`.

A refactoring leaves all of them as they are; a change of what is emitted shows here line by line.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cspec

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))

from specs import SPECS  # noqa: E402  the folder is no package


def emitted(name: str) -> str:
    """The module that a golden spec compiles to."""
    text, bindings = SPECS[name]
    return cspec.compile(text, **bindings).source


def main() -> None:
    """Write every file, and say which ones changed."""
    for name in SPECS:
        path = FOLDER / f"{name}.py"
        before = path.read_text() if path.exists() else None
        after = emitted(name)
        path.write_text(after)
        print(f"{name}: {'as before' if before == after else 'changed'}")


if __name__ == "__main__":
    main()
