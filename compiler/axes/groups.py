"""What stands behind the `|` of an expectation: columns that make groups, and events."""

from collections.abc import Iterator
from typing import NamedTuple

from cspec.compiler.axes.known import Known
from cspec.compiler.records.facts import ColumnFacts
from cspec.dsl.tree.nodes import And, Expectation, Expr, Name
from cspec.dsl.tree.rebuild import column_of


class Group(NamedTuple):
    """One group: what each column holds in its rows, and what people call it."""

    codes: tuple[int, ...]
    text: str


class Grouping(NamedTuple):
    """Columns whose values, or combinations that occur, make groups; events that all hold."""

    columns: tuple[Name, ...] = ()
    groups: tuple[Group, ...] = ()
    events: tuple[Expr, ...] = ()

    @property
    def condition(self) -> Expr | None:
        """The events as one; None without any."""
        if len(self.events) < 2:
            return self.events[0] if self.events else None
        return And(operands=self.events, span=self.events[0].span)

    @property
    def parts(self) -> Iterator[Expr]:
        """The conditions that all hold, one by one: those of `A and B` each, `A or B` as it is."""
        left = list(reversed(self.events))
        while left:
            event = left.pop()
            if isinstance(event, And):
                left.extend(reversed(event.operands))
            else:
                yield event

    @property
    def plain(self) -> bool:
        """Whether the one column that groups holds 0, 1, ... for its groups."""
        held = tuple(group.codes for group in self.groups)
        return held == tuple((code,) for code in range(len(held)))


def grouping(known: Known, expr: Expectation) -> Grouping:
    """The columns and events of an expectation, told apart by what the columns hold."""
    dataset = expr.dataset
    columns: list[Name] = []
    events: list[Expr] = []
    for condition in expr.conditions:
        name = column_of(condition)
        column = None if name is None else Name(id=name, span=condition.span)
        if dataset is not None and column is not None and _groups(known, column, expr):
            columns.append(condition if isinstance(condition, Name) else column)
        else:
            events.append(condition)
    groups = groups_of(known, tuple(columns)) if columns else ()
    return Grouping(tuple(columns), groups, tuple(events))


def _groups(known: Known, condition: Name, expr: Expectation) -> bool:
    """Whether a lone name makes groups: a column, unless it holds what is true or false.

    Where groups are asked for (`gap(P[.. | q])`), true and false are groups, too.
    """
    dataset = expr.dataset or ""
    if not known.has_column(dataset, condition.id):
        return False
    found = known.column_axes(dataset, condition.id)
    if found.shape:
        return False  # a mask over the positions of an example
    return found.what != "event" or expr.grouped


def groups_of(known: Known, columns: tuple[Name, ...]) -> tuple[Group, ...]:
    """The groups that columns make: of one its values, of several the combinations that occur.

    Over all data that have the columns, so that a group that one split lacks is missed there.
    """
    names = tuple(column.id for column in columns)
    found: dict[tuple[int, ...], str] = {}
    for data in known.facts.data.values():
        if not set(names) <= data.columns.keys():
            continue
        held = [data.columns[name] for name in names]
        alone = {(code,) for code in held[0].held}
        for codes in alone if len(names) == 1 else data.combinations(names):
            found[codes] = ", ".join(map(ColumnFacts.called, held, codes))
    return tuple(Group(codes, found[codes]) for codes in sorted(found))
