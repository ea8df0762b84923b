"""What a syntax check knows, and what it answers: the records that all of them share.

Most repairs are a rewriting as pieces: new text, and spans of the old that stay as they were typed.
The fix that a message offers and the tokens to go on with come from the same pieces, so what is
said, what is written and what is checked further can't differ.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypedDict, Unpack

from cspec.dsl.messages.diagnostic import Diagnostic, Fix, Label
from cspec.dsl.text.clauses import CLOSERS, OPENERS
from cspec.dsl.text.source import Source, Span
from cspec.dsl.text.tokens import Token, tokenize

OPERATORS = frozenset(["SIGN", "TIMES", "POWER", "RELATION", "ARROW", "AND", "OR", "NOT", "IN"])
OPERAND_ENDS = frozenset(["NAME", "NUMBER", "STRING", "RPAR", "RSQB", "RBRACE"])
OPERAND_STARTS = frozenset(["NAME", "NUMBER", "STRING", "LPAR", "LSQB", "AVERAGE"])


class _Level(NamedTuple):
    """An open bracket, and the one around it."""

    opener: int
    around: _Level | None


@dataclass(frozen=True)
class Failure:
    """A clause that does not parse: `tokens[index]` (or its end) is the first that does not fit."""

    source: Source
    tokens: tuple[Token, ...]
    index: int
    expected: frozenset[str]
    kind: str

    @property
    def token(self) -> Token:
        """The token that does not fit; an empty one at the end of the clause."""
        return self.at(self.index)

    @property
    def before(self) -> Token:
        """The token before it."""
        return self.at(self.index - 1)

    def at(self, index: int) -> Token:
        """The token at an index; an empty one outside of the clause."""
        if 0 <= index < len(self.tokens):
            return self.tokens[index]
        if index < 0 or not self.tokens:
            place = self.tokens[0].start if self.tokens else 0
        else:
            place = self.tokens[-1].end
        return Token("$END", "", place, place)

    @property
    def first(self) -> Token:
        """The first token of the clause."""
        return self.at(0)

    def depth(self, index: int) -> list[int]:
        """Indices of the brackets that are open before a token."""
        place = min(index, len(self.tokens)) if index >= 0 else max(0, index + len(self.tokens))
        return _openers(self._levels[place])

    def closer(self) -> int | None:
        """The index of what closes the innermost bracket that is open before the token."""
        level = self._levels[min(self.index, len(self.tokens))]
        around = None if level is None else level.around
        behind = range(self.index, len(self.tokens))
        return next((i for i in behind if self._levels[i + 1] is around), None)

    def find(self, kind: str, start: int = 0, end: int | None = None) -> int | None:
        """The index of the first token of a kind from one to before another."""
        stop = len(self.tokens) if end is None else min(end, len(self.tokens))
        return next((i for i in range(start, stop) if self.tokens[i].kind == kind), None)

    def has(self, *kinds: str, start: int = 0, end: int | None = None) -> bool:
        """Whether a token of some kinds stands from one to before another."""
        return any(token.kind in kinds for token in self.tokens[start:end])

    def outer(self, kind: str, start: int = 0, end: int | None = None) -> list[int]:
        """Indices of the tokens of a kind that stand in no bracket."""
        stop = len(self.tokens) if end is None else end
        return [i for i in range(start, stop) if self.at(i).kind == kind and not self.depth(i)]

    def part(self, end: int) -> int:
        """Where what stands before a token begins: behind the last `:` that is in no bracket."""
        return max(self.outer("COLON", end=end), default=-1) + 1

    @property
    def body(self) -> int:
        """The index behind the first `:` before the token: where what is labelled begins."""
        colon = self.find("COLON", end=self.index)
        return 0 if colon is None else colon + 1

    @cached_property
    def _levels(self) -> list[_Level | None]:
        return _levels(self.tokens)

    def text(self, start: int, end: int | None = None) -> str:
        """The text from one token to before another, or to the last, as typed."""
        return self.source.slice(self.span(start, end))

    def span(self, start: int, end: int | None = None) -> Span:
        """Where the tokens from one to before another, or to the last, stand."""
        stop = len(self.tokens) if end is None else end
        return Span(self.at(start).start, self.at(stop - 1).end)

    def replaced(self, start: int, end: int, *new: Token) -> tuple[Token, ...]:
        """The tokens with a range of them exchanged."""
        return (*self.tokens[:start], *new, *self.tokens[end:])


class Repair(NamedTuple):
    """A finding, and the tokens to go on with as if it were fixed; None gives the clause up.

    `rest` are tokens of a clause that was found inside this one. `sure` is false where the repair
    is a guess: then nothing more is said about the clause.
    """

    diagnostic: Diagnostic
    tokens: tuple[Token, ...] | None = None
    rest: tuple[Token, ...] = ()
    sure: bool = True


def open_brackets(tokens: Sequence[Token]) -> list[int]:
    """Indices of the openers that are still open at the end, outermost first."""
    return _openers(_levels(tokens)[-1])


def unmatched(tokens: Sequence[Token]) -> list[int]:
    """Indices of the openers that no closer of their own closes, in order."""
    levels = _levels(tokens)
    closers = (i for i, token in enumerate(tokens) if token.kind in CLOSERS)
    closed = (_closed(tokens, levels[i], tokens[i].kind) for i in closers)
    ended = {level.opener for level in closed if level is not None}
    return [i for i, token in enumerate(tokens) if token.kind in OPENERS and i not in ended]


def commas_between(tokens: Sequence[Token], start: int, end: int) -> list[int]:
    """Indices of the commas from one token to before another that stand in no bracket of theirs."""
    return outside_brackets(tokens, start, end, frozenset({"COMMA"}))


def outside_brackets(
    tokens: Sequence[Token], start: int, end: int, kinds: frozenset[str]
) -> list[int]:
    """Indices of the tokens of some kinds that stand in no bracket between two tokens."""
    found, depth = [], 0
    for index in range(start, min(end, len(tokens))):
        kind = tokens[index].kind
        depth += (kind in OPENERS) - (kind in CLOSERS)
        if kind in kinds and not depth:
            found.append(index)
    return found


def closer_of(tokens: Sequence[Token], opener: int) -> int | None:
    """The index of the bracket that closes the one at an index."""
    return _partner(tokens, range(opener, len(tokens)))


def opener_of(tokens: Sequence[Token], closer: int) -> int | None:
    """The index of the bracket that the one at an index closes."""
    return _partner(tokens, range(closer, -1, -1))


def _partner(tokens: Sequence[Token], places: Iterable[int]) -> int | None:
    """The first place where as many brackets close as open on the way."""
    depth = 0
    for index in places:
        depth += (tokens[index].kind in OPENERS) - (tokens[index].kind in CLOSERS)
        if not depth:
            return index
    return None


def _levels(tokens: Sequence[Token]) -> list[_Level | None]:
    """The innermost open bracket before each token and behind the last, in one pass."""
    level: _Level | None = None
    levels = [level]
    for index, token in enumerate(tokens):
        if token.kind in OPENERS:
            level = _Level(index, level)
        elif token.kind in CLOSERS:
            closed = _closed(tokens, level, token.kind)
            level = level if closed is None else closed.around
        levels.append(level)
    return levels


def _closed(tokens: Sequence[Token], level: _Level | None, closer: str) -> _Level | None:
    """What a closer closes; `}` closes brackets inside its braces, too."""
    while level is not None and tokens[level.opener].kind != CLOSERS[closer]:
        level = level.around if closer == "RBRACE" else None
    return level


def _openers(level: _Level | None) -> list[int]:
    """The openers of a level and of those around it, outermost first."""
    found = []
    while level is not None:
        found.append(level.opener)
        level = level.around
    return found[::-1]


def touching(left: Token, right: Token) -> bool:
    """Whether no blank stands between two tokens."""
    return left.end == right.start and bool(right.text)


def to_write(text: str) -> str:
    """What a replacement asks for."""
    if "\n" in text and not text.strip():
        return "begin a new line"
    return f"write `{text.strip()}`" if text.strip() else "remove it"


def problem(
    source: Source,
    code: str,
    message: str,
    span: Span,
    *,
    label: str = "",
    notes: Sequence[str] = (),
    helps: Sequence[str] = (),
    fix: str | None = None,
    fix_span: Span | None = None,
    fixes: Sequence[Fix] = (),
    related: Sequence[Label] = (),
    safe: bool = True,
) -> Diagnostic:
    """An error; `fix` replaces `fix_span` (by default the span itself).

    Without helps it says to write the fix, or to remove what goes.
    """
    edits = list(fixes)
    if fix is not None:
        place = span if fix_span is None else fix_span
        edits.insert(0, Fix(span=place, replacement=fix, title=to_write(fix), safe=safe))
        helps = helps or (to_write(fix),)
    return Diagnostic(
        code=code,
        message=message,
        span=span,
        label=label,
        notes=tuple(notes),
        helps=tuple(helps),
        fixes=tuple(edits),
        related=tuple(related),
        source=source,
    )


def offered(span: Span, *texts: str) -> tuple[Fix, ...]:
    """A fix for each text that may stand in a place; none is sure."""
    return tuple(Fix(span=span, replacement=text, title=to_write(text)) for text in texts)


class Beside(TypedDict, total=False):
    """What a finding may say beside its message and its fix: keywords of `problem`."""

    label: str
    notes: Sequence[str]
    related: Sequence[Label]
    safe: bool


class Said(Beside, total=False):
    """The same, and the fix."""

    fix: str | None
    fix_span: Span | None
    fixes: Sequence[Fix]


def told(
    f: Failure,
    span: Span,
    code: str,
    message: str,
    *helps: str,
    tokens: tuple[Token, ...] | None = None,
    rest: tuple[Token, ...] = (),
    sure: bool = True,
    **said: Unpack[Said],
) -> Repair:
    """What is said of a place in a clause, and the tokens to go on with: a `problem` and its
    `Repair`."""
    return Repair(problem(f.source, code, message, span, helps=helps, **said), tokens, rest, sure)


def swapped(f: Failure, index: int, word: str, kind: str, code: str) -> Repair:
    """One word exchanged for the keyword that was meant."""
    token = f.at(index)
    tokens = f.replaced(index, index + 1, Token(kind, word, *token.span, kind != "NAME"))
    said = (code, f"`{token.text}` is written `{word}`")
    return told(f, token.span, *said, fix=word, safe=False, tokens=tokens)


def next_constraint(f: Failure, begins: str) -> Repair:
    """A second constraint on the line, before the token at fault: a separator is missing."""
    return told(
        f,
        f.token.span,
        "CS115",
        f"a `;` or a new line is missing before `{begins}`",
        "separate constraints by `;` or a new line",
        label="here begins another constraint",
        fix=";",
        fix_span=Span(f.before.end, f.before.end),
        tokens=f.tokens[: f.index],
        rest=f.tokens[f.index :],
    )


Piece = str | Span


def written(source: Source, pieces: Iterable[Piece]) -> str:
    """The text of a rewriting."""
    return "".join(piece if isinstance(piece, str) else source.slice(piece) for piece in pieces)


def read_pieces(
    source: Source, pieces: Iterable[Piece], tokens: Sequence[Token], place: int
) -> list[Token]:
    """The tokens of a rewriting: those of its spans stand where they stood, new ones between.

    `tokens` are the old ones, in order; `place` is where the rewriting begins. The first and the
    last of the new ones reach to the ends of what was written, so that a text from before to behind
    them is what a person typed.
    """
    begin, finish = place, tokens[-1].end if tokens else place
    starts = [token.start for token in tokens]
    result: list[Token] = []
    for piece in pieces:
        if isinstance(piece, str):
            result += [t._replace(start=place, end=place) for t in tokenize(piece)[0]]
            continue
        first, last = bisect_left(starts, piece.start), bisect_left(starts, piece.end)
        inside = tokens[first:last]
        result += inside if inside else read_at(source, piece)
        place = piece.end
    if result:
        result[0] = result[0]._replace(start=min(begin, result[0].start))
        result[-1] = result[-1]._replace(end=max(finish, result[-1].end))
    return result


def read_at(source: Source, span: Span) -> list[Token]:
    """The tokens of a text that stood inside of one token: of what was in quotes."""
    shift = span.start
    return [
        token._replace(start=token.start + shift, end=token.end + shift)
        for token in tokenize(source.slice(span))[0]
    ]


def rewritten(
    f: Failure,
    start: int,
    end: int,
    pieces: tuple[Piece, ...],
    code: str,
    message: str,
    *helps: str,
    shown: Span | None = None,
    place: int | None = None,
    sure: bool = True,
    **beside: Unpack[Beside],
) -> Repair:
    """The tokens from `start` to before `end` exchanged for pieces, and what is said of it.

    Where `start == end` they are put in: behind the token before, or at `place`. `shown` is what
    the message points at, by default what is exchanged; without helps it says to write the fix, or
    to remove what goes.
    """
    span = _exchanged(f, start, end, place)
    new = read_pieces(f.source, pieces, f.tokens[start:end], span.start)
    fix, tokens = written(f.source, pieces), f.replaced(start, end, *new)
    said = (code, message, *helps)
    return told(f, shown or span, *said, fix=fix, fix_span=span, tokens=tokens, sure=sure, **beside)


def comma_before(f: Failure, meant: str, label: str = "", safe: bool = True) -> Repair:
    """A `,` put in before the token that does not fit."""
    said = ("CS115", f"a `,` is missing before `{f.token.text}`", f"write `{meant}`")
    shown = f.token.span
    return rewritten(f, f.index, f.index, (",",), *said, label=label, shown=shown, safe=safe)


def _exchanged(f: Failure, start: int, end: int, place: int | None) -> Span:
    """What the fix replaces; an empty span where it only adds."""
    if start < end:
        return f.span(start, end)
    at = f.at(start - 1).end if place is None else place
    return Span(at, at)
