"""Repairs whose fix and whose tokens come from the same pieces: they can't say different things."""

from __future__ import annotations

from typing import Unpack

from cspec.dsl.mistakes.failure import Beside, Failure, Repair, told
from cspec.dsl.mistakes.foreign.pieces import Piece, read_pieces, written
from cspec.dsl.text.source import Span


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
