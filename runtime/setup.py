"""What an emitted module says of its run, as Python: data, models, optimizer, requirements.

    train, test = digits(split=[0.7, 0.3]).parts(2)
    net = mlp(inputs=64, hidden=[32], outputs=10)
    optimizer = adam(net, lr=1e-3)

Nothing is loaded or built where these lines stand: they are records, which `main` binds in the
order and with the seed of `cspec run`, so that both draw the same numbers. An object of Python in
the place of a record (a module, a tuple of arrays, a loader) is used as it is.

The words of the language are functions here: data sources, models, optimizers, and schedules as
`cosine_schedule` (`linear` is a model too). They are found in the records of the words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cspec.compiler.records.program import (
    ConstraintFacts,
    DataSetup,
    FunctionSetup,
    ModelSetup,
    Program,
    SourceCall,
    VariableSetup,
    plain_fit,
)
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.settings.fit import OPTIMIZERS, SCHEDULES, FitSettings, Optimizer, Schedule
from cspec.dsl.settings.models import MODELS
from cspec.dsl.settings.points import MADE
from cspec.dsl.settings.sources import SOURCES

SCHEDULE = "_schedule"
Pair = tuple[str, str]
callable_of = FunctionSetup
"""A callable of Python that expressions use: its names in the spec and in the module."""


@dataclass(frozen=True, eq=False)
class Data:
    """A data source or a part of one, and the columns that are read of it."""

    call: SourceCall = field(default_factory=SourceCall)
    whole: Data | None = None
    """The source that this is of; None where it is one itself."""
    pairs: tuple[Pair, ...] = ()
    """(name in the spec, name in the data) of every column; of none the two are `x` and `y`."""

    def parts(self, count: int) -> tuple[Data, ...]:
        """The parts into which the source is split, in order."""
        return tuple(Data(self.call, self) for _ in range(count))

    def columns(self, *names: str | Pair) -> Data:
        """The same with these columns; `("age", "Age at entry")` has another name in the data."""
        pairs = tuple((name, name) if isinstance(name, str) else name for name in names)
        return Data(self.call, self.source, pairs)

    @property
    def source(self) -> Data:
        """The whole source: parts of one are read at once."""
        return self if self.whole is None else self.whole


@dataclass(frozen=True, eq=False)
class Model:
    """A model as it is built, or the frozen copy of another."""

    call: SourceCall = field(default_factory=SourceCall)
    frozen_of: Model | None = None


@dataclass(frozen=True, eq=False)
class Variable:
    """A decision variable."""

    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Trained:
    """Settings of an optimizer, and what it moves."""

    moved: tuple[object, ...]
    settings: Optimizer


def bound_data() -> Data:
    """Data that `--bind` gives, or an object of Python in the place of this call."""
    return Data()


def bound_model() -> Model:
    """A model that `--bind` gives, or an object of Python in the place of this call."""
    return Model()


def load_data(module: str, name: str, /, *arguments: Any, **settings: Any) -> Data:
    """Data that a function of a module or a file makes: `load_data("rows.py", "rows", 100)`."""
    return Data(SourceCall(name=name, module=module, arguments=arguments, settings=settings))


def load_model(module: str, name: str, /, *arguments: Any, **settings: Any) -> Model:
    """A model that a class of a module or a file makes: `load_model("net.py", "Net", 64)`."""
    return Model(SourceCall(name=name, module=module, arguments=arguments, settings=settings))


def frozen(model: Model) -> Model:
    """A copy of a model that stays as it is at the start."""
    return Model(frozen_of=model)


def variable(start: float | tuple[float, ...] = 0.0, **facts: Any) -> Variable:
    """A decision variable: `variable(0.5, lower=0, upper=1)`, `variable(shape=(3,))`."""
    return Variable({"start": start, **facts})


def requirement(label: str, text: str, **facts: Any) -> ConstraintFacts:
    """What the report says of one requirement; a member says its `family` too."""
    return ConstraintFacts(label=label, text=text, family=facts.pop("family", label), **facts)


@dataclass(frozen=True)
class Fit:
    """Settings of `fit`, and what its optimizers move."""

    settings: FitSettings
    moved: tuple[object, ...] = ()


def fit(
    optimizer: Trained | Sequence[Trained] = (), schedule: Schedule | None = None, **settings: Any
) -> Fit:
    """How a run is trained; each setting as in `fit(...)` of a spec, the defaults are the same."""
    trained = (optimizer,) if isinstance(optimizer, Trained) else tuple(optimizer)
    if trained:
        settings["optimizer"] = tuple(item.settings for item in trained)
    if schedule is not None:
        settings["schedule"] = schedule
    return Fit(FitSettings(**settings), tuple(one for item in trained for one in item.moved))


@dataclass(frozen=True)
class Setup:
    """What a run works on, by the names of the spec."""

    fit: Fit
    data: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Variable] = field(default_factory=dict)
    functions: Sequence[FunctionSetup] = ()
    called_on: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The columns that each model is called on: they say how large its inputs are."""
    inputs: Sequence[str] = ()
    """Columns that a model gets in the shape in which they come."""
    exact: Sequence[str] = ()
    """Columns that keep their digits, whatever the precision of the run."""
    features: Sequence[Pair] = ()
    """Features that expressions name: (name in the data, column that it becomes)."""

    def bindings(self) -> dict[str, Any]:
        """The objects of Python that stand in the place of records, by their names."""
        both = {**self.data, **self.models}
        return {k: v for k, v in both.items() if not isinstance(v, Data | Model)}

    def facts(self) -> dict[str, Any]:
        """The fields of a program that are about what a run works on.

        Raises:
            SpecError: something that is trained has no optimizer.
        """
        self._require_moved()
        return {
            "data": self._data(),
            "models": tuple(self._model(name, model) for name, model in self.models.items()),
            "variables": tuple(
                VariableSetup(name=name, **item.facts) for name, item in self.variables.items()
            ),
            "functions": tuple(self.functions),
            "fit": plain_fit(self.fit.settings),
        }

    def _require_moved(self) -> None:
        """An optimizer that names what it moves names all that is trained."""
        models = {k: m for k, m in self.models.items() if getattr(m, "frozen_of", None) is None}
        left = [k for k, one in {**models, **self.variables}.items() if one not in self.fit.moved]
        if self.fit.moved and left:
            message = f"no optimizer moves {', '.join(f'`{name}`' for name in left)}"
            helps = (f"name it where the optimizer is made: `adam({left[0]}, lr=1e-3)`",)
            raise Diagnostic(code="CS510", message=message, helps=helps).error()

    def _data(self) -> tuple[DataSetup, ...]:
        """One record a source, with the names of its parts."""
        found: dict[Data, tuple[SourceCall, list[tuple[str, tuple[Pair, ...]]]]] = {}
        for name, item in self.data.items():
            one = item if isinstance(item, Data) else Data()
            found.setdefault(one.source, (one.call, []))[1].append((name, one.pairs))
        return tuple(
            DataSetup(
                targets=tuple(targets),
                source=call,
                inputs=tuple(self.inputs),
                exact=tuple(self.exact),
                features=tuple(self.features),
            )
            for call, targets in found.values()
        )

    def _model(self, name: str, model: object) -> ModelSetup:
        one = model if isinstance(model, Model) else Model()
        copied = next((k for k, other in self.models.items() if other is one.frozen_of), None)
        columns = tuple(self.called_on.get(name, ()))
        return ModelSetup(name=name, source=one.call, frozen_of=copied, arguments=columns)


def program_of(setup: Setup, record: Mapping[str, Any], source: str) -> Program:
    """The program that an emitted module describes; `source` is its text.

    Raises:
        SpecError: something that is trained has no optimizer.
    """
    return Program(**record, **setup.facts(), source=source)


def __getattr__(word: str) -> Callable[..., Any]:
    """The function that a word of the language is.

    Raises:
        AttributeError: no data source, model, optimizer or schedule has this word.
    """
    if word in SOURCES or word in MADE:
        return lambda **settings: Data(SourceCall(name=word, settings=settings))
    if word in MODELS:
        return lambda **settings: Model(_built(word, settings))
    if word in OPTIMIZERS:
        return lambda *moved, **settings: Trained(moved, OPTIMIZERS[word](**settings))
    if word.endswith(SCHEDULE) and word.removesuffix(SCHEDULE) in SCHEDULES:
        return SCHEDULES[word.removesuffix(SCHEDULE)]
    raise AttributeError(f"module {__name__!r} has no attribute {word!r}")


def _built(word: str, settings: dict[str, Any]) -> SourceCall:
    """A model of a size that is known: `inputs` is the shape of one example, or its length."""
    shape, outputs = settings.pop("inputs", None), settings.pop("outputs", None)
    if shape is not None:
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
    return SourceCall(name=word, settings=settings, inputs=shape, outputs=outputs)
