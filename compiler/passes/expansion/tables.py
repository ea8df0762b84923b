"""Params that are tables, once the values of their columns are known.

level["St. Mary"], level[g]   ->   0.3                  a number of the table
level[hospital]               ->   each example's own number, by what its column holds
limit[sex, g]                 ->   of the combinations of two columns, those of g
"""

from collections.abc import Mapping
from itertools import product

from cspec.compiler.expressions.rewrite import number, rewrite
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.problem import Category, Lookup
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.messages.wording import closest
from cspec.dsl.text.source import Span
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import Expr, Index, Name, String
from cspec.dsl.values.outside import ParamTable, as_key, combined

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
            case Index(value=Name(id=name)) if name in known:
                return _entry(name, known[name], node, facts)
        return node

    return rewrite(expr, step)


def check_tables(known: Tables, facts: Facts, places: Mapping[str, Span]) -> None:
    """Raise SpecError (CS223) where a table lacks a value of its column, or has one too many."""
    found = []
    for name, table in known.items():
        held = {combined(values) for values in product(*_values_held(table, facts))}
        if table.default is not None or not held:
            continue
        missing = [value for value in sorted(_needed(table, facts)) if value not in table.values]
        extra = [value for value in table.values if value not in held]
        if missing:
            found.append(_misfit(name, table, missing, places[name], None))
        if extra:
            found.append(_misfit(name, table, extra, places[name], held))
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


def _values_held(table: ParamTable, facts: Facts) -> list[list[str]]:
    """The values of each column of a table."""
    return [sorted(set(_held(column, facts).values())) for column in table.columns]


def _needed(table: ParamTable, facts: Facts) -> set[str]:
    """The combinations that a table has to have a number for: those that occur, where counted."""
    having = [d for d in facts.data.values() if set(table.columns) <= d.columns.keys()]
    counted = [data.combinations(table.columns) for data in having]
    if len(table.columns) == 1 or not all(counted):
        return {combined(values) for values in product(*_values_held(table, facts))}
    return {
        combined(
            as_key(data.columns[column].called(code))
            for column, code in zip(table.columns, codes, strict=True)
        )
        for data, occurring in zip(having, counted, strict=True)
        for codes in occurring
    }


def _entry(name: str, table: ParamTable, entry: Index, facts: Facts) -> Expr:
    """An entry as a number; as each example's own where an index is a column of the table."""
    pairs = list(zip(table.columns, entry.indices, strict=True))
    choices = [_chosen(name, column, index, facts) for column, index in pairs]
    known = [choice for choice in choices if choice is not None]
    if len(known) < len(choices):
        return entry
    own = [_is_own(column, index) for column, index in pairs]
    if not any(own):
        return number(_value(name, table, combined(text for ((_, text),) in known), entry))
    found: dict[tuple[int, ...], float] = {}
    needed = _needed(table, facts)
    for chosen in product(*known):
        key = combined(text for _, text in chosen)
        if table.default is None and key not in table.values and key not in needed:
            continue
        codes = tuple(code for (code, _), kept in zip(chosen, own, strict=True) if kept)
        found[codes] = _value(name, table, key, entry)
    columns = tuple(i for i in entry.indices if isinstance(i, Name))
    held, values = tuple(found), tuple(found.values())
    return Lookup(columns=columns, held=held, values=values, written=entry, span=entry.span)


def _is_own(column: str, index: Expr) -> bool:
    return isinstance(index, Name) and index.id == column


def _chosen(name: str, column: str, index: Expr, facts: Facts) -> list[tuple[int, str]] | None:
    """The values that an index goes over, each with its code; None of what is no value."""
    held = sorted(_held(column, facts).items())
    if _is_own(column, index):
        if held:
            return held
        raise Diagnostic(
            code="CS223",
            message=f"nothing says which values `{column}` takes",
            span=index.span,
            label=f"`{name}` has a number for each of them",
            helps=("give the training data to `bind`, too",),
        ).error()
    if isinstance(index, Category | String):
        key = as_key(index.text if isinstance(index, Category) else index.value)
    elif (constant := value_or_none(index, {})) is not None:
        key = as_key(constant)
    else:
        return None
    present = sorted({text for _, text in held})
    if not present or key in present:
        return [(-1, key)]
    guess = closest(key, present)
    raise Diagnostic(
        code="CS223",
        message=f"`{column}` does not hold {key}",
        span=index.span,
        label=f"no value of `{column}`",
        notes=(f"it holds: {_listed(present)}",),
        helps=(f"did you mean `{guess}`?",) if guess else ("write one of these",),
    ).error()


def _value(name: str, table: ParamTable, key: str, index: Expr) -> float:
    if (value := table.values.get(key, table.default)) is not None:
        return value
    guess, several = closest(key, table.values), len(table.columns) > 1
    raise Diagnostic(
        code="CS223",
        message=f"table `{name}` has no number for {key}",
        span=index.span,
        label=f"a value of `{table.column}`",
        notes=(f"it has: {_listed(list(table.values), several)}",),
        helps=(f"did you mean `{guess}`?",) if guess else (f"give `{name}` a number for it",),
    ).error()


def _misfit(
    name: str, table: ParamTable, values: list[str], span: Span, held: set[str] | None
) -> Diagnostic:
    """Values that a table has no number for, or of what its columns hold others that it has."""
    several = len(table.columns) > 1
    shown = _listed(values, several)
    message = f"table `{name}` has no number for {shown}"
    noun, verb = ("columns", "hold") if several else ("column", "holds")
    notes = (f"{noun} `{table.column}` {verb} {'it' if len(values) == 1 else 'them'}",)
    if held is not None:
        message = f"table `{name}` has a number for {shown}, which `{table.column}` "
        message += "do not hold" if several else "does not hold"
        known = _listed(sorted(held), several)
        notes = (f"they hold: {known}" if several else f"it holds: {known}",)
    return Diagnostic(
        code="CS223",
        message=message,
        span=span,
        label="set from outside",
        notes=notes,
        helps=(f"give one number for each {'combination' if several else 'value of the column'}",),
    )


def _listed(values: list[str], several: bool = False) -> str:
    listed = ("; " if several else ", ").join(values[:_SHOWN])
    more = len(values) - _SHOWN
    return f"{listed} and {more} more" if more > 0 else listed
