"""Uses of params that are tables, `level[g]`, `level["St. Mary"]`; lists that give each entry."""

from __future__ import annotations

import math

from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.diagnostic import replacing
from cspec.dsl.messages.wording import counted
from cspec.dsl.text.source import Span
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import (
    Call,
    Expectation,
    Index,
    Name,
    Node,
    Param,
    Spec,
    Var,
    Vector,
    walk,
)
from cspec.dsl.values.outside import columns_of


def check_tables(typer: Typer, spec: Spec) -> None:
    """A table is asked for one value of its column at a time."""
    tables = {
        name: columns
        for name, item in typer.symbols.params().items()
        if (columns := columns_of(item, typer.symbols))
    }
    if not tables:
        return
    asked: set[int] = set()
    for node in _nodes(spec):
        match node:
            case Index(value=Name(id=name) as table) if name in tables:
                asked.add(id(table))
                _entry(typer, node, name, tables[name])
    for node in _nodes(spec):
        if isinstance(node, Name) and node.id in tables and id(node) not in asked:
            _whole(typer, spec, node.span, node.id, tables[node.id])


def _nodes(spec: Spec) -> list[Node]:
    return [node for item in spec.items if not isinstance(item, Param) for node in walk(item)]


def _entry(typer: Typer, entry: Index, name: str, columns: tuple[str, ...]) -> None:
    if len(entry.indices) != len(columns):
        _count(typer, entry, name, columns)
        return
    named = typer.symbols.column_names
    for index, column in zip(entry.indices, columns, strict=True):
        if isinstance(index, Name) and index.id in named and index.id != column:
            _other_column(typer, index, name, column, columns)


def _count(typer: Typer, entry: Index, name: str, columns: tuple[str, ...]) -> None:
    written = ", ".join(columns)
    typer.report(
        "CS302",
        f"`{name}` is a table over `{written}`, and {counted(len(entry.indices), 'value')} "
        f"{'is' if len(entry.indices) == 1 else 'are'} given",
        entry.span,
        f"{counted(len(columns), 'value')} expected",
        helps=(f"write `{name}[{written}]`",),
    )


def _other_column(
    typer: Typer, index: Name, name: str, column: str, columns: tuple[str, ...]
) -> None:
    written = f"{name}[{', '.join(columns)}]"
    declared = ", ".join(index.id if c == column else c for c in columns)
    instead = () if index.id in columns else (f"or declare `param {name}[{declared}]`",)
    typer.report(
        "CS302",
        f"`{name}` has a number for each value of `{column}`, not of `{index.id}`",
        index.span,
        "another column",
        helps=(", ".join((f"write `{written}`", *instead)),),
    )


def _whole(typer: Typer, spec: Spec, span: Span, name: str, columns: tuple[str, ...]) -> None:
    column, one, over = ", ".join(columns), "g", f"g in values({columns[0]})"
    if len(columns) > 1:
        one = ", ".join("abcdefgh"[: len(columns)])
        over = f"({one}) in cross({column})"
    bound = _bound(spec, span, columns)
    own = f"{name}[{', '.join(bound) if bound else column}]"
    averaged = any(_holds(n, span) for n in _nodes(spec) if isinstance(n, Expectation))
    helps = (
        f"each example's own: `{name}[{column}]`",
        f"or one requirement a value: `forall {over}: ... {name}[{one}]`",
    )
    typer.report(
        "CS302",
        f"`{name}` is a table over the values of `{column}`, not a number",
        span,
        "for which value?",
        helps=(f"of the value that `{', '.join(bound)}` stands for: `{own}`",) if bound else helps,
        fixes=replacing(span, own if bound or averaged else None),
    )


def _bound(spec: Spec, span: Span, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The names around a place that go over the values of some columns, the innermost."""
    over: dict[str, str] = {}
    for node in _nodes(spec):
        for binder in getattr(node, "binders", ()) if _holds(node, span) else ():
            match binder.domain:
                case Call(function=Name(id="values" | "cross"), arguments=arguments):
                    asked = (a.id if isinstance(a, Name) else "" for a in arguments)
                    over |= dict(zip(asked, binder.names, strict=False))
    return tuple(over[c] for c in columns) if {*columns} <= {*over} else ()


def _holds(node: Node, span: Span) -> bool:
    return node.span.start <= span.start and span.end <= node.span.end


_FEW = 12
"""Entries of a list that is written out."""


def start_size(typer: Typer, item: Var | Param, values: Values) -> None:
    """A vector of values has one for each entry of what it belongs to."""
    if not isinstance(item.value, Vector):
        return
    sizes = [value_or_none(dimension, values) for dimension in item.dimensions]
    size = math.prod(known for known in sizes if known is not None)
    rows = [i.items if isinstance(i, Vector) else (i,) for i in item.value.items]
    given = sum(map(len, rows))
    if None in sizes or given == size:
        return
    kind, noun = ("var", "starting value") if isinstance(item, Var) else ("param", "value")
    entries = "entry" if size == 1 else "entries"
    nested = bool(rows) and isinstance(item.value.items[0], Vector)
    if nested and len({*map(len, rows)}) > 1:
        return  # the shorter row is said where shapes are
    shape = f"{len(rows)}, {len(rows[0])}" if nested else given
    text = typer.source.slice(item.value.span)
    pair = not item.dimensions and given == 2 and not nested and isinstance(item, Var)
    filled = _filled(typer, item, int(size)) if item.dimensions and not nested else None
    typer.report(
        "CS326",
        f"{kind} `{item.name}` has {size:g} {entries} and {counted(given, noun)}",
        item.value.span,
        f"{size:g} expected",
        helps=(
            *((f"for an interval write `var {item.name} in {text}`",) if pair else ()),
            *((f"write a value for each entry: `{filled}`",) if filled else ()),
            f"{'or, for a vector, ' if pair else 'or ' if filled else ''}write"
            f" `{kind} {item.name}[{shape}] = {text}`",
            "or one number, which all entries start at"
            if kind == "var"
            else f"or give it {size:g} numbers",
        ),
        fixes=replacing(item.value.span, filled),
    )


def _filled(typer: Typer, item: Var | Param, size: int) -> str | None:
    """Starting values with the last again for each entry that has none; those of a param differ."""
    given = item.value.items if isinstance(item.value, Vector) else ()
    texts = [typer.source.slice(value.span) for value in given]
    if not 0 < len(texts) < size <= _FEW or (isinstance(item, Param) and len({*texts}) > 1):
        return None
    return f"[{', '.join(texts + texts[-1:] * (size - len(texts)))}]"
