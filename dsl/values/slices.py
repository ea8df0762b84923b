"""What indices and slices leave of a shape: `W[0, 1:3]` of (2, 5) is (2,).

Slices hold the entries from their lower end up to, not including, their upper one. Both begin at 0,
as indices do, and lie within the tensor: nothing is cut off in silence.
"""

from __future__ import annotations

from typing import NamedTuple

from cspec.dsl.tree.constants import Values, is_whole, value_or_none
from cspec.dsl.tree.nodes import Expr, Slice


class Piece(NamedTuple):
    """The places `start`, ..., `stop - 1` of one axis."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """How many places there are."""
        return self.stop - self.start


class Unfit(NamedTuple):
    """Why an index or a slice is none of an axis, and what to type."""

    why: str
    help: str


def piece_of(index: Slice, size: int, values: Values) -> Piece | Unfit | None:
    """The places that a slice takes of an axis of `size`; None where an end is not known."""
    if size < 1:  # which is said where it is declared
        return None
    ends = [
        default if end is None else value_or_none(end, values)
        for end, default in ((index.lower, 0.0), (index.upper, float(size)))
    ]
    known = [end for end in ends if end is not None]
    if not all(map(is_whole, known)):
        return Unfit("has an end that is no whole number", "write whole numbers")
    if any(end < 0 for end in known):
        low, high = (None if end is None else int(end) % size if end < 0 else int(end)
                     for end in ends)  # fmt: skip
        meant = _written(index, low, high)
        return Unfit("counts from the end", f"indices begin at 0: write `[{meant}]`")
    if any(end > size for end in known):
        entries = "1 entry" if size == 1 else f"{size} entries"
        help_ = "leave its end away where all the rest is meant: `0:`"
        return Unfit(f"goes beyond the {entries}", help_)
    if len(known) < 2:
        return None
    start, stop = int(known[0]), int(known[1])
    if stop <= start:
        help_ = "a slice goes up to, not including, its upper end: `0:2` are two entries"
        return Unfit("is empty", help_)
    return Piece(start, stop)


def _written(index: Slice, low: int | None, high: int | None) -> str:
    """A slice with other ends."""
    ends = (
        "" if end is None else "..." if number is None else str(number)
        for end, number in ((index.lower, low), (index.upper, high))
    )
    return ":".join(ends)


def indexed(
    shape: tuple[int, ...], indices: tuple[Expr, ...], values: Values
) -> tuple[int, ...] | None:
    """The shape of `value[indices]`; None where it is not known, or there is no such part."""
    if len(indices) > len(shape):
        return None
    kept = []
    for index, size in zip(indices, shape, strict=False):
        if isinstance(index, Slice):
            piece = piece_of(index, size, values)
            if not isinstance(piece, Piece):
                return None
            kept.append(piece.length)
    return (*kept, *shape[len(indices) :])
