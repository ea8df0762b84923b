"""What models and people's own functions give, seen by running them on a few examples."""

import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from cspec.compiler.axes.record import Argument, Asked
from cspec.compiler.plan import Plan
from cspec.compiler.records.facts import Facts, OperationFacts, OutputFacts
from cspec.compiler.specialize import open_calls, operation_calls
from cspec.runtime.bind.bind import Bound
from cspec.runtime.data.dataset import Dataset
from cspec.runtime.functions.examples import filled
from cspec.runtime.functions.operations import operations
from cspec.runtime.functions.points import at_a_point
from cspec.runtime.models.in_use import in_use
from cspec.runtime.models.without_trace import evaluating, measuring, undisturbed

ROWS = (3, 2)
"""Examples of the two trials: what has one value an example changes its length with them."""

Kind = Literal["real", "integer", "event"]


def complete(plan: Plan, bound: Bound, facts: Facts) -> Facts:
    """Facts with the outputs of every call that a spec makes; nothing bound is changed.

    A call whose argument is itself a call is asked for once that one is known.
    """
    while asked := open_calls(plan, facts):
        found = {call.key: seen(call, bound) for call in asked}
        facts = facts.model_copy(update={"outputs": {**facts.outputs, **found}})
    return facts


def with_operations(plan: Plan, bound: Bound, facts: Facts) -> Facts:
    """Facts with what a forward pass takes of each model whose `flops` a spec asks for."""
    found = {
        name: facts.models[name].model_copy(update={"operations": _operations(call, bound)})
        for name, call in operation_calls(plan, facts).items()
        if name in facts.models
    }
    return facts.model_copy(update={"models": {**facts.models, **found}}) if found else facts


def _operations(call: Asked, bound: Bound) -> OperationFacts:
    """The operations of one example; what stands against counting them is kept as refusal."""
    model, data = bound.models[call.function], bound.data.get(call.dataset or "")
    rows = _trials(data)[0]
    try:
        with undisturbed():
            arguments, named = _given(call, bound, data, rows, model)
            seen_ = operations(model, arguments, named)
    except Exception as error:  # whatever a person's own code raises is told
        return OperationFacts(refusal=" ".join(str(error).split()) or type(error).__name__)
    return OperationFacts(uses=tuple(seen_.uses.items()), other=seen_.other)


def seen(call: Asked, bound: Bound) -> OutputFacts:
    """The outputs of one call; what it raises is kept as its refusal."""
    data = bound.data.get(call.dataset or "")
    function: Any = {**bound.functions, **bound.models}.get(call.function)
    if function is None:
        return OutputFacts(refusal=f"`{call.function}` is not bound")
    takes = _takes_others(function, call)
    if takes is not None:
        return OutputFacts(refusal="called with others than it takes", takes=takes)
    try:
        with measuring(bound.models.values()):
            results = [_run(function, call, bound, data, rows) for rows in _trials(data)]
    except Exception as error:  # whatever a person's own code raises is told
        return OutputFacts(refusal=" ".join(str(error).split()) or type(error).__name__)
    found = _described(results, _trials(data) if call.dataset else ())
    return _with_gradients(found, _followed(function, call, bound, data))


def _takes_others(function: Any, call: Asked) -> str | None:
    """The inputs of a model that can't be called with as many as it is given; else None."""
    if not isinstance(function, nn.Module):
        return None
    try:
        signature = inspect.signature(function.forward)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(*call.arguments, **dict(call.keywords))
    except TypeError:
        return ", ".join(signature.parameters)
    return None


def _with_gradients(found: OutputFacts, result: Any) -> OutputFacts:
    """The facts with what each part of a result says of its gradient; None says nothing."""
    if result is None:
        return found
    reached = any(tensor.requires_grad for tensor in _tensors(result))
    values = _parts(result)
    inner = {} if values is None else values[1]
    parts = tuple((key, _with_gradients(part, inner.get(key))) for key, part in found.parts)
    return found.model_copy(update={"gradient": reached, "parts": parts})


def _followed(function: Any, call: Asked, bound: Bound, data: Dataset | None) -> Any:
    """What a call gives where a gradient may reach what it is given, or what trains in it.

    None where neither has one.
    """
    models = list(bound.models.values())
    trains = any(p.requires_grad for model in models for p in model.parameters())
    followed = isinstance(function, nn.Module) and trains
    followed |= any(a.source in _FOLLOWED for a in call.arguments)
    if not followed:
        return None
    try:
        with undisturbed(), evaluating(models), torch.enable_grad():
            return _run(function, call, bound, data, _trials(data)[0])
    except Exception:  # told by the step that raises it, with the line of the person's own code
        return None


_FOLLOWED = frozenset({"like", "parameter", "weights", "variable"})
"""Arguments that move."""


def _tensors(result: Any) -> list[Tensor]:
    if isinstance(result, Tensor):
        return [result]
    parts = _parts(result)
    return [] if parts is None else [t for value in parts[1].values() for t in _tensors(value)]


def _trials(data: Dataset | None) -> tuple[int, ...]:
    if data is None:
        return (1,)
    # Two examples at least where there are two: some models take no batch of one.
    return tuple(dict.fromkeys(min(rows, len(data)) for rows in ROWS))


def _run(function: Any, call: Asked, bound: Bound, data: Dataset | None, rows: int) -> Any:
    model = function if isinstance(function, nn.Module) else None
    arguments, named = _given(call, bound, data, rows, model)
    each = any(a.each for a in (*call.arguments, *(a for _, a in call.keywords)))
    if model is not None and arguments and not each and not named:
        return at_a_point(model, *arguments)
    return function(*arguments, **named)


def _given(
    call: Asked, bound: Bound, data: Dataset | None, rows: int, model: nn.Module | None
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a call, and those with names."""
    arguments = [_value(a, bound, data, rows, model) for a in call.arguments]
    return arguments, {n: _value(a, bound, data, rows, model) for n, a in call.keywords}


def _value(
    argument: Argument, bound: Bound, data: Dataset | None, rows: int, model: nn.Module | None
) -> Any:
    match argument.source:
        case "number":
            return argument.number
        case "filled":
            assert data is not None
            column = data.for_models(argument.name)[:rows] if argument.name else torch.zeros(rows)
            return _as_the_model(filled(argument.number, column), model)
        case "model":
            return bound.models[argument.name]
        case "variable":
            value = bound.variables[argument.name].reshape(argument.shape)
            return _as_the_model(value, model)
        case "parameter":
            owner, _, name = argument.name.partition(".")
            return next(used.value for used in in_use(bound.models[owner]) if used.name == name)
        case "weights":
            owner, _, kind = argument.name.partition(".")
            values = [used.value for used in in_use(bound.models[owner])]
            chosen = [p for p in values if kind == "params" or p.ndim > 1]
            return torch.cat([p.reshape(-1) for p in chosen])
        case "column":
            assert data is not None
            # A copy: a model that works in place must not reach the data.
            held = data[argument.name] if model is None else data.for_models(argument.name)
            return _as_the_model(held[:rows].clone(), model)
        case "like":
            shape = (rows, *argument.shape) if argument.each else argument.shape
            return _as_the_model(_stand_in(shape, argument.what), model)


def _stand_in(shape: tuple[int, ...], what: str) -> Tensor:
    if what in ("whole", "category"):
        return torch.zeros(shape, dtype=torch.int64)
    if what == "event":
        return torch.zeros(shape, dtype=torch.bool)
    values = torch.linspace(-1, 1, max(1, torch.Size(shape).numel())).reshape(shape)
    return values.requires_grad_(torch.is_grad_enabled())


def _as_the_model(values: Tensor, model: nn.Module | None) -> Tensor:
    """Values on the device and in the type of a model's parameters."""
    like = None if model is None else next(model.parameters(), None)
    if like is None:
        return values
    return values.to(like.device, like.dtype if values.is_floating_point() else None)


# --- description ---------------------------------------------------------------------------------


def _described(results: list[Any], rows: tuple[int, ...]) -> OutputFacts:
    first = results[0]
    parts = _parts(first)
    if parts is None:
        return _tensor(results, rows)
    style, named = parts
    others = [_parts(result) for result in results[1:]]
    found = []
    for key, value in named.items():
        values = [value, *(other[1].get(key) for other in others if other is not None)]
        if _parts(value) is not None or isinstance(value, Tensor):
            found.append((key, _described(values, rows)))
    return OutputFacts(parts=tuple(found), style=style)


def _parts(value: Any) -> tuple[Literal["index", "key", "field"], Mapping[str | int, Any]] | None:
    """The parts of a tuple, a mapping or a record; None of a single value."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return "field", dict(zip(value._fields, value, strict=True))
    if isinstance(value, tuple | list):
        return "index", dict(enumerate(value))
    if isinstance(value, Mapping):
        return "key", dict(value)
    if is_dataclass(value) and not isinstance(value, type):
        return "field", {f.name: getattr(value, f.name) for f in fields(value)}
    return None


def _tensor(results: list[Any], rows: tuple[int, ...]) -> OutputFacts:
    tensors = [torch.as_tensor(result) for result in results]
    each = bool(rows) and all(t.ndim and len(t) == n for t, n in zip(tensors, rows, strict=True))
    shape = tuple(tensors[0].shape)
    return OutputFacts(each=each, shape=shape[1:] if each else shape, kind=_kind(tensors[0]))


def _kind(values: Tensor) -> Kind:
    if values.dtype == torch.bool:
        return "event"
    return "real" if values.is_floating_point() or values.is_complex() else "integer"
