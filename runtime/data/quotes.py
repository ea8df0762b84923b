"""Quotes of a text table that swallow rows: found before anything is read from it.

An entry in quotes may hold line breaks, so one quote too many makes one entry of all the rows up to
the next quote, and nobody is told. Two kinds are refused, with the line where the quote opens: one
that is never closed, or whose closing quote is followed by more text; and one over whole lines
that each look like a row of the table. Entries of several lines that are prose are left alone.
"""

import bz2
import gzip
import lzma
import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Any

from cspec.runtime.data.errors import DataError

_OPENERS: dict[str, Callable[..., IO[Any]]] = {
    ".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open,
}  # fmt: skip
LINES = 3
"""Lines up to which an entry in the first row is not compared with what is between them."""
MOST = 0.8
"""Share of entries that must be numbers where a row has them; the others may be missing."""
_UNSEEN = (".zip", ".zst", ".tar", ".tgz")
"""Archives that only the reader opens."""


def require_closed(path: Path, separator: str, skip: int) -> None:
    """Refuse a table with a quote that swallows rows.

    Raises:
        DataError: the line where it opens.
    """
    if len(separator) != 1 or path.suffix in _UNSEEN:
        return
    opened = _OPENERS.get(path.suffix, open)
    # Quotes and separators are the same bytes in every encoding that is read here.
    with opened(path, "rt", encoding="latin-1", newline="") as file:
        for _ in range(skip):
            next(file, None)
        _require(path.name, separator, (line.rstrip("\r\n") for line in file), skip)


def not_utf8(path: Path) -> str:
    """The first line that is no UTF-8 text, and its byte."""
    opened = None if path.suffix in _UNSEEN else _OPENERS.get(path.suffix, open)
    with opened(path, "rb") if opened else nullcontext(()) as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return f"line {number} holds the byte 0x{line[error.start]:02x}"
    return "it can't be decoded"


def _require(name: str, separator: str, lines: Iterator[str], skip: int) -> None:
    number, row, width = skip, "", 0
    for line in lines:
        number += 1
        width = width or len(_cells(line, separator))
        if '"' not in line:
            row = row or _pattern(line, separator, width, number > skip + 1)
            continue
        opened = number
        held = _Row(separator)
        held.take(line)
        while held.inside:
            more = next(lines, None)
            if more is None:
                raise _refused(name, opened, held.opened, "is never closed")
            number += 1
            held.take(more)
        if len(held.lines) == 1:
            row = row or _pattern(line, separator, width, number > skip + 1)
            continue
        if held.torn:
            raise _refused(name, opened, held.opened, "closes in the middle of an entry")
        if _looks_like_rows(held.lines, separator, width, row):
            why = f"makes one entry of {len(held.lines)} lines that look like rows"
            raise _refused(name, opened, held.opened, why)


def _pattern(line: str, separator: str, width: int, below: bool) -> str:
    """A line below the header that shows what rows look like, else nothing."""
    return line if below and len(_cells(line, separator)) == width else ""


class _Row:
    """One row as it is read, over one line or several."""

    def __init__(self, separator: str) -> None:
        apart = re.escape(separator)
        # An entry in quotes that ends here; one that goes on; a plain one.
        self._entry = re.compile(
            rf' *(?:"(?:[^"]|"")*+"(?P<rest>[^{apart}]*)|(?P<open>"(?:[^"]|"")*+$)|[^{apart}]*)'
            rf"(?P<end>{apart}|$)"
        )
        self._close = re.compile(rf'(?:[^"]|"")*+"(?P<rest>[^{apart}]*)(?P<end>{apart}|$)')
        self.lines: list[str] = []
        self.inside = False
        self.opened = 0
        """The line of this row, from 0, in which the entry that ended or goes on was opened."""
        self.torn = False
        """Whether text followed the closing quote of an entry of several lines."""

    def take(self, line: str) -> None:
        """Go on with a line."""
        place = 0
        self.lines.append(line)
        if self.inside:
            closed = self._close.match(line)
            if closed is None:
                return
            self.inside = False
            self.torn = self.torn or bool(closed["rest"].strip())
            place = closed.end()
            if self.torn or not closed["end"]:
                return
        while place <= len(line):
            found = self._entry.match(line, place)
            if found is None:
                return
            if found["open"]:
                self.inside, self.opened = True, len(self.lines) - 1
                return
            if not found["end"]:
                return
            place = found.end()


def _cells(line: str, separator: str) -> list[str]:
    """The entries of a line, were quotes plain characters."""
    return [cell.strip().strip('"') for cell in line.split(separator)]


def _looks_like_rows(lines: list[str], separator: str, width: int, row: str) -> bool:
    """Whether each line has as many entries as the header, with numbers where a row has them."""
    cells = [_cells(line, separator) for line in lines]
    if width < 2 or any(len(one) != width for one in cells):
        return False
    # Without a row above, one of the lines between shows what rows look like.
    row = row or (lines[1] if len(lines) > LINES else "")
    if not row:
        return False
    numbers = [is_number(cell) for cell in _cells(row, separator)]
    if not any(numbers):
        return width > 2
    asked = [cell for one in cells for cell, n in zip(one, numbers, strict=True) if n]
    found = sum(map(is_number, asked))
    return found == sum(map(bool, asked)) and found >= MOST * len(asked)


def is_number(cell: str) -> bool:
    """Whether a cell is read as a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _refused(name: str, first: int, after: int, why: str) -> DataError:
    return DataError(
        f"the quote that opens in line {first + after} of `{name}` {why}, and swallows the rows "
        "behind it",
        'write a quote that belongs to the text twice and the entry in quotes: "5"" nails", or '
        "remove it",
    )
