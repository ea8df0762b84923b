"""Diagnostics and tables of words on a terminal or in a file."""

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.messages.render import render_text
from cspec.dsl.text.visible import visible_line


def colors(stream: TextIO) -> bool:
    """Whether color helps: a terminal, and nobody said NO_COLOR (https://no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def print_diagnostics(diagnostics: Iterable[Diagnostic], stream: TextIO | None = None) -> None:
    """All diagnostics, then a blank line; on standard error unless told otherwise."""
    target = sys.stderr if stream is None else stream
    text = render_text(diagnostics, color=colors(target))
    if text:
        print(text, end="\n\n", file=target)


def counted(number: int, noun: str) -> str:
    """`1 error`, `3 errors`, `no errors`."""
    if number == 0:
        return f"no {noun}s"
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def columns(rows: Sequence[Sequence[str]], gap: str = "  ", right: Iterable[int] = ()) -> list[str]:
    """Rows as lines of equally wide columns; those in `right` are set flush right."""
    if not rows:
        return []
    rows = [[visible_line(cell) for cell in row] for row in rows]
    flush = set(right)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        gap.join(
            cell.rjust(width) if i in flush else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
