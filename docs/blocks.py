"""Fenced blocks of the pages: what they hold, how they are run, what they must give.

```cspec                     checks without any finding, and trains a step
```cspec later               checks, but can't run yet: `check` says so, and so does the page above
```cspec file=a.cspec        the same, and kept as a file for later blocks of the page
```cspec error CS311         gives exactly this code (several: in source order)
```cspec run                 trains and meets its requirements
```python file=helpers.py    kept as a file for later blocks of the page
```python run                executed
```console                   `$ cspec ...` and what it prints; `...` stands for anything
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cspec.cli import main

DOCS = Path(__file__).resolve().parent
_FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """One fenced block: its language, the words behind it, its text, and where it begins."""

    page: Path
    line: int
    language: str
    words: tuple[str, ...]
    text: str

    @property
    def above(self) -> str:
        """The page's prose from the block before, or from the heading, to this one."""
        text = "".join(self.page.read_text(encoding="utf-8").splitlines(True)[: self.line - 1])
        return re.split(r"^(?:```|#+ .*)$", text, flags=re.MULTILINE)[-1]

    @property
    def file(self) -> str | None:
        """The name under which the page's later blocks find it."""
        return next((w[5:] for w in self.words if w.startswith("file=")), None)


class Command(NamedTuple):
    """A line after `$`, and the output that the page shows."""

    line: str
    expected: str


def pages() -> list[Path]:
    """All pages, in order of their names."""
    return sorted(DOCS.rglob("*.md"))


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page, line, found[1], tuple(found[2].split()), found[3])


def commands(block: Block) -> list[Command]:
    """The commands of a console block."""
    found: list[Command] = []
    for line in block.text.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append(Command(line[2:].strip(), ""))
        elif found[-1].line.count('"') % 2:  # text in quotes goes on
            found[-1] = Command(f"{found[-1].line}\n{line.rstrip()}", "")
        else:
            found[-1] = found[-1]._replace(expected=found[-1].expected + line)
    return found


def output(command: Command, folder: Path) -> str:
    """What a command prints, on both streams, in `folder`."""
    program, *arguments = shlex.split(command.line)
    assert program == "cspec", f"pages run cspec only, not {program}"
    seen = io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(seen),
        contextlib.redirect_stderr(seen),
        contextlib.suppress(SystemExit),
    ):
        main(arguments)
    return plain(seen.getvalue())


def plain(text: str) -> str:
    """Without trailing blanks and empty ends."""
    return "\n".join(line.rstrip() for line in text.strip("\n").split("\n")) + "\n"


def same(expected: str, got: str) -> bool:
    """Whether output is what a page shows; `...` stands for anything."""
    return doctest.OutputChecker().check_output(plain(expected), got, doctest.ELLIPSIS)


def quiet() -> None:
    """Plain text of a fixed width, as pages show it."""
    os.environ.update(COLUMNS="100", NO_COLOR="1")
