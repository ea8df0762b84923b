"""Which comment belongs to which item or constraint."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

from cspec.dsl.text.source import Source, Span
from cspec.dsl.tree.nodes import Comment, Group, Item, Spec, SubjectTo


class Notes(NamedTuple):
    """Comments by the span of what they belong to.

    `leading` stand on lines before it, `trailing` behind it; `header` behind the `{` of a group,
    `tail` on lines before its `}`; `footer` after everything.
    """

    leading: dict[Span, list[Comment]]
    trailing: dict[Span, Comment]
    header: dict[Span, Comment]
    tail: dict[Span, list[Comment]]
    footer: list[Comment]


def attach(spec: Spec, source: Source) -> Notes:
    """Place every comment; none is lost, and placing them again changes nothing."""
    units, parents = _units(spec)
    starts = [unit.span.start for unit in units]
    by_end = sorted(units, key=lambda unit: unit.span.end)
    ends = [unit.span.end for unit in by_end]
    notes = Notes({}, {}, {}, {}, [])
    for comment in spec.comments:
        place = comment.span.start
        following = bisect_right(starts, place)
        before = bisect_right(ends, place)
        if not comment.own_line and before:
            ended = by_end[before - 1]
            same = source.position(ended.span.end).line == source.position(place).line
            if same and ended.span not in notes.trailing:
                notes.trailing[ended.span] = comment
                continue
        around = _innermost(units, parents, following, place)
        if isinstance(around, Group):
            _inside_group(notes, around, comment, units[following : following + 1])
        elif around is not None:
            notes.leading.setdefault(around.span, []).append(comment)
        elif following < len(units):
            notes.leading.setdefault(units[following].span, []).append(comment)
        else:
            notes.footer.append(comment)
    return notes


def _inside_group(notes: Notes, group: Group, comment: Comment, following: list[Item]) -> None:
    place = comment.span.start
    first = group.constraints[0].span.start
    if place < first and not comment.own_line and group.span not in notes.header:
        notes.header[group.span] = comment
    elif following and following[0].span.end <= group.span.end:
        notes.leading.setdefault(following[0].span, []).append(comment)
    else:
        notes.tail.setdefault(group.span, []).append(comment)


def _units(spec: Spec) -> tuple[list[Item], list[int]]:
    """Items, constraints, groups and their members, in written order, and the place of the group
    that each stands in (-1 for none); `s.t.` itself is no unit."""
    units: list[Item] = []
    parents: list[int] = []
    waiting: list[tuple[Item, int]] = [(item, -1) for item in reversed(spec.items)]
    while waiting:
        item, parent = waiting.pop()
        if not isinstance(item, SubjectTo):
            parents.append(parent)
            parent = len(units)
            units.append(item)
        if isinstance(item, SubjectTo | Group):
            waiting.extend((member, parent) for member in reversed(item.constraints))
    return units, parents


def _innermost(units: list[Item], parents: list[int], following: int, place: int) -> Item | None:
    """The innermost unit around a place; `following` is the first that begins after it."""
    index = following - 1
    while index >= 0 and units[index].span.end <= place:
        index = parents[index]
    return units[index] if index >= 0 else None
