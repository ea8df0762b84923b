"""A rewriting as pieces: new text, and spans of the old that stay as they were typed.

The fix that a message offers and the tokens to go on with come from the same pieces, so what is
said, what is written and what is checked further can't differ.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Unpack

from cspec.dsl.mistakes.failure import Beside, Failure, Repair, told
from cspec.dsl.text.source import Source, Span
from cspec.dsl.text.tokens import Token, tokenize

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
