"""The text of a spec, and places in it."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple

from pydantic import BaseModel


class Span(NamedTuple):
    """A half-open range of character offsets into `Source.text`."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """The smallest span that covers both."""
        return Span(min(self.start, other.start), max(self.end, other.end))

    def holds(self, other: Span) -> bool:
        """Whether another span lies in it."""
        return self.start <= other.start and other.end <= self.end


NOWHERE = Span(0, 0)
"""The span of what no text wrote: implied items, generated labels."""


class Position(NamedTuple):
    """A place as people count it: line and column from 1, columns in characters."""

    line: int
    column: int


class Source(BaseModel, frozen=True, ignored_types=(cached_property,)):
    """A named text. `name` is what messages print: a path, or `<spec>` for a string."""

    text: str
    name: str = "<spec>"

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        starts.extend(index + 1 for index, char in enumerate(self.text) if char == "\n")
        return starts

    def position(self, offset: int) -> Position:
        """Line and column of a character offset."""
        line = bisect_right(self._line_starts, offset)
        return Position(line, offset - self._line_starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """The text of line `number` (from 1) without its end."""
        end = self._line_starts[number] - 1 if number < len(self._line_starts) else len(self.text)
        return self.text[self._line_starts[number - 1] : end].rstrip("\r")

    def slice(self, span: Span) -> str:
        """The text exactly as typed."""
        return self.text[span.start : span.end]

    def edited(self, span: Span, new: str) -> Source:
        """The source with another text in a place."""
        text = f"{self.text[: span.start]}{new}{self.text[span.end :]}"
        return Source(text=text, name=self.name)


LABEL = re.compile(r"[ \t]*(?:s\.t\.[ \t]*)?(?:\w+:[ \t]*)?")
"""What stands before the body of a constraint on its line."""


def line_of(text: str, place: int) -> tuple[int, int]:
    """Where the line of a place begins and ends."""
    end = text.find("\n", place)
    return text.rfind("\n", 0, place) + 1, len(text) if end < 0 else end
