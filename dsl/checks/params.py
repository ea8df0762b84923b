"""Values of params, and starts of variables, against their sets."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from cspec.dsl.checks.tables import start_size
from cspec.dsl.explicit.parameters import held_in
from cspec.dsl.kinds.operands import not_finite
from cspec.dsl.kinds.typer import OUTSIDE, Typer
from cspec.dsl.messages.diagnostic import Fix, also_at, edit, replacing, writing
from cspec.dsl.messages.wording import closest, counted, listing, number
from cspec.dsl.text.source import NOWHERE, Span
from cspec.dsl.tree.constants import NotFiniteError, Values, constant, is_whole, value_or_none
from cspec.dsl.tree.nodes import Expr, FiniteSet, Interval, Name, Number, Param, String, Var, Vector
from cspec.dsl.values.outside import (
    GivenFile,
    ParamTable,
    UnfitValueError,
    as_number,
    as_table,
    as_vector,
    columns_among,
    columns_of,
    how_to_set,
    rows_of,
)

_ALLOWANCE = 1e-12
_Holds = Callable[[float], bool]
"""Whether a set holds a number."""


class ParamValues(NamedTuple):
    """What params are: numbers and vectors, tables, and names that have no value yet."""

    values: dict[str, float | tuple[float, ...]]
    tables: dict[str, ParamTable]
    unset: tuple[str, ...]
    open: tuple[str, ...]
    """Those, and what is computed from them."""


def param_values(typer: Typer, overrides: Mapping[str, object]) -> ParamValues:
    """The value of every param that has one: overridden, else as written."""
    known = typer.symbols.params()
    values: dict[str, float | tuple[float, ...]] = {}
    tables: dict[str, ParamTable] = {}
    wrong: set[str] = set()
    for name in overrides:
        if name not in known:
            _no_param(typer, name, tuple(known))
    for name, item in known.items():
        columns = columns_of(item, typer.symbols)
        before = len(typer.found)
        if columns:
            if (table := _table(typer, item, columns, overrides, values)) is not None:
                tables[name] = table
        else:
            _plain_value(typer, item, overrides, values)
        if len(typer.found) > before:
            wrong.add(name)
    open_ = tuple(n for n in known if n not in values and n not in tables and n not in wrong)
    unset = tuple(name for name in open_ if known[name].value is None)
    return ParamValues(values, tables, unset, open_)


def _plain_value(
    typer: Typer,
    item: Param,
    overrides: Mapping[str, object],
    values: dict[str, float | tuple[float, ...]],
) -> None:
    name, value = item.name, None
    if columns := columns_among(item, typer.symbols):
        _mixed_sizes(typer, item, columns[0])
        return
    for dimension in item.dimensions:
        _checked(typer, dimension, values)
    if name in overrides:
        value = _override(typer, item, overrides[name], values)
    elif item.value is not None:
        value = _value(typer, item.value, values)
        start_size(typer, item, values)
    allowed = item.domain is None or _in_domain(typer, item, value, values, name in overrides)
    if value is not None and allowed:
        values[name] = value


def _table(
    typer: Typer,
    item: Param,
    columns: tuple[str, ...],
    overrides: Mapping[str, object],
    values: dict[str, float | tuple[float, ...]],
) -> ParamTable | None:
    """A number for each value of the columns; one number in the spec is that of each."""
    if item.name in overrides:
        try:
            table = as_table(overrides[item.name], columns)
        except UnfitValueError as problem:
            _wrong_override(typer, item, overrides[item.name], str(problem))
            return None
        held: tuple[float, ...] = tuple(table.values.values())
    elif item.value is not None:
        value = _value(typer, item.value, values)
        if value is None or isinstance(value, tuple):
            _one_for_all(typer, item, ", ".join(columns))
            return None
        table, held = ParamTable(columns=columns, default=value), (value,)
    else:
        return None
    if item.domain is None:
        return table
    allowed = _in_domain(typer, item, held, values, item.name in overrides)
    return table if allowed else None


def _mixed_sizes(typer: Typer, item: Param, column: str) -> None:
    """`param c[sex, 3]`: a table over a column in one direction, a vector in the other."""
    other = next(d for d in item.dimensions if not (isinstance(d, Name) and d.id == column))
    said = f"param `{item.name}` is over the values of `{column}`"
    said += f", and {typer.text(other)} is no column"
    help_ = f"a table is over columns alone: `param {item.name}[{column}]`"
    typer.report("CS326", said, other.span, "a size", helps=(help_,))


def _one_for_all(typer: Typer, item: Param, column: str) -> None:
    assert item.value is not None
    said = f"param `{item.name}` is a table over the values of `{column}`"
    said += ", whose order a list has not"
    label, outside = "which number for which value?", how_to_set(item, typer.symbols)
    one = f"one number for all of them: `param {item.name}[{column}] = 0.3`"
    typer.report("CS326", said, item.value.span, label, helps=(one, f"or from outside: {outside}"))


def _no_param(typer: Typer, name: str, known: tuple[str, ...]) -> None:
    guess = closest(name, known)
    help_ = f"did you mean `{guess}`?" if guess else f"add a line `param {name} = ...`"
    label = f"it has {listing(known, 'and')}" if known else "it has no params"
    typer.report("CS211", f"this spec has no param `{name}`", NOWHERE, label, helps=(help_,))


def _override(
    typer: Typer, item: Param, given: object, values: Values
) -> float | tuple[float, ...] | None:
    """A value from outside: one number, or as many as the param has entries."""
    try:
        if not item.dimensions:
            return as_number(given)
        found = as_vector(given)
    except UnfitValueError as problem:
        _wrong_override(typer, item, given, str(problem))
        return None
    sizes = [value_or_none(dimension, values) for dimension in item.dimensions]
    if any(size is None or not is_whole(size) for size in sizes):
        return found
    shape = tuple(int(size or 0) for size in sizes)
    own = rows_of(given)
    if len(found) == math.prod(shape) and (own is None or len(shape) == 1 or own == shape):
        return found
    verb = "is" if len(found) == 1 else "are"
    given_ = counted(len(found), "number") if own is None else f"{own[0]} x {own[1]} numbers"
    wanted = f"has {shape[0]} entries" if len(shape) == 1 else f"is {' x '.join(map(str, shape))}"
    _wrong_override(typer, item, given, f"it {wanted}, and {given_} {verb} given")
    return None


def _wrong_override(typer: Typer, item: Param, given: object, why: str) -> None:
    from_file = isinstance(given, GivenFile)
    what = f"`{given.name if isinstance(given, GivenFile) else shown_briefly(given)}`"
    kind = "a table" if columns_of(item, typer.symbols) else "a vector"
    said = f"param `{item.name}` is {kind if item.dimensions else 'a number'}, not {what}"
    code, label = "CS213" if from_file else "CS304", "set from outside"
    help_ = f"set it: {how_to_set(item, typer.symbols)}"
    typer.report(code, said, item.name_span, label, notes=(why,), helps=(help_,))


def shown_briefly(given: object) -> str:
    """A value from outside, not too long for a headline."""
    text = str(given)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


_LONGEST = 40


def _checked(typer: Typer, expr: Expr, values: Values) -> float | None:
    typer.values = values
    try:
        value = constant(expr, values)
    except NotFiniteError as problem:
        not_finite(typer, expr, problem)
        return None
    if value is None:
        typer.kind(expr, OUTSIDE)
    return value


def _value(typer: Typer, expr: Expr, values: Values) -> float | tuple[float, ...] | None:
    if isinstance(expr, Vector):
        rows = (item.items if isinstance(item, Vector) else (item,) for item in expr.items)
        parts = [_checked(typer, part, values) for row in rows for part in row]
        return tuple(part for part in parts if part is not None)
    before = len(typer.found)
    value = _checked(typer, expr, values)
    open_names = [n for n, p in typer.symbols.params().items() if p.value is None]
    if value is None and len(typer.found) == before and not open_names:
        said = f"{typer.text(expr)} is no constant"
        label = "a param is a number that is known before training"
        typer.report("CS303", said, expr.span, label, **_instead_of(typer, expr))
    return value


def _instead_of(typer: Typer, expr: Expr) -> dict[str, Any]:
    """A number without its quotes; an expression has a name by `let`."""
    if isinstance(expr, String) and _NUMBER.fullmatch(expr.value):
        return writing(expr.span, expr.value)
    text, start = typer.source.text, expr.span.start
    line = _DEFINED.match(text, text.rfind("\n", 0, start) + 1)
    if line is None or line.end() != start:
        return {"helps": ("use `let` for an expression, `var` for a variable",)}
    meant = f"let {line[2]} = {typer.slice(expr)}"
    fixes = replacing(Span(line.start("of"), expr.span.end), meant)
    return {"helps": (f"an expression has its name by `let`: `{meant}`",), "fixes": fixes}


_DEFINED = re.compile(r"[ \t]*(?P<of>(?:var|param)[ \t]+(\w+)[ \t]*=[ \t]*)")
_NUMBER = re.compile(r"[-+]?[\d.]+(?:e[-+]?\d+)?%?")


def _in_domain(
    typer: Typer,
    item: Param | Var,
    value: float | tuple[float, ...] | None,
    values: Values,
    outside: bool,
) -> bool:
    """Whether the value may be used; a finding where it lies outside its set."""
    assert item.domain is not None
    holds = _members(typer, item, item.domain, values)
    if holds is None:
        return False
    parts = value if isinstance(value, tuple) else () if value is None else (value,)
    bad = next((part for part in parts if not holds(part)), None)
    if bad is None:
        return True
    _lies_outside(typer, item, bad, outside)
    return isinstance(item, Var)


def _members(typer: Typer, item: Param | Var, domain: Expr, values: Values) -> _Holds | None:
    """Which numbers a set holds, all where that is not known; None, and a finding, of no set."""
    match domain:
        case Interval():
            return _between(typer, item, domain, values)
        case FiniteSet() if isinstance(item, Var):
            _separate_values(typer, item, domain)
            return None
        case FiniteSet(items=items):
            members = [_checked(typer, member, values) for member in items]
            return _every_number if None in members else members.__contains__
        case Name(id=word) if isinstance(item, Var) and word.lower() in _WHOLE:
            _whole_numbers(typer, domain)
            return None
        case _ if isinstance(item, Var) and held_in(domain):
            return _every_number  # a requirement of the variable's name, which is checked as one
    _no_set(typer, item, domain)
    return None


def _every_number(_: float) -> bool:
    return True


def _between(typer: Typer, item: Param | Var, domain: Interval, values: Values) -> _Holds | None:
    """The numbers of an interval; None where it is empty."""
    before = len(typer.found)
    low, high = _checked(typer, domain.lower, values), _checked(typer, domain.upper, values)
    if low is None or high is None:
        if len(typer.found) == before:
            _no_number(typer, item, domain.lower if low is None else domain.upper)
        return _every_number
    if low > high:
        _empty_interval(typer, domain, low, high)
        return None
    return lambda part: low - _ALLOWANCE <= part <= high + _ALLOWANCE


def _empty_interval(typer: Typer, domain: Interval, low: float, high: float) -> None:
    swapped = f"[{typer.slice(domain.upper)}, {typer.slice(domain.lower)}]"
    said = f"the interval {typer.text(domain)} is empty"
    label = f"{number(low)} is above {number(high)}"
    help_ = f"did you mean `{swapped}`?"
    fixes = edit(domain.span, swapped, "swap the ends")
    typer.report("CS303", said, domain.span, label, helps=(help_,), fixes=fixes)


_REALS = frozenset({"reals", "real", "r", "rn", "float", "floats", "number", "numbers"})


def _no_set(typer: Typer, item: Param | Var, domain: Expr) -> None:
    kind = "param" if isinstance(item, Param) else "var"
    if isinstance(domain, Number) and item.value is None:
        text, meant = typer.slice(domain), f"{kind} {item.name} = {typer.slice(domain)}"
        said = f"`{text}` is a value, and behind `in` stands a set"
        helps = [f"write `{meant}`", f"or `{meant} in [0, 1]`"]
        typer.report("CS317", said, domain.span, "an interval goes here", helps=helps)
        return
    if isinstance(domain, Name) and domain.id.lower() in _REALS:
        whole = Span(typer.source.text.rfind(" in", 0, domain.span.start), domain.span.end)
        said = f"`{domain.id}`: a {kind} is a real number, which is not said"
        help_ = f"remove `in {domain.id}`"
        fix = Fix(span=whole, replacement="", title=help_)
        typer.report("CS317", said, domain.span, "no bounds", helps=(help_,), fixes=(fix,))
        return
    said = f"{typer.text(domain)} is no set for a {kind}"
    label = "an interval or a list of values goes here"
    helps = ["an interval has two ends: `in [0, 1]`, `in [0, inf]`", "a set: `in ball(1, norm=2)`"]
    if kind == "param":
        helps = ["an interval has two ends, `in [0, 1]`; a list has values, `in {1, 2, 4}`"]
    typer.report("CS317", said, domain.span, label, helps=helps)


def _lies_outside(typer: Typer, item: Param | Var, value: float, outside: bool) -> None:
    """A param outside its set, as written or as set from outside of the spec; a variable that
    starts outside, `var x = 5 in [0, 1]`: it starts at the nearest point."""
    assert item.domain is not None
    starts, where = isinstance(item, Var), f"{number(value)}, outside its set"
    said = f"param `{item.name}` is {where}"
    if starts:
        said = f"var `{item.name}` starts at {where}: it starts at the nearest point"
    place = item.name_span if outside or item.value is None else item.value.span
    label, severity = "set from outside" if outside else "outside", "warning" if starts else "error"
    helps = (f"choose a value in `{typer.slice(item.domain)}`",)
    told = {"related": also_at(item.domain.span, "must lie in here"), "helps": helps}
    typer.report("CS304", said, place, label, severity=severity, **told)


def _no_number(typer: Typer, item: Param | Var, end: Expr) -> None:
    """An end of an interval that is a vector or moves; one that comes from outside is left."""
    if any(param.value is None for param in typer.symbols.params().values()):
        return
    help_ = "write a number, or a `param` that is one"
    if isinstance(item, Var) and item.dimensions:
        each = f"forall i in range({typer.slice(item.dimensions[0])})"
        help_ = f"bound entries by constraints: `{each}: {item.name}[i] <= ...`"
    why = f"an end of the interval of `{item.name}` is one number, the same for all entries"
    typer.report("CS303", f"{typer.text(end)} is not one number", end.span, why, helps=(help_,))


def _separate_values(typer: Typer, item: Var, domain: FiniteSet) -> None:
    """`var x in {1, 2, 4}`."""
    inner = typer.slice(domain)[1:-1].strip()
    ends = f"[{inner}]" if len(domain.items) == 2 else "[lo, hi]"
    said, label = f"var `{item.name}` can't be confined to separate values", "an interval goes here"
    note = "variables move by gradients, which can't jump from one value to the next"
    few = "to compare a few values, make it a `param` and run once for each: `--set`"
    helps = (f"for all numbers between write `in {ends}`", few)
    fixes = edit(domain.span, ends, "the interval") if len(domain.items) == 2 else ()
    typer.report("CS325", said, domain.span, label, notes=(note,), helps=helps, fixes=fixes)


def check_vars(typer: Typer) -> None:
    """Starts and bounds of the variables."""
    values = typer.values
    for item in typer.symbols.vars().values():
        sizes = [_checked(typer, dimension, values) for dimension in item.dimensions]
        if any(size is not None and (size < 1 or not is_whole(size)) for size in sizes):
            _no_size(typer, item)
            continue
        value = None if item.value is None else _value(typer, item.value, values)
        start_size(typer, item, values)
        if item.domain is not None:
            _in_domain(typer, item, value, values, False)


def _no_size(typer: Typer, item: Var) -> None:
    """Report `var v[0, 5]`: what stands in the brackets is how many entries it has."""
    sizes, text = item.dimensions[0].span.to(item.dimensions[-1].span), typer.source.text
    end = text.find("]", sizes.end)
    bounds = len(item.dimensions) == 2 and item.domain is None and end > 0
    written = f"{item.name} in [{typer.source.slice(sizes)}]"
    said = f"a size of `{item.name}` is no whole number from 1 on"
    help_ = f"write `var {written}` for its bounds" if bounds else "write how many it has"
    fixes = replacing(Span(item.name_span.start, end + 1), written) if bounds else ()
    typer.report("CS329", said, sizes, "read as its size", helps=(help_,), fixes=fixes)


_WHOLE = frozenset({"integer", "integers", "int", "binary", "boolean", "bool", "naturals", "z"})


def _whole_numbers(typer: Typer, domain: Expr) -> None:
    """Report `var x in integers`: a gradient can't move between whole numbers."""
    said = f"{typer.text(domain)}: a variable takes every number of an interval"
    said += ", not whole ones alone"
    helps = ("leave it out, or write an interval, `in [0, 1]`, and round the result",)
    typer.report("CS317", said, domain.span, "whole numbers can't be optimized over", helps=helps)
