"""What a spec says about data, models and variables, as the records that binding reads."""

import math
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from cspec.compiler.expressions.moving import of_data_alone
from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.passes.mapping import map_expressions
from cspec.compiler.records.facts import ColumnFacts, Facts
from cspec.compiler.records.problem import Problem
from cspec.compiler.records.program import DataSetup, ModelSetup, SourceCall, VariableSetup
from cspec.dsl.check import Checked
from cspec.dsl.explicit.measured_on import TAILS
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.names.symbols import columns_of
from cspec.dsl.settings.points import Points
from cspec.dsl.tree.constants import is_whole, value_or_none
from cspec.dsl.tree.nodes import (
    Attribute,
    Call,
    Compare,
    Data,
    Expectation,
    Expr,
    From,
    Index,
    Interval,
    Membership,
    Model,
    Name,
    Negate,
    Node,
    Number,
    Power,
    Product,
    String,
    Sum,
    Var,
    Vector,
    walk,
)
from cspec.dsl.tree.rebuild import calls_of, column_of, entry_name, entry_of
from cspec.dsl.words.functions import SIGNATURES


def data_setups(checked: Checked, problem: Problem) -> tuple[DataSetup, ...]:
    """One record a `data` line; `problem` has no `let` names."""
    setups = []
    inputs, features = _inputs(checked), _features(checked)
    exact = _of_data_alone(checked, problem)
    for item in checked.elaborated.items:
        if isinstance(item, Data):
            targets = tuple(
                (t.name, tuple((c.name, c.original) for c in columns_of(t))) for t in item.targets
            )
            source = _call(checked, item.source)
            found = DataSetup(
                targets=targets, source=source, inputs=inputs, exact=exact, features=features
            )
            setups.append(found)
    return tuple(setups)


def _inputs(checked: Checked) -> tuple[str, ...]:
    """The columns that stand alone as an argument of a model."""
    models = checked.symbols.models()
    names = {
        argument.id
        for node in calls_of(checked.elaborated, models)
        for argument in node.arguments
        if isinstance(argument, Name)
    }
    return tuple(sorted(names & checked.symbols.column_names))


def _of_data_alone(checked: Checked, problem: Problem) -> tuple[str, ...]:
    """The columns, and features, of comparisons and statistics that are about data alone."""
    known, found = checked.symbols.column_names, set[str]()

    def add(node: Node) -> None:
        column = column_of(node) if isinstance(node, Expr) else None
        if column is not None and column.partition(".")[0] in known:
            found.add(column)
        elif isinstance(node, Index):
            add_entry(node)
        else:
            for below in node.children():
                add(below)

    def add_entry(node: Index) -> None:
        """`x[3]` of a column of several numbers; other places are in the precision of the run."""
        match node:
            case Index(value=Name(id=column), indices=(index,)) if column in known:
                place = value_or_none(index, checked.params)
                if place is not None and is_whole(place):
                    found.add(entry_name(column, int(place)))

    def look(expr: Expr) -> Expr:
        for node in walk(expr):
            decided = isinstance(node, Compare | Membership | Expectation)
            decided |= function_name(node) in TAILS
            if decided and of_data_alone(node, checked.symbols):
                add(node)
        return expr

    map_expressions(problem, look)
    return tuple(sorted(found))


def with_facts(setups: Sequence[DataSetup], facts: Facts) -> tuple[DataSetup, ...]:
    """The setups without columns that lose no digits: whole numbers, codes, points of domains."""

    def rounded(name: str) -> bool:
        columns = [d.columns[name] for d in facts.data.values() if name in d.columns]
        drawn = any(d.points and name in d.columns for d in facts.data.values())
        return not columns or (not drawn and any(map(_is_real, columns)))

    entries = {c for d in facts.data.values() for c in d.columns if entry_of(c) is not None}
    return tuple(
        setup.model_copy(update={"exact": tuple(filter(rounded, sorted({*setup.exact, *entries})))})
        for setup in setups
    )


def _is_real(column: ColumnFacts) -> bool:
    """Whether a column holds one real number an example."""
    return column.kind == "real" and column.shape in ((), (1,))


def _features(checked: Checked) -> tuple[tuple[str, str], ...]:
    """The features that expressions name: `x.age`, `x["capital-gain"]`."""
    nodes = (n for n in walk(checked.elaborated) if isinstance(n, Attribute | Index))
    found = {column for node in nodes if (column := column_of(node)) is not None}
    return tuple(
        (column.partition(".")[2], column)
        for column in sorted(found)
        if column.rpartition(".")[0] in checked.symbols.column_names
    )


def model_setups(checked: Checked) -> tuple[ModelSetup, ...]:
    """One record a `model` line."""
    setups = []
    for item in checked.elaborated.items:
        if not isinstance(item, Model):
            continue
        match item.source:
            case Call(function=Name(id="frozen"), arguments=(Name(id=original),)):
                setups.append(ModelSetup(name=item.name, frozen_of=original))
            case source:
                call, columns = _call(checked, source), columns_taken(checked, item.name)
                numbers = None if columns or call.module else numbers_taken(checked, item.name)
                if call.name and numbers is not None:
                    call = call.model_copy(update={"inputs": (numbers,)})
                setups.append(ModelSetup(name=item.name, source=call, arguments=columns))
    return tuple(setups)


def variable_setups(checked: Checked) -> tuple[VariableSetup, ...]:
    """One record a `var` line."""
    return tuple(_variable(checked, i) for i in checked.elaborated.items if isinstance(i, Var))


def _variable(checked: Checked, item: Var) -> VariableSetup:
    shape = tuple(int(value_or_none(d, checked.params) or 0) for d in item.dimensions) or (1,)
    lower = upper = None
    if isinstance(item.domain, Interval):
        lower = _finite(value_or_none(item.domain.lower, checked.params))
        upper = _finite(value_or_none(item.domain.upper, checked.params))
    start = _nearest(_start(checked, item), lower, upper)
    return VariableSetup(name=item.name, shape=shape, start=start, lower=lower, upper=upper)


def _nearest(
    start: float | tuple[float, ...], lower: float | None, upper: float | None
) -> float | tuple[float, ...]:
    """The start within the bounds."""
    low = -math.inf if lower is None else lower
    high = math.inf if upper is None else upper
    if isinstance(start, tuple):
        return tuple(min(max(value, low), high) for value in start)
    return min(max(start, low), high)


def _finite(value: float | None) -> float | None:
    return None if value is None or math.isinf(value) else value


def _start(checked: Checked, item: Var) -> float | tuple[float, ...]:
    match item.value:
        case None:
            return 0.0
        case Vector(items=items):
            rows = (item.items if isinstance(item, Vector) else (item,) for item in items)
            return tuple(value_or_none(v, checked.params) or 0.0 for row in rows for v in row)
        case value:
            return value_or_none(value, checked.params) or 0.0


def _call(checked: Checked, source: Expr | None) -> SourceCall:
    """`name(settings)`, with the module of a name that `from` brought in."""
    match source:
        case None:
            return SourceCall()
        case Name(id=name):
            origin = origin_of(checked, name)
            return SourceCall(name=origin[1], module=origin[0]) if origin else SourceCall(name=name)
        case Call(function=Name(id=name), arguments=arguments, keywords=keywords):
            module, name = origin_of(checked, name) or (None, name)
            records = (*checked.sources.values(), *checked.models.values())
            record = next((r for r in records if getattr(r, "word", None) == name), None)
            settings = {k.name: plain(k.value, checked) for k in keywords}
            positional = getattr(record, "positional", ())
            for key, value in zip(positional, arguments, strict=False):
                settings[key] = plain(value, checked)
            rest = () if positional else tuple(plain(value, checked) for value in arguments)
            return SourceCall(name=name, module=module, arguments=rest, settings=settings)
        case _:
            raise Diagnostic(
                code="CS520",
                message="this does not name a source of data or a model",
                span=source.span,
                helps=("write a name with settings, such as `digits()` or `mlp(hidden=[64])`",),
            ).error()


def origin_of(checked: Checked, name: str) -> tuple[str, str] | None:
    """Where an imported name comes from: a file beside the spec or a module, and its name there."""
    for item in checked.elaborated.items:
        if isinstance(item, From):
            for imported in item.names:
                if imported.alias == name:
                    module = str(PurePosixPath(item.module)) if item.path else item.module
                    return module, imported.name
    return None


def plain(value: Expr, checked: Checked) -> object:
    """A setting as a plain value: number, word, text, list."""
    match value:
        case Number(value=number, text=text):
            return int(number) if is_whole(number) and "%" not in text else number
        case String(value=text):
            return text
        case Vector(items=items):
            return [plain(item, checked) for item in items]
        case Negate() | Name() if (known := value_or_none(value, checked.params)) is not None:
            return int(known) if is_whole(known) else known
        case Name(id="true"):
            return True
        case Name(id="false"):
            return False
        case Name(id=word):
            return word
        case _:
            return value_or_none(value, checked.params)


def columns_taken(checked: Checked, model: str) -> tuple[str, ...]:
    """The columns of the first call of a model that is about columns alone."""
    columns = checked.symbols.column_names
    for call in calls_of(checked.elaborated, (model,)):
        names = [a.id for a in call.arguments if isinstance(a, Name) and a.id in columns]
        if names and len(names) == len(call.arguments):
            return tuple(names)
    return ()


def numbers_taken(checked: Checked, model: str) -> int | None:
    """How many numbers the first call gives of which the text says it; None where none does.

    What a model takes that is never called on columns alone: `u(t, cos(pi*x))`, `f(x[0], x[1])`.
    """
    widths = _axis_widths(checked)
    for call in calls_of(checked.elaborated, (model,)):
        found = [_width(argument, widths) for argument in call.arguments]
        known = [width for width in found if width is not None]
        if known and len(known) == len(found):
            return sum(known)
    return None


def _axis_widths(checked: Checked) -> dict[str, int]:
    """The numbers of each axis of the points that a spec draws, and 1 of its params."""
    points, others = dict[str, int](), set[str]()
    for name, columns in checked.symbols.datasets().items():
        settings = checked.sources.get(name)
        if isinstance(settings, Points):
            names = [column.name for column in columns]
            points |= dict(zip(names, settings.widths, strict=False))
        else:
            others |= {column.name for column in columns}
    params = {name: 1 for name, value in checked.params.items() if isinstance(value, int | float)}
    return {name: width for name, width in (params | points).items() if name not in others}


def _width(expr: Expr, known: Mapping[str, int]) -> int | None:
    """The numbers that an expression has an example; None where the text does not say it."""
    if value_or_none(expr, {}) is not None:
        return 1
    match expr:
        case Name(id=name):
            return known.get(name)
        case Index(indices=indices) if all(isinstance(i, Number) for i in indices):
            return 1
        case Negate(operand=operand) | Power(base=operand):
            return _width(operand, known)
        case Sum(operands=parts):
            return _widest(parts, known)
        case Product(operands=parts, operators=operators) if "@" not in operators:
            return _widest(parts, known)
        case Call(arguments=parts):
            signature = SIGNATURES.get(function_name(expr) or "")
            entrywise = signature is not None and signature.family == "elementary"
            return _widest(parts, known) if entrywise else None
    return None


def _widest(parts: Sequence[Expr], known: Mapping[str, int]) -> int | None:
    widths = [_width(part, known) for part in parts]
    found = [width for width in widths if width is not None]
    return max(found) if found and len(found) == len(widths) else None
