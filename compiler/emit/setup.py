"""Data, models, optimizer and requirements of a run as Python, written from the program's record.

    def setup():
        train = csv(path="train.csv", target="y")
        net = mlp(inputs=64, hidden=[32], outputs=10)
        optimizer = adam(net, lr=0.001)

`cspec.runtime.setup` makes the record of these lines again when the file runs on its own.
"""

import ast
from collections.abc import Iterable, Mapping
from keyword import iskeyword
from typing import Any

from pydantic import BaseModel

from cspec.compiler.emit.pieces import Names, called, constant, exact, mapping, sequence
from cspec.compiler.emit.writer import Writer
from cspec.compiler.records.program import (
    ConstraintFacts,
    DataSetup,
    ModelSetup,
    Program,
    SourceCall,
    VariableSetup,
    revive_fit,
)
from cspec.dsl.settings.base import Settings
from cspec.dsl.settings.fit import OPTIMIZERS, SCHEDULES, Constant, FitSettings, Optimizer
from cspec.dsl.settings.models import MODELS
from cspec.dsl.settings.points import MADE
from cspec.dsl.settings.sources import SOURCES

FORMS = frozenset(
    {"Setup", "bound_data", "bound_model", "callable_of", "fit", "frozen", "load_data",
     "load_model", "requirement", "variable"}
)  # fmt: skip
WORDS = (
    FORMS
    | {"setup", "record"}
    | frozenset({*OPTIMIZERS, *MODELS, *SOURCES, *MADE})
    | frozenset(f"{word}_schedule" for word in SCHEDULES)
)
"""Names of `cspec.runtime.setup` in emitted modules."""
ELSEWHERE = frozenset(
    {"source", "graph", "described", "data", "models", "variables", "functions", "fit"}
)
"""Fields of a program that `record` leaves out: `setup` says them, or nobody reads them here."""


class _Lines:
    """The lines of `setup`, the names of its locals, and the words that are used."""

    def __init__(self, writer: Writer, used: set[str]) -> None:
        self.writer, self.used = writer, used
        self.names = Names(WORDS | {"optimizer", "schedule"})
        self.locals: dict[str, str] = {}

    def call(self, word: str, *arguments: ast.expr, **keywords: ast.expr) -> ast.Call:
        """`word(arguments, keywords)`."""
        self.used.add(word)
        return _call(ast.Name(id=word), arguments, keywords)

    def assign(self, name: str, value: ast.expr) -> None:
        """`name = value`, by a local name of the spec's."""
        self.locals[name] = self.names.fresh(name)
        self.writer.assign(self.locals[name], value)

    def local(self, name: str) -> ast.expr:
        """The local of a name of the spec."""
        return ast.Name(id=self.locals[name])


def write_setup(program: Program, writer: Writer, used: set[str], *, steps: bool) -> None:
    """`setup()`; `steps`: whether an optimizer takes the steps, and not a solver."""
    doc = ["What the loop works on. Nothing is loaded here: `main` does, in this order, seeded."]
    with writer.function("setup", (), doc):
        lines = _Lines(writer, used)
        for data in program.data:
            _data(data, lines)
        for model in program.models:
            lines.assign(model.name, _model(model, lines))
        for variable in program.variables:
            lines.assign(variable.name, _variable(variable, lines))
        fit = _fit(program, lines, steps)
        writer.give(lines.call("Setup", **_parts(program, lines), fit=fit))


def _parts(program: Program, lines: _Lines) -> dict[str, ast.expr]:
    """What `setup` returns but for the settings of `fit`; what is empty is left out."""
    data = {
        name: _with_columns(lines.local(name), columns)
        for setup in program.data
        for name, columns in setup.targets
    }
    called = {m.name: value_of(m.arguments) for m in program.models if m.arguments}
    found: dict[str, ast.expr] = {
        "data": mapping(data),
        "models": mapping({model.name: lines.local(model.name) for model in program.models}),
        "variables": mapping({v.name: lines.local(v.name) for v in program.variables}),
        "called_on": mapping(called),
        "functions": sequence(
            [lines.call("callable_of", **_given(item)) for item in program.functions]
        ),
    }
    if program.data:
        found["inputs"] = value_of(program.data[0].inputs)
        found["exact"] = value_of(program.data[0].exact)
        found["features"] = value_of(program.data[0].features)
    return {
        name: value
        for name, value in found.items()
        if getattr(value, "elts", None) or getattr(value, "keys", None)
    }


def _with_columns(data: ast.expr, columns: tuple[tuple[str, str], ...]) -> ast.expr:
    """`train.columns("x", ("age", "Age at entry"))`."""
    if not columns:
        return data
    names = [value_of(here if here == there else (here, there)) for here, there in columns]
    return _call(ast.Attribute(value=data, attr="columns"), names, {})


def _data(setup: DataSetup, lines: _Lines) -> None:
    """`train = csv(...)`; several targets are the parts of one source."""
    value = _source(setup.source, "data", lines)
    names = [name for name, _ in setup.targets]
    if len(names) == 1:
        lines.assign(names[0], value)
        return
    for name in names:
        lines.locals[name] = lines.names.fresh(name)
    parts = _call(ast.Attribute(value=value, attr="parts"), [ast.Constant(len(names))], {})
    lines.writer.assign(", ".join(lines.locals[name] for name in names), parts)


def _model(setup: ModelSetup, lines: _Lines) -> ast.expr:
    """`mlp(inputs=64, hidden=[32], outputs=10)`."""
    if setup.frozen_of is not None:
        return lines.call("frozen", lines.local(setup.frozen_of))
    return _source(setup.source, "model", lines)


def _source(call: SourceCall, kind: str, lines: _Lines) -> ast.Call:
    if not call.name:
        return lines.call(f"bound_{kind}")
    settings = {name: value_of(value) for name, value in call.settings.items()}
    if call.module is not None:
        place = (ast.Constant(call.module), ast.Constant(call.name))
        arguments = [value_of(value) for value in call.arguments]
        return lines.call(f"load_{kind}", *place, *arguments, **settings)
    sizes: dict[str, ast.expr] = {}
    if call.inputs is not None:
        shape = call.inputs[0] if len(call.inputs) == 1 else call.inputs
        sizes["inputs"] = value_of(shape)
    outputs = {} if call.outputs is None else {"outputs": value_of(call.outputs)}
    return lines.call(call.name, **sizes, **settings, **outputs)


def _variable(setup: VariableSetup, lines: _Lines) -> ast.Call:
    """`x = variable(0.5, lower=0, upper=1)`."""
    facts = _given(setup)
    facts.pop("name")
    start = facts.pop("start", None)
    if "shape" in facts:
        facts["shape"] = ast.Tuple(elts=[value_of(size) for size in setup.shape])
    return lines.call("variable", *(() if start is None else (start,)), **facts)


def _fit(program: Program, lines: _Lines, steps: bool) -> ast.Call:
    """Optimizer and schedule as lines of their own, the other settings in the call of `fit`."""
    settings, usual = revive_fit(program.fit), FitSettings()
    arguments: list[ast.expr] = []
    if steps or settings.optimizer != usual.optimizer:
        arguments.append(ast.Name(id="optimizer"))
        moved = [
            *(m.name for m in program.models if m.frozen_of is None),
            *(v.name for v in program.variables),
        ]
        lines.writer.assign("optimizer", _optimizers(settings.optimizer, moved, lines))
    keywords: dict[str, ast.expr] = {}
    if settings.schedule != Constant():
        word = f"{settings.schedule.word}_schedule"
        lines.writer.assign("schedule", lines.call(word, **_given(settings.schedule)))
        keywords["schedule"] = ast.Name(id="schedule")
    for name in FitSettings.model_fields:
        value = getattr(settings, name)
        differs = value != getattr(usual, name) or name == "seed"
        if name not in ("optimizer", "schedule") and differs:
            keywords[name] = value_of(value)
    return lines.call("fit", *arguments, **keywords)


def _optimizers(settings: tuple[Optimizer, ...], moved: list[str], lines: _Lines) -> ast.expr:
    """`adam(net, lr=0.001)`, or a list where parameters differ in theirs."""
    found: list[ast.expr] = [
        lines.call(
            item.word,
            *(lines.local(name) for name in moved),
            **({"lr": value_of(item.lr)} if hasattr(item, "lr") else {}),
            **{name: value for name, value in _given(item).items() if name != "lr"},
        )
        for item in settings
    ]
    return found[0] if len(found) == 1 else sequence(found)


def write_record(
    program: Program, params: Mapping[str, str], writer: Writer, used: set[str]
) -> None:
    """`record()`: the spec, and what the report says; `params`: their names in the module."""
    doc = ["The spec, and what the report says of each requirement: how near counts as met, why."]
    with writer.function("record", (), doc), writer.block("return {", "}"):
        for name, value in _given(program, ELSEWHERE).items():
            writer.entry(name, _of_record(name, value, program, params, used))


def _of_record(
    name: str, value: ast.expr, program: Program, params: Mapping[str, str], used: set[str]
) -> ast.expr:
    if name == "constraints":
        if program.constraints:
            used.add("requirement")
        return sequence([_requirement(item) for item in program.constraints])
    if name == "params":
        return mapping(
            {
                key: ast.Name(id=params[key]) if key in params else value_of(number)
                for key, number in program.params.items()
            }
        )
    return value


def _requirement(facts: ConstraintFacts) -> ast.expr:
    given = _given(facts)
    first = given.pop("label"), given.pop("text")
    if facts.family == facts.label:
        del given["family"]
    return _call(ast.Name(id="requirement"), first, given)


def _given(record: BaseModel, without: frozenset[str] = frozenset()) -> dict[str, ast.expr]:
    """The fields of a record that are not at their default."""
    fields = type(record).model_fields
    return {
        name: value_of(getattr(record, name))
        for name, field in fields.items()
        if name not in without
        and (field.is_required() or getattr(record, name) != field.get_default())
    }


def _call(
    function: ast.expr, arguments: Iterable[ast.expr], keywords: Mapping[str, ast.expr]
) -> ast.Call:
    made = called(function, *arguments, **{k: v for k, v in keywords.items() if not iskeyword(k)})
    others = {k: v for k, v in keywords.items() if iskeyword(k)}
    if others:
        made.keywords.append(ast.keyword(arg=None, value=mapping(others)))
    return made


def value_of(value: Any) -> ast.expr:
    """A plain value as it is written; records as dictionaries, without what is at its default."""
    match value:
        case Settings() | BaseModel():
            return mapping(_given(value))
        case bool() | str() | None:
            return ast.Constant(value)
        case int():
            return constant(value)
        case float():
            return exact(value)
        case dict():
            return mapping({key: value_of(item) for key, item in value.items()})
        case (_, _) if isinstance(value, tuple):  # a name and another, a start and a stop
            return ast.Tuple(elts=[value_of(item) for item in value])
        case _:
            return sequence([value_of(item) for item in value])
