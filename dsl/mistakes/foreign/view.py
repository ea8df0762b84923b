"""What a recognizer of foreign marks sees, and what it answers."""

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import NamedTuple, Unpack

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.mistakes.failure import Piece, Said, problem
from cspec.dsl.mistakes.signs import LATEX
from cspec.dsl.text.clauses import CLOSERS, OPENERS
from cspec.dsl.text.source import Source, Span
from cspec.dsl.text.tokens import Token

WINDOW = 120
"""Tokens that are looked ahead for a bracket, so that no text is slow to read."""
TERM_ENDS = frozenset(
    [
        *("SIGN", "RELATION", "COMMA", "SEMICOLON", "_NL", "ARROW", "AND", "OR", "BAR", "FOR"),
        *("BY", "SOFT", "WITHIN", "WITH", "ON", "ST", "EQUAL", "COLON", "FORALL", "$END"),
    ]
)


class Found(NamedTuple):
    """So many tokens are a foreign form; `pieces` are what a spec writes (None: no fix is known).

    Without `message` it says that the form is written as the pieces are, without `help` to write
    them, or to remove what goes. `go_on` are the pieces to read further with, where they are not
    those of the fix; `back` tokens before it belong to it. What is a factor gets a `*` where an
    operand stands directly before. What may mean something else, an index that elsewhere begins at
    1, is not `safe`.
    """

    take: int
    pieces: tuple[Piece, ...] | None
    code: str
    message: str = ""
    help: str = ""
    note: str = ""
    go_on: tuple[Piece, ...] = ()
    back: int = 0
    safe: bool = True
    factor: bool = False


class Mended(NamedTuple):
    """`take` tokens exchanged for `new`; no finding where another check has it."""

    take: int
    new: tuple[Token, ...]
    finding: Diagnostic | None


class View:
    """The tokens from a place on, and those before it that are done."""

    def __init__(self, source: Source, stack: list[Token], done: list[Token]) -> None:
        self.source = source
        self.stack = stack
        self.done = done

    def at(self, index: int) -> Token:
        """The token so many places ahead; an empty one behind the last."""
        if index < len(self.stack):
            return self.stack[-1 - index]
        place = len(self.source.text)
        return Token("$END", "", place, place)

    @property
    def before(self) -> Token:
        """The token before."""
        return self.done[-1] if self.done else Token("_NL", "", 0, 0)

    def texts(self, *words: str) -> bool:
        """Whether the tokens from here on are these, without blanks between them."""
        here = self.at(0).start
        for index, word in enumerate(words):
            token = self.at(index)
            if token.text != word or token.start != here:
                return False
            here = token.end
        return True

    def closer(self, opener: int) -> int | None:
        """The index of the bracket that closes one."""
        depth = 0
        for index in range(opener, min(opener + WINDOW, len(self.stack))):
            kind = self.stack[-1 - index].kind
            depth += (kind in OPENERS) - (kind in CLOSERS)
            if depth < 0:
                return None
            if not depth:
                return index
        return None

    def term_end(self, start: int) -> int:
        """Behind the last token of a product that begins here."""
        depth, index = 0, start
        while index < start + WINDOW:
            kind = self.at(index).kind
            ends = not depth and (kind in CLOSERS or kind in TERM_ENDS or self._relates(index))
            if kind == "$END" or (ends and (kind != "SIGN" or index > start)):
                break
            depth += (kind in OPENERS) - (kind in CLOSERS)
            index += 1
        return index

    def _relates(self, index: int) -> bool:
        r"""Whether a relation of LaTeX begins at a place: `\le`."""
        if self.at(index).text != "\\":
            return False
        return LATEX.get(self.at(index + 1).text, ("", ""))[0] in TERM_ENDS

    def span(self, start: int, end: int) -> Span:
        """From one token to before another."""
        return Span(self.at(start).start, self.at(max(start, end - 1)).end)

    def text(self, start: int, end: int) -> str:
        """The text from one token to before another."""
        return self.source.slice(self.span(start, end)) if end > start else ""

    def line(self, most: int) -> list[Token]:
        """The tokens before this one on its line, so many at most."""
        nearest = takewhile(lambda token: token.kind != "_NL", self.done[: -most - 1 : -1])
        return list(nearest)[::-1]

    def behind(self, *kinds: str) -> int:
        """How many tokens stand before this one, behind the last of some kinds."""
        ends = (count for count, token in enumerate(reversed(self.done)) if token.kind in kinds)
        return next(ends, len(self.done))

    def last(self, count: int) -> Span:
        """Where so many tokens before this one stand."""
        return Span(self.done[-count].start, self.done[-1].end)

    def opener(self, least: int = 1) -> int | None:
        """Where, of the tokens that are done, the bracket stands that is open here.

        With 0 for `least` it is that which the token before closes.
        """
        depth = 0
        for index in range(len(self.done) - 1, max(0, len(self.done) - WINDOW), -1):
            kind = self.done[index].kind
            depth += (kind in OPENERS) - (kind in CLOSERS)
            if depth >= least:
                return index
        return None


def mended(
    view: View,
    take: int,
    new: Iterable[Token | tuple[str, str]],
    code: str,
    message: str = "",
    span: Span | None = None,
    helps: Sequence[str] = (),
    **said: Unpack[Said],
) -> Mended:
    """`take` tokens exchanged, and what is said of them, as in `problem`.

    What is `new` by kind and text stands where those stood. Without `message` it says that they are
    written as the fix is.
    """
    place = view.span(0, take)
    message = message or f"`{view.text(0, take)}` is written `{(said.get('fix') or '').strip()}`"
    finding = problem(view.source, code, message, span or place, helps=helps, **said)
    tokens = (t if isinstance(t, Token) else Token(*t, *place) for t in new)
    return Mended(take, tuple(tokens), finding)
