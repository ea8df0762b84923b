"""Uses of params that are tables, `level[g]`, `level["St. Mary"]`; lists that give each entry."""

import math
from collections.abc import Sequence
from operator import ge

from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.diagnostic import replacing
from cspec.dsl.messages.wording import counted
from cspec.dsl.text.source import Span
from cspec.dsl.tree.constants import Values, is_whole, value_or_none
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
from cspec.dsl.tree.rebuild import binders_of
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
    said, verb = f"`{name}` is a table over `{written}`", "is" if len(entry.indices) == 1 else "are"
    said += f", and {counted(len(entry.indices), 'value')} {verb} given"
    label, helps = f"{counted(len(columns), 'value')} expected", (f"write `{name}[{written}]`",)
    typer.report("CS302", said, entry.span, label, helps=helps)


def _other_column(
    typer: Typer, index: Name, name: str, column: str, columns: tuple[str, ...]
) -> None:
    help_ = f"write `{name}[{', '.join(columns)}]`"
    if index.id not in columns:
        declared = ", ".join(index.id if c == column else c for c in columns)
        help_ += f", or declare `param {name}[{declared}]`"
    said = f"`{name}` has a number for each value of `{column}`, not of `{index.id}`"
    typer.report("CS302", said, index.span, "another column", helps=(help_,))


def _whole(typer: Typer, spec: Spec, span: Span, name: str, columns: tuple[str, ...]) -> None:
    column, one, over = ", ".join(columns), "g", f"g in values({columns[0]})"
    if len(columns) > 1:
        one = ", ".join("abcdefgh"[: len(columns)])
        over = f"({one}) in cross({column})"
    bound = _bound(spec, span, columns)
    own = f"{name}[{', '.join(bound) if bound else column}]"
    averaged = any(n.span.holds(span) for n in _nodes(spec) if isinstance(n, Expectation))
    each = f"or one requirement a value: `forall {over}: ... {name}[{one}]`"
    helps = [f"each example's own: `{name}[{column}]`", each]
    if bound:
        helps = [f"of the value that `{', '.join(bound)}` stands for: `{own}`"]
    said = f"`{name}` is a table over the values of `{column}`, not a number"
    fixes = replacing(span, own if bound or averaged else None)
    typer.report("CS302", said, span, "for which value?", helps=helps, fixes=fixes)


def _bound(spec: Spec, span: Span, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The names around a place that go over the values of some columns, the innermost."""
    over: dict[str, str] = {}
    for node in _nodes(spec):
        for binder in binders_of(node) if node.span.holds(span) else ():
            match binder.domain:
                case Call(function=Name(id="values" | "cross"), arguments=arguments):
                    asked = (a.id if isinstance(a, Name) else "" for a in arguments)
                    over |= dict(zip(asked, binder.names, strict=False))
    return tuple(over[c] for c in columns) if {*columns} <= {*over} else ()


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
    if any(known is None or not is_whole(known) for known in sizes) or given == size:
        return
    kind, noun = ("var", "starting value") if isinstance(item, Var) else ("param", "value")
    entries = "entry" if size == 1 else "entries"
    nested = bool(rows) and isinstance(item.value.items[0], Vector)
    if nested and len({*map(len, rows)}) > 1:
        return  # the shorter row is said where shapes are
    held = (len(rows), len(rows[0])) if nested else (given,)
    shape = ", ".join(map(str, held))
    text = typer.slice(item.value)
    pair = not item.dimensions and given == 2 and not nested and isinstance(item, Var)
    wanted = tuple(int(known or 0) for known in sizes) if nested else (int(size),)
    kept = _is_kept(typer, item, wanted, held, values)
    filled = _filled(typer, item.value, wanted) if kept and size <= _FEW else None
    dimensions = [dimension.span for dimension in item.dimensions]
    resized = Span(dimensions[0].start, dimensions[-1].end) if dimensions and not pair else None
    said = f"{kind} `{item.name}` has {size:g} {entries} and {counted(given, noun)}"
    at = item.value.span
    helps = [f"for an interval write `var {item.name} in {text}`"] if pair else []
    helps += [f"write a value for each entry: `{filled}`"] if filled else []
    or_ = "or, for a vector, " if pair else "or " if filled else ""
    helps.append(f"{or_}write `{kind} {item.name}[{shape}] = {text}`")
    one = "or one number, which all entries start at"
    helps.append(one if kind == "var" else f"or give it {counted(int(size), 'number')}")
    fixes = replacing(at, filled) or (replacing(resized, shape) if resized else ())
    typer.report("CS326", said, at, f"{size:g} expected", helps=helps, fixes=fixes)


def _is_kept(
    typer: Typer, item: Var | Param, wanted: Sequence[int], held: Sequence[int], values: Values
) -> bool:
    """Whether it is the values that are wrong: something else has the sizes that they differ from.

    Of a variable they are only where it starts, and too few are filled up.
    """
    if len(wanted) != len(held) or not item.dimensions:
        return False
    others: list[Var | Param] = [*typer.symbols.vars().values(), *typer.symbols.params().values()]
    sizes = {
        value_or_none(size, values)
        for other in others
        if other.name != item.name
        for size in other.dimensions
    }
    fewer = isinstance(item, Var) and all(map(ge, wanted, held))
    return fewer or {size for size, own in zip(wanted, held, strict=True) if size != own} <= sizes


def _filled(typer: Typer, value: Vector, sizes: Sequence[int]) -> str | None:
    """As many values as entries: the first, or with the last again for each that has none."""
    if not sizes:  # a vector where one value belongs
        return None
    parts: list[str | None] = [
        _filled(typer, part, sizes[1:]) if isinstance(part, Vector) else typer.slice(part)
        for part in value.items
    ]
    texts = [part for part in parts if part]
    return f"[{', '.join((texts + texts[-1:] * sizes[0])[: sizes[0]])}]" if texts else None
