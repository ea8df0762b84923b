"""What an index or a name behind a value means."""

from __future__ import annotations

from typing import Literal, NamedTuple

from cspec.dsl.tree.nodes import Expr


class Whole(NamedTuple):
    """The value itself: the only number that there is."""


class Entry(NamedTuple):
    """The same place of the last axis for every example (or of a vector)."""

    place: int


class Own(NamedTuple):
    """Of each example the place that another value of it names: `prob[y]`."""

    place: Expr


class PartOf(NamedTuple):
    """One part of an output that has several."""

    key: str | int
    style: Literal["index", "key", "field"]


class Bound(NamedTuple):
    """A column that was bound under this name: a feature in the units of its file."""

    column: str


class Plain(NamedTuple):
    """Entries of a tensor that has no axis of examples."""


Place = Whole | Entry | Own | PartOf | Bound | Plain
