"""Text to tokens, by the terminals of the grammar, in one linear pass that never fails."""

import re
from functools import cache
from typing import NamedTuple

from cspec.dsl.text.source import Span
from cspec.dsl.text.terminals import keywords, marks


class Token(NamedTuple):
    """A piece of text. `kind` is a terminal of the grammar or `UNKNOWN`, `UNCLOSED` (a string).

    `soft` marks a keyword that is a NAME wherever the grammar has no place for the keyword.
    """

    kind: str
    text: str
    start: int
    end: int
    soft: bool = False

    @property
    def type(self) -> str:
        """The kind, as lark asks for it."""
        return self.kind

    @property
    def span(self) -> Span:
        """Where it stands."""
        return Span(self.start, self.end)


@cache
def _scanner() -> re.Pattern[str]:
    parts = [f"(?P<{name}>{pattern})" for name, pattern in marks()]
    parts += [r'(?P<UNCLOSED>"[^\r\n]*)', r"(?P<UNKNOWN>[\s\S])"]
    return re.compile("|".join(parts))


def tokenize(text: str, start: int = 0, end: int | None = None) -> tuple[list[Token], list[Token]]:
    """The tokens of a text without blanks, and its comments; newlines are `_NL` tokens.

    `start` and `end` bound what is read, where both stand between tokens.
    """
    words = keywords()
    tokens: list[Token] = []
    comments: list[Token] = []
    for match in _scanner().finditer(text, start, len(text) if end is None else end):
        kind = match.lastgroup
        assert kind is not None
        if kind == "BLANK":
            continue
        value = match.group()
        begin, close = match.span()
        if kind == "NAME":
            kind = words.get(value, "NAME")
            tokens.append(Token(kind, value, begin, close, kind != "NAME"))
        elif kind == "COMMENT":
            comments.append(Token(kind, value, begin, close))
        else:
            tokens.append(Token(kind, value, begin, close, kind == "AVERAGE"))
    return tokens, comments


EACH_TOKEN, EACH_LINE = 3.0, 30
"""Characters that a token and a line have in common specs: marks and short lines cost as much."""


def common_length(text: str) -> float:
    """The length of a common spec that it costs as much to read; clauses behind `;` are lines."""
    lines = text.count("\n") + text.count(";")
    return max(len(text), EACH_TOKEN * len(tokenize(text)[0]), EACH_LINE * lines)
