"""One row of a table of foreign lines: how such a line looks, and what a spec writes for it."""

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import NamedTuple

from cspec.dsl.mistakes.failure import Piece
from cspec.dsl.text.source import Span

END = r"[ \t]*;?[ \t]*(?=#|\r?$|\Z)"
"""The end of a line: a semicolon, blanks, a remark."""
MODULE = r"(?:[A-Za-z_]\w*\.)*"
"""The module in front of a name: `cp.`, `pyo.`, `np.linalg.`."""
_CLASS_OR_BLANK = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]|\\.|[ ~]")
REMOVE = ""
"""The template of a line that goes."""

Template = str | Callable[[re.Match[str]], str | tuple[Piece, ...] | None] | None


class Pattern:
    """A pattern where a blank stands for blanks or none, and `~` for at least one.

    Inside of `[ ]` both stand for themselves. It is compiled when it is first asked: most specs
    have no mistake, and then hundreds of patterns need not be.
    """

    def __init__(self, written: str) -> None:
        self.written = written

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(_CLASS_OR_BLANK.sub(_blanks, self.written), re.MULTILINE)

    def match(self, text: str, *places: int) -> re.Match[str] | None:
        return self._compiled.match(text, *places)

    def search(self, text: str) -> re.Match[str] | None:
        return self._compiled.search(text)

    def finditer(self, text: str, *places: int) -> Iterator[re.Match[str]]:
        return self._compiled.finditer(text, *places)


class ForeignLine(NamedTuple):
    """A foreign line. `{name}` stands for a group of the pattern, `{st}` for an `s.t.` to write.

    `template` is what a spec writes instead (None: nobody but the author knows), `message` and
    `help` are what is said; without `help` it is to write the template. A row with alternatives
    asks, and one that may mean something else (indices from 1) is not `safe` to apply unasked.
    """

    pattern: Pattern
    code: str
    message: str
    template: Template = None
    help: str = ""
    note: str = ""
    alternatives: tuple[str, ...] = ()
    safe: bool = True


def row(
    pattern: str,
    message: str,
    template: Template = None,
    *,
    code: str = "CS136",
    help: str = "",
    note: str = "",
    alternatives: tuple[str, ...] = (),
    safe: bool = True,
) -> ForeignLine:
    """A row whose pattern begins at the first word of a line and ends at the line's end."""
    whole = Pattern(pattern + END)
    return ForeignLine(whole, code, message, template, help, note, alternatives, safe)


def removed(pattern: str, message: str, help: str = "", *, code: str = "CS128") -> ForeignLine:
    """A row whose line goes; `help` goes on behind `remove the line`."""
    return row(pattern, message, REMOVE, help=f"remove the line{help}", code=code)


def _blanks(match: re.Match[str]) -> str:
    return {" ": r"[ \t]*", "~": r"[ \t]+"}.get(match[0], match[0])


_FIELD = re.compile(r"\{(\w+)\}")


def filled(template: str, match: re.Match[str], st: str) -> tuple[Piece, ...]:
    """The pieces of a template; a group that took no part is nothing.

    Braces that name no group are the author's own.
    """
    pieces: list[Piece] = []
    end = 0
    for field in _FIELD.finditer(template):
        if field[1] != "st" and field[1] not in match.re.groupindex:
            continue
        pieces.append(template[end : field.start()])
        end = field.end()
        if field[1] == "st":
            pieces.append(st)
        elif match.start(field[1]) >= 0:
            pieces.append(Span(*match.span(field[1])))
    return tuple(piece for piece in (*pieces, template[end:]) if piece)
