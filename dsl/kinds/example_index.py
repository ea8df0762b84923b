"""`forall i in train: ce(f(x[i]), y[i]) <= 4`: examples have no numbers, and columns stand for
their values."""

from __future__ import annotations

import re

from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.diagnostic import writing
from cspec.dsl.tree.nodes import (
    Binder,
    Comprehension,
    Constraint,
    Expectation,
    Group,
    Index,
    Item,
    Name,
    walk,
)
from cspec.dsl.tree.rebuild import names

Scoped = Constraint | Group | Expectation | Comprehension


def check_example_index(typer: Typer, items: tuple[Item, ...]) -> None:
    """Report columns that are indexed by the only name of a quantifier over data."""
    for item in items:
        for node in walk(item):
            if isinstance(node, Scoped):
                for binder in node.binders:
                    _indexed(typer, node, binder)


def _indexed(typer: Typer, node: Scoped, binder: Binder) -> None:
    data = binder.domain.id if isinstance(binder.domain, Name) else ""
    columns = [column.name for column in typer.symbols.datasets().get(data, ())]
    bound = binder.names[0]
    if len(binder.names) != 1 or len(columns) < 2 or bound in columns:
        return
    found = [
        inner
        for inner in walk(node)
        if isinstance(inner, Index)
        and any(isinstance(index, Name) and index.id == bound for index in inner.indices)
        and names(inner.value) & {*columns}
    ]
    if not found:
        return
    used = [i for i, column in enumerate(columns) if any(column in names(f.value) for f in found)]
    listed = ", ".join(columns[: used[-1] + 1])
    whole = re.sub(rf"\[[ \t]*{re.escape(bound)}[ \t]*\]", "", typer.slice(node))
    each = listed if "," not in listed else f"({listed})"
    meant = re.sub(
        rf"\b{re.escape(bound)}([ \t]+in[ \t]+{re.escape(data)}\b)",
        lambda m: f"{each}{m[1]}",
        whole,
    )
    first = found[0]
    said = f"{typer.text(first)}: an index chooses a feature or an output, never an example"
    label = f"`{bound}` is no number of an example"
    note = f"a quantifier over `{data}` names its columns, which stand for their values"
    typer.report("CS333", said, first.span, label, notes=(note,), **writing(node.span, meant))
