"""From names to data and models: what a spec leaves open meets what was given from outside.

What was bound is told to the compiler as facts.
"""

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cspec.compiler.choose.many_rows import taken_in
from cspec.compiler.records.facts import DataFacts, Facts, ModelFacts, ParameterFacts
from cspec.compiler.records.program import DataSetup, ModelSetup, Program, SourceCall, VariableSetup
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.messages.wording import closest
from cspec.dsl.names.symbols import is_made
from cspec.dsl.text.source import NOWHERE, Source, Span
from cspec.runtime.bind.data import IMPLIED, SPLITS, bind_data, data_facts, held_pairs
from cspec.runtime.bind.pairs import held_of_many
from cspec.runtime.bind.text import load_object, named_by_user, read_call
from cspec.runtime.data.dataset import Dataset
from cspec.runtime.data.errors import DataError
from cspec.runtime.data.reading import Reading
from cspec.runtime.functions.sparsity import prunable
from cspec.runtime.models import (
    ModelError,
    build,
    frozen,
    normalizes_by_batch,
)
from cspec.runtime.models.as_given import size_, unsized
from cspec.runtime.models.in_use import in_use
from cspec.runtime.models.without_trace import evaluating, made_in_inference, seed_everything

Outputs = Mapping[str, int] | Callable[[Mapping[str, DataFacts]], Mapping[str, int]]


@dataclass(frozen=True)
class Inputs:
    """What a program needs from outside, and where its text needs it."""

    data: tuple[DataSetup, ...] = ()
    models: tuple[ModelSetup, ...] = ()
    variables: tuple[VariableSetup, ...] = ()
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    needs: Mapping[str, Span] = field(default_factory=dict)
    """The place in the spec that needs each name."""
    source: Source | None = None
    base: Path = Path()
    """The folder that paths are relative to."""
    reading: Reading = field(default_factory=Reading)
    """How much of a source without a length is to be read."""
    params: tuple[str, ...] = ()
    """Names of params, for messages: they have their values before anything is bound."""


@dataclass(frozen=True)
class Bound:
    """Everything that a run works on, and the setups as they were resolved."""

    data: dict[str, Dataset] = field(default_factory=dict)
    models: dict[str, nn.Module] = field(default_factory=dict)
    variables: dict[str, nn.Parameter] = field(default_factory=dict)
    functions: dict[str, Callable[..., Any]] = field(default_factory=dict)
    data_setups: tuple[DataSetup, ...] = ()
    model_setups: tuple[ModelSetup, ...] = ()


def inputs_of(program: Program, base: Path = Path()) -> Inputs:
    """The inputs of a program that was specialized before."""
    source = Source(text=program.spec, name=program.name)
    functions: dict[str, Callable[..., Any]] = {}
    for setup in program.functions:
        module, _, name = setup.source.rpartition(":")
        if module:
            functions[setup.name] = load_object(module, name, base)
    return Inputs(
        program.data,
        program.models,
        program.variables,
        functions,
        source=source,
        base=base,
        reading=Reading(steps=program.fit["steps"]),
    )


@torch.inference_mode(False)
def bind(
    inputs: Inputs,
    bindings: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    outputs: Outputs | None = None,
) -> Bound:
    """Load data, build models, create variables, in this order, after seeding all generators.

    A binding is a Python object (module, dataset, mapping, tuple, loader, frame) or text that
    names one. `outputs` gives the number of outputs of each model that is built, or computes it
    from the facts of the data; a setup that says it itself wins.

    Raises:
        SpecError: names that are not bound (all at once), bindings nobody asked for, data or
            models that can't be used.
    """
    given = dict(bindings or {})
    _check_names(inputs, given)
    seed_everything(seed)
    try:
        data, data_setups = bind_data(inputs.data, given, inputs.base, inputs.reading)
    except DataError as error:
        raise SpecError([_wrong_data(inputs, one) for one in error.errors]) from error
    facts = {name: data_facts(dataset) for name, dataset in data.items()}
    sizes = outputs(facts) if callable(outputs) else (outputs or {})
    models, model_setups = _models(inputs, given, data, sizes)
    if held := held_pairs(data_setups):
        sizes_of_models = (p.numel() for model in models.values() for p in model.parameters())
        if taken_in(sum(sizes_of_models)) is None:
            data = data | {name: held_of_many(data[name]) for name in held}
    if any(map(normalizes_by_batch, models.values())):
        data = {name: dataset.joined() for name, dataset in data.items()}
    return Bound(
        data=data,
        models=models,
        variables={v.name: variable(v) for v in inputs.variables},
        functions=dict(inputs.functions),
        data_setups=data_setups,
        model_setups=model_setups,
    )


def _models(
    inputs: Inputs, given: Mapping[str, Any], data: Mapping[str, Dataset], sizes: Mapping[str, int]
) -> tuple[dict[str, nn.Module], tuple[ModelSetup, ...]]:
    """Every model in written order, frozen copies after what they are copies of."""
    models: dict[str, nn.Module] = {}
    setups: dict[str, ModelSetup] = {}
    wrong: list[Diagnostic] = []
    for setup in inputs.models:
        if setup.frozen_of is not None:
            continue
        try:
            model, call = _model(inputs, setup, given, data, sizes)
            _require_settable(inputs, setup.name, model)
            _size(inputs, setup.name, model, data)
        except SpecError as error:
            wrong.extend(error.diagnostics)
            continue
        models[setup.name] = model
        setups[setup.name] = setup.model_copy(update={"source": call})
    if wrong:
        raise SpecError(wrong)
    for setup in inputs.models:
        if setup.frozen_of is not None:
            models[setup.name] = frozen(models[setup.frozen_of])
            setups[setup.name] = setup
    names = [setup.name for setup in inputs.models]
    return {name: models[name] for name in names}, tuple(setups[name] for name in names)


def _require_settable(inputs: Inputs, name: str, model: nn.Module) -> None:
    if made_in_inference(model):
        message = f"model `{name}` was made in inference mode: it can't be trained, or set"
        help_ = f"give a copy, made outside of `torch.inference_mode()`: copy.deepcopy({name})"
        raise _found(inputs, "CS331", message, (help_,), name).error()


def _size(inputs: Inputs, name: str, model: nn.Module, data: Mapping[str, Dataset]) -> None:
    """Give lazy layers their sizes, by the first rows of the data."""
    lazy = unsized(model)
    if not lazy:
        return
    dataset = next((d for d in data.values() if "x" in d.columns), None)
    why = "no data with a column `x` are bound"
    if dataset is not None:
        try:
            size_(model, dataset["x"][:2])
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            why = f"it does not take `x`: {' '.join(str(error).split())}"
        lazy = unsized(model)
    if lazy:
        message = f"the lazy layers of `{name}` have no sizes yet: {why}"
        help_ = f"call the model once on a batch of its inputs before: {name}(x)"
        raise _found(inputs, "CS331", message, (help_,), name).error()


def variable(setup: VariableSetup) -> nn.Parameter:
    """A decision variable at its first value, float64 until the session casts it."""
    start = torch.as_tensor(setup.start, dtype=torch.float64)
    whole = start.reshape(setup.shape) if start.numel() > 1 else start.expand(setup.shape)
    return nn.Parameter(whole.clone())


def _check_names(inputs: Inputs, given: Mapping[str, Any]) -> None:
    """All names that are missing, and all that nobody asked for."""
    targets = [k for setup in inputs.data for k, _ in setup.targets if not is_made(k)]
    models = [setup.name for setup in inputs.models]
    known = {*targets, *models, *(SPLITS if targets == [IMPLIED] else ()), *inputs.functions}
    # `data=digits` fills all the targets that have no source.
    known |= {IMPLIED} if targets else set()
    open_data = [
        name
        for setup in inputs.data
        if not setup.source.name and IMPLIED not in given
        for name, _ in setup.targets
    ]
    open_models = [s.name for s in inputs.models if not s.source.name and s.frozen_of is None]
    missing = [name for name in (*open_data, *open_models) if name not in given]
    strange = [name for name in given if name not in known]
    known |= {*inputs.params}
    meant = {name: closest(name, known) or _only(given[name], missing, models) for name in strange}
    left = [name for name in missing if name not in meant.values()]
    found = [_unbound(inputs, name, name in models) for name in left]
    for name, guess in meant.items():
        message = f"nothing is called `{name}`, so it can't be bound"
        note = f"names of this spec: {', '.join(sorted(known)) or 'none'}"
        helps = (f"did you mean `{guess}`?",) if guess else ("write one of these names",)
        found.append(Diagnostic(code="CS222", message=message, notes=(note,), helps=helps))
    found += [_nothing(inputs, name, name in models) for name in given if given[name] is None]
    if found:
        raise SpecError(found)


def _only(value: object, missing: Sequence[str], models: Sequence[str]) -> str:
    """The one name without a value that this value can be for: a module is for a model."""
    fitting = [name for name in missing if (name in models) == isinstance(value, nn.Module)]
    return fitting[0] if len(fitting) == 1 else ""


def _unbound(inputs: Inputs, name: str, model: bool) -> Diagnostic:
    kind, example = ("model", "mlp(hidden=[64])") if model else ("data", "digits")
    return Diagnostic(
        code="CS220",
        message=f"{kind} `{name}` is not bound",
        span=inputs.needs.get(name, NOWHERE),
        label="needed here" if name in inputs.needs else "",
        helps=(
            f"bind it: --bind '{name}={example}', {name}=... in Python, "
            f"or write `{kind} {name} = {example}` in the spec",
        ),
        source=inputs.source if name in inputs.needs else None,
    )


def _nothing(inputs: Inputs, name: str, model: bool) -> Diagnostic:
    """A name bound to `None`: most likely a variable that was never set."""
    what = "a torch.nn.Module" if model else "a tuple (x, y) of arrays, a loader, a frame"
    return _found(inputs, "CS221", f"`{name}` is bound to None", (f"give {what}",), name)


_ADVICE = re.compile(
    r"(write|give|name|declare|call|encode|remove|save|bind|each|did you mean|if it|or give|add"
    r"|number|to fix this)\b"
)
"""How notes begin that say what to do."""


def _wrong_data(inputs: Inputs, error: DataError) -> Diagnostic:
    """A mistake in data at the word of the spec that it is about, else at its data."""
    first = next((name for setup in inputs.data for name, _ in setup.targets), "")
    found = _found(inputs, "CS330", error.message, error.notes, first)
    place = _word(found.source, found.span, error.about)
    return found.model_copy(update={"span": place}) if place else found


def _word(source: Source | None, line: Span, word: str) -> Span | None:
    """Where a word stands in the line of the data: in quotes, else as a name."""
    if source is None or not word:
        return None
    end = _ITEM.search(source.text, line.end)
    text = source.text[: end.start() if end else len(source.text)]
    for pattern in (rf'"{re.escape(word)}"', rf'(?<![\w."/]){re.escape(word)}(?![\w."/])'):
        found = re.compile(pattern).search(text, line.start)
        if found:
            return Span(*found.span())
    return None


_ITEM = re.compile(r"\n(?=[a-z])")
"""Where the next line begins that is no continuation."""


def _found(
    inputs: Inputs, code: str, message: str, notes: tuple[str, ...], name: str
) -> Diagnostic:
    """What is wrong with a name, at its place; of the notes those that say what to do are helps."""
    return Diagnostic(
        code=code,
        message=message,
        notes=tuple(note for note in notes if not _ADVICE.match(note)),
        helps=tuple(note for note in notes if _ADVICE.match(note)),
        span=inputs.needs.get(name, NOWHERE),
        source=inputs.source if name in inputs.needs else None,
    )


def _model(
    inputs: Inputs,
    setup: ModelSetup,
    given: Mapping[str, Any],
    data: Mapping[str, Dataset],
    sizes: Mapping[str, int],
) -> tuple[nn.Module, SourceCall]:
    """One model, and the call that makes it again (empty for an object from outside)."""
    binding = given.get(setup.name)
    if binding is not None and not isinstance(binding, str):
        called = SourceCall()
        made = (
            binding if isinstance(binding, nn.Module) else _called(inputs, setup, binding, called)
        )
        return made, SourceCall()
    call = setup.source if binding is None else read_call(binding)
    if call.module is not None:
        found = load_object(call.module, call.name, inputs.base, bound=named_by_user(binding))
        if isinstance(found, nn.Module):
            return found, call
        return _called(inputs, setup, found, call), call
    shape = call.inputs or _input_shape(setup, data)
    outputs = call.outputs if call.outputs is not None else sizes.get(setup.name)
    if shape is None or outputs is None:
        missing = setup.arguments or ("x",)
        what = "nothing says how many outputs it has"
        if shape is None:
            what = f"there is no data with {' and '.join(f'a column `{m}`' for m in missing)}"
        message = f"the size of model `{setup.name}` can't be worked out: {what}"
        name = setup.name
        helps = [f"bind a model of your own: in Python, or `--bind '{name}=net.py:Net'`"]
        if shape is not None:
            helps.insert(0, f"use an output, `{name}(x)[0]`, or a loss, `mse({name}(x), y)`")
        raise _found(inputs, "CS331", message, tuple(helps), name).error()
    try:
        made = build(call.name, inputs=shape, outputs=outputs, **call.settings)
    except ModelError as error:
        what, _, help_ = str(error).partition("; ")
        instead = help_ or "bind a model of your own, or prepare the data for it"
        raise _found(inputs, "CS331", what, (instead,), setup.name).error() from error
    return made, call.model_copy(update={"inputs": tuple(shape), "outputs": outputs})


def _called(inputs: Inputs, setup: ModelSetup, factory: Any, call: SourceCall) -> nn.Module:
    """The module that a class or function makes."""
    if not callable(factory):
        message = f"`{setup.name}` is bound to a {type(factory).__name__}, which is no model"
        raise _found(inputs, "CS331", message, ("give a torch.nn.Module",), setup.name).error()
    try:
        made = factory(*call.arguments, **call.settings)
    except Exception as error:
        message = f"making model `{setup.name}` raised {type(error).__name__}: {error}"
        help_ = "give what its constructor takes: `net.py:Net(hidden=3)`, or the module itself"
        raise _found(inputs, "CS331", message, (help_,), setup.name).error() from error
    if not isinstance(made, nn.Module):
        message = f"what makes model `{setup.name}` returned a {type(made).__name__}"
        raise _found(inputs, "CS331", message, ("give a torch.nn.Module",), setup.name).error()
    return made


def _input_shape(setup: ModelSetup, data: Mapping[str, Dataset]) -> tuple[int, ...] | None:
    """Shape of the inputs of one example: of one column, or the length of several side by side."""
    columns = setup.arguments or ("x",)
    for dataset in data.values():
        if all(column in dataset.columns for column in columns):
            shapes = [tuple(dataset[column].shape[1:]) or (1,) for column in columns]
            return shapes[0] if len(shapes) == 1 else (sum(map(math.prod, shapes)),)
    return None


# --- what was bound ------------------------------------------------------------------------------


def facts(bound: Bound, device: str = "cpu", crosses: Collection[tuple[str, ...]] = ()) -> Facts:
    """What was bound, as plain records for the compiler: data, models, functions; nothing changes.

    `crosses` are the columns whose combinations are counted, for `cross(..) where count >= n`.
    """
    data = {name: data_facts(dataset, crosses) for name, dataset in bound.data.items()}
    models = {name: model_facts(model) for name, model in bound.models.items()}
    return Facts(data=data, models=models, functions=tuple(bound.functions), device=device)


def model_facts(model: nn.Module) -> ModelFacts:
    """Parameters of a model, and whether none of them moves."""
    with evaluating([model]), torch.no_grad():  # a spectral norm moves where it is read in training
        counted = dict(prunable(model))
        parameters = tuple(
            ParameterFacts(
                name=used.name,
                shape=tuple(used.value.shape),
                requires_grad=used.trained,
                prunable=used.name in counted,
                gated=used.gates is not None,
                gate=used.gate,
                computed=used.computed,
                inputs_first=used.inputs_first,
            )
            for used in in_use(model)
        )
    still = not any(p.requires_grad for p in parameters)
    return ModelFacts(parameters=parameters, frozen=still, by_batch=normalizes_by_batch(model))
