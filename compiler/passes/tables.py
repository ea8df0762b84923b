"""Params that are tables, once the values of their columns are known.

level["St. Mary"], level[g]   ->   0.3                  a number of the table
level[hospital]               ->   each example's own number, by what its column holds
"""

from __future__ import annotations

from collections.abc import Mapping

from cspec.compiler.facts import Facts
from cspec.compiler.ir import Category, Lookup
from cspec.compiler.rewrite import number, rewrite
from cspec.dsl.constants import value_or_none
from cspec.dsl.diagnostics import Diagnostic, SpecError
from cspec.dsl.nodes import Expr, Index, Name, String
from cspec.dsl.outside_values import ParamTable, as_key
from cspec.dsl.source import Span
from cspec.dsl.wording import closest

_SHOWN = 12
"""Values that a message lists at most."""
Tables = Mapping[str, ParamTable]


def tables(expr: Expr, known: Tables, facts: Facts) -> Expr:
    """`expr` with every entry of a table as what it is.

    Raises:
        SpecError: a value that the table does not have, or that its column does not hold.
    """
    if not known:
        return expr

    def step(node: Expr) -> Expr:
        match node:
            case Index(value=Name(id=name), indices=(index,)) if name in known:
                return _entry(name, known[name], index, facts)
        return node

    return rewrite(expr, step)


def check_tables(known: Tables, facts: Facts, places: Mapping[str, Span]) -> None:
    """Raise SpecError (CS223) where a table lacks a value of its column, or has one too many."""
    found = []
    for name, table in known.items():
        held = set(_held(table.column, facts).values())
        if table.default is not None or not held:
            continue
        missing = [value for value in sorted(held) if value not in table.values]
        extra = [value for value in table.values if value not in held]
        if missing:
            found.append(_misfit(name, table, missing, places, lacks=True))
        if extra:
            found.append(_misfit(name, table, extra, places, lacks=False, known=held))
    if found:
        raise SpecError(found)


def _held(column: str, facts: Facts) -> dict[int, str]:
    """What a column holds for each of its values, over all data that have it."""
    return {
        code: as_key(known.called(code))
        for data in facts.data.values()
        if (known := data.columns.get(column)) is not None
        for code in known.held
    }


def _entry(name: str, table: ParamTable, index: Expr, facts: Facts) -> Expr:
    if isinstance(index, Name) and index.id == table.column:
        held = dict(sorted(_held(table.column, facts).items()))
        if not held:
            raise SpecError([_unknown_column(name, table, index)])
        values = tuple(_value(name, table, text, index) for text in held.values())
        return Lookup(column=index, held=tuple(held), values=values, table=name, span=index.span)
    if isinstance(index, Category | String):
        key = as_key(index.text if isinstance(index, Category) else index.value)
    elif (constant := value_or_none(index, {})) is not None:
        key = as_key(constant)
    else:
        return Index(value=Name(id=name), indices=(index,), span=index.span)
    present = sorted(set(_held(table.column, facts).values()))
    if present and key not in present:
        raise SpecError([_not_held(key, table, present, index)])
    return number(_value(name, table, key, index))


def _value(name: str, table: ParamTable, key: str, index: Expr) -> float:
    value = table.values.get(key, table.default)
    if value is None:
        raise SpecError([_no_value(name, table, key, index)])
    return value


def _no_value(name: str, table: ParamTable, key: str, index: Expr) -> Diagnostic:
    guess = closest(key, table.values)
    return Diagnostic(
        code="CS223",
        message=f"table `{name}` has no number for {key}",
        span=index.span,
        label=f"a value of `{table.column}`",
        notes=(f"it has: {_listed(list(table.values))}",),
        helps=(f"did you mean `{guess}`?",) if guess else (f"give `{name}` a number for it",),
    )


def _not_held(key: str, table: ParamTable, held: list[str], index: Expr) -> Diagnostic:
    guess = closest(key, held)
    return Diagnostic(
        code="CS223",
        message=f"`{table.column}` does not hold {key}",
        span=index.span,
        label=f"no value of `{table.column}`",
        notes=(f"it holds: {_listed(held)}",),
        helps=(f"did you mean `{guess}`?",) if guess else ("write one of these",),
    )


def _unknown_column(name: str, table: ParamTable, index: Expr) -> Diagnostic:
    return Diagnostic(
        code="CS223",
        message=f"nothing says which values `{table.column}` takes",
        span=index.span,
        label=f"`{name}` has a number for each of them",
        helps=("give the training data to `bind`, too",),
    )


def _misfit(
    name: str,
    table: ParamTable,
    values: list[str],
    places: Mapping[str, Span],
    *,
    lacks: bool,
    known: set[str] | None = None,
) -> Diagnostic:
    shown = _listed(values)
    message = f"table `{name}` has no number for {shown}"
    notes = (f"column `{table.column}` holds {'it' if len(values) == 1 else 'them'}",)
    if not lacks:
        message = f"table `{name}` has a number for {shown}, which `{table.column}` does not hold"
        notes = (f"it holds: {_listed(sorted(known or ()))}",)
    return Diagnostic(
        code="CS223",
        message=message,
        span=places[name],
        label="set from outside",
        notes=notes,
        helps=("give one number for each value of the column",),
    )


def _listed(values: list[str]) -> str:
    more = len(values) - _SHOWN
    return ", ".join(values[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
