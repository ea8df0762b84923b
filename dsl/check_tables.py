"""Uses of params that are tables: `level[g]`, `level[hospital]`, `level["St. Mary"]`."""

from __future__ import annotations

from cspec.dsl.nodes import Index, Name, Node, Param, Spec, walk
from cspec.dsl.outside_values import column_of
from cspec.dsl.source import Span
from cspec.dsl.typecheck import Typer


def check_tables(typer: Typer, spec: Spec) -> None:
    """A table is asked for one value of its column at a time."""
    tables = {
        name: column
        for name, item in typer.symbols.params().items()
        if (column := column_of(item, typer.symbols)) is not None
    }
    if not tables:
        return
    columns = typer.symbols.column_names
    asked: set[int] = set()
    for node in _nodes(spec):
        match node:
            case Index(value=Name(id=name) as table, indices=(index,)) if name in tables:
                asked.add(id(table))
                column = tables[name]
                if isinstance(index, Name) and index.id in columns and index.id != column:
                    _other_column(typer, index, name, column)
    for node in _nodes(spec):
        if isinstance(node, Name) and node.id in tables and id(node) not in asked:
            _whole(typer, node.span, node.id, tables[node.id])


def _nodes(spec: Spec) -> list[Node]:
    return [node for item in spec.items if not isinstance(item, Param) for node in walk(item)]


def _other_column(typer: Typer, index: Name, name: str, column: str) -> None:
    typer.report(
        "CS302",
        f"`{name}` has a number for each value of `{column}`, not of `{index.id}`",
        index.span,
        "another column",
        helps=(f"write `{name}[{column}]`, or declare `param {name}[{index.id}]`",),
    )


def _whole(typer: Typer, span: Span, name: str, column: str) -> None:
    typer.report(
        "CS302",
        f"`{name}` is a table over the values of `{column}`, not a number",
        span,
        "for which value?",
        helps=(
            f"each example's own: `{name}[{column}]`",
            f"or one requirement a value: `forall g in values({column}): ... {name}[g]`",
        ),
    )
