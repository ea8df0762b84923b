"""Axes of calls: functions of the language, models, and functions of a person's own."""

import math
from collections.abc import Callable

from cspec.compiler.axes.base import AxesBase
from cspec.compiler.axes.derivatives import derivative_axes
from cspec.compiler.axes.known import Known
from cspec.compiler.axes.losses import loss_axes
from cspec.compiler.axes.means import tail_axes
from cspec.compiler.axes.parts import place_of
from cspec.compiler.axes.record import (
    NUMBER,
    UNKNOWN,
    Argument,
    Asked,
    Axes,
    By,
    OutputPart,
    PartOf,
    What,
)
from cspec.compiler.expressions.rewrite import call as call_of
from cspec.compiler.expressions.rewrite import function_name, method_name, operands_of
from cspec.compiler.expressions.text import text
from cspec.compiler.records.facts import OutputFacts
from cspec.compiler.records.problem import ParameterRef
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import Attribute, Call, Expr, Index, Name, Negate, Power, Product, Sum
from cspec.dsl.values.shapes import OVER_ENTRIES as OVER_SHAPES
from cspec.dsl.values.shapes import RULES, Unfit, word_shape
from cspec.dsl.words.functions import DERIVATIVES
from cspec.dsl.words.losses import LOSSES

OVER_ENTRIES = frozenset({"max", "min", "sum", "norm", "l1", "l2", "sumsq", "all", "any"})
"""Functions that make one number of an example's entries, or of all entries of a tensor."""
_ONE_NUMBER = frozenset(
    {"density", "params", "flops", "bytes", "spectral", "nuclear", "gap", "ratio", "ramp"}
)


def call_axes(inference: AxesBase, call: Call, dataset: str | None) -> Axes:
    """The axes of what a call gives."""
    word = function_name(call)
    if word is None:
        return UNKNOWN
    role = inference.known.symbols.role(word)
    described = word in inference.known.functions  # which say by themselves what they give
    if role == "model" or (role in ("import", "function") and not described):
        return _opaque(inference, call, word, dataset)
    if word in LOSSES:
        return loss_axes(inference, call, word, dataset)
    if word in ("cvar", "quantile"):
        return tail_axes(inference, call, dataset)
    if word in DERIVATIVES and dataset is not None and len(call.arguments) > 1:
        return derivative_axes(inference, call, word, dataset)
    if word in OVER_ENTRIES and (word == "norm" or len(call.arguments) == 1):
        return _reduced(inference, call, word, dataset)
    if word in RULES:
        return _worded(inference, call, word, dataset)
    return _function(inference, call, word, dataset)


def _worded(inference: AxesBase, call: Call, word: str, dataset: str | None) -> Axes:
    """Functions of vectors and matrices: of a tensor, or of what each example has."""
    items = [
        inference.event(argument, dataset)
        if word == "where" and place == 0
        else inference.number(argument, dataset)
        for place, argument in enumerate(call.arguments)
    ]
    for argument, item in zip(call.arguments, items, strict=True):
        if item.what == "record":
            return inference.findings.which_part(argument, item)
    each = next((item.each for item in items if item.each), None)
    if word not in OVER_SHAPES:
        return inference.entrywise(call, call.arguments, dataset).number()
    if any(not item.known for item in items):
        return UNKNOWN._replace(each=each)
    numbers = [value_or_none(argument, inference.known.params) for argument in call.arguments]
    found = word_shape(word, [item.shape or () for item in items], numbers)
    if isinstance(found, Unfit):
        return inference.findings.word(call, word, found, items)
    if word in ("dot", "kl"):
        inference.entrywise(call, call.arguments, dataset)  # examples of one dataset
    tokens = next((item.tokens for item in items if item.tokens), ())
    return Axes("whole" if word == "argmax" else "number", each=each, tokens=tokens, shape=found)


def _function(inference: AxesBase, call: Call, word: str, dataset: str | None) -> Axes:
    if word in ("pred", "prob", "softmax"):
        return _classifier(inference, call, word, dataset)
    if word in _ONE_NUMBER:
        for argument in call.arguments:
            inference.axes(argument, dataset)
        return NUMBER
    if word == "margin" and call.arguments:
        return _margin(inference, call, dataset)
    if word == "differences" or word == "ratio_differences":
        count, *_ = inference.axes(call.arguments[0], dataset).shape or (None,)
        return Axes(shape=None if count is None else (count * (count - 1),), groups=By())
    if word == "every_sum":
        shapes = [item.shape for item in _axes(inference, call, dataset)]
        known = [math.prod(shape) for shape in shapes if shape is not None]
        total = (math.prod(known),) if len(known) == len(shapes) else None
        return Axes(shape=total, groups=By())
    if word == "eye":
        size = value_or_none(call.arguments[0], inference.known.params) if call.arguments else None
        return Axes(shape=None if size is None else (int(size), int(size)))
    signature = inference.known.signature(word)
    if signature is not None and signature.result == "example":
        return Axes(each=next((a.each for a in _axes(inference, call, dataset) if a.each), None))
    if signature is not None and signature.imported and signature.result == "number":
        return _one_number(inference, call, word, dataset)
    return inference.arithmetic(call, call.arguments, dataset)


def _one_number(inference: AxesBase, call: Call, word: str, dataset: str | None) -> Axes:
    """What a function of a person's own gives that does not say that it is one an example.

    Of what each example has it is tried: it may well be one number an example.
    """
    if not any(item.each for item in _axes(inference, call, dataset)):
        return NUMBER
    found = _opaque(inference, call, word, dataset)
    tried = found.known or call_key(call, dataset) in inference.asked
    return found if tried else NUMBER


def _axes(inference: AxesBase, call: Call, dataset: str | None) -> list[Axes]:
    return [inference.axes(argument, dataset) for argument in call.arguments]


def _classifier(inference: AxesBase, call: Call, word: str, dataset: str | None) -> Axes:
    if not call.arguments:
        return UNKNOWN
    outputs = inference.axes(call.arguments[0], dataset)
    if outputs.what == "record":
        return inference.findings.which_part(call.arguments[0], outputs)
    if word != "softmax" and (numbers := _numbers(inference, call, dataset)) is not None:
        return inference.findings.no_classes(call, word, numbers, outputs)
    if word == "softmax" and outputs.known and outputs.each and outputs.single:
        return inference.findings.class_axis(call, outputs)
    if word != "pred":
        return outputs.number()._replace(names=_class_names(inference, call, outputs))
    inference.doubtful(call)
    column = inference.known.target(call)
    target = inference.known.column_axes(dataset, column) if column and dataset else UNKNOWN
    found = Axes(each=outputs.each, tokens=outputs.tokens)
    classes = target.classes if target.what == "category" else ()
    facts = inference.known.column(dataset or "", column or "")
    if facts is not None and facts.signed and outputs.single:
        classes = (-1, 1)  # the sign of one output
    return found._replace(what="category" if classes else "whole", classes=classes)


def _numbers(inference: AxesBase, call: Call, dataset: str | None) -> str | None:
    """The column of numbers that a model predicts where it predicts no classes."""
    model = inference.known.numeric_model(call.arguments[0])
    column = inference.known.targets.get(model or "")
    facts = inference.known.column(dataset or "", column or "")
    if facts is None or facts.kind != "real" or facts.signed:
        return None
    several = facts.shape not in ((), (1,))
    return column if several or not set(facts.values) <= {0, 1} else None


def _margin(inference: AxesBase, call: Call, dataset: str | None) -> Axes:
    """One number an example of its outputs; classes that they do not have are findings."""
    outputs, *classes = call.arguments
    for cls in classes:
        inference.axes(chance(outputs, cls), dataset)
    found = inference.axes(outputs, dataset)
    return Axes(each=found.each, tokens=found.tokens)


def chance(outputs: Expr, cls: Expr) -> Index:
    """`prob(z)[k]`: what says which place of the outputs a class is."""
    return Index(value=call_of("prob", outputs), indices=(cls,), span=cls.span)


def _class_names(inference: AxesBase, call: Call, outputs: Axes) -> tuple[str, ...]:
    """The classes by name, where there are as many as outputs (or two of one logit).

    Outputs that were not seen are taken to be as many.
    """
    column = inference.known.target(call)
    if column is None or outputs.each is None:
        return ()
    classes = inference.known.column_axes(outputs.each, column).classes
    facts = inference.known.column(outputs.each, column)
    if facts is not None and facts.signed and outputs.single:
        classes = (-1, 1)
    names = tuple(str(value) for value in classes)
    count = (outputs.shape or (2,))[-1] if outputs.known else len(names)
    return names if len(names) == count else ()


def _reduced(inference: AxesBase, call: Call, word: str, dataset: str | None) -> Axes:
    """One number an example of its entries; of a tensor one number at all."""
    argument = call.arguments[0]
    what: What = "event" if word in ("all", "any") else "number"
    found = (inference.event if what == "event" else inference.number)(argument, dataset)
    if found.what == "record":
        return inference.findings.which_part(argument, found)
    if found.each is None:
        return NUMBER._replace(what=what)
    columns = word not in ("sum", "max", "min")  # `l1(w)` of a column is its size
    alone = found.known and found.single and not found.tokens
    if alone and not has_entries(
        argument, inference.known, lambda part: _is_part(inference, part, dataset), columns
    ):
        return inference.findings.no_entries(call, word, found, inference.known)
    tokens = found.tokens if found.shape else ()
    shape = () if found.known else None
    return Axes(what=what, each=found.each, tokens=tokens, shape=shape)


def _is_part(inference: AxesBase, expr: Expr, dataset: str | None) -> bool:
    """Whether an index or a name behind outputs means one of their parts, not an entry."""
    if not isinstance(expr, Index | Attribute):
        return False
    return isinstance(place_of(inference, expr, dataset), PartOf)


def call_key(call: Call, dataset: str | None) -> str:
    """The name of a call among the outputs that were seen: `f(x) on train`."""
    return f"{text(call)} on {dataset}" if dataset else text(call)


# --- what only running tells ---------------------------------------------------------------------


def _opaque(inference: AxesBase, call: Call, word: str, dataset: str | None) -> Axes:
    """The outputs of a model or function, as they were seen; asked for where they were not."""
    key = call_key(call, dataset)
    given = _axes(inference, call, dataset)
    each = dataset if any(item.each for item in given) else None
    known = inference.known.facts.outputs.get(key)
    if known is None:
        if (asked := _asked(inference, key, call, word, dataset)) is not None:
            inference.asked[key] = asked
        return UNKNOWN._replace(each=each)
    if known.takes is not None:
        return inference.findings.inputs(call, word, known.takes)._replace(each=each)
    if known.refusal:
        return UNKNOWN._replace(each=each)
    column = inference.known.targets.get(word)
    target = inference.known.column_axes(dataset, column) if column and dataset else UNKNOWN
    return output_axes(known, each, target)


_KINDS: dict[str, What] = {"real": "number", "integer": "whole", "event": "event"}


def output_axes(facts: OutputFacts, each: str | None, target: Axes) -> Axes:
    """Axes of an output: (n, 1) is one number an example; (n, tokens, classes) has tokens."""
    if facts.parts:
        found = ((key, output_axes(inner, each, target)) for key, inner in facts.parts)
        parts = tuple(OutputPart(*part) for part in found)
        return Axes(what="record", each=each, parts=parts, style=facts.style)
    what = _KINDS[facts.kind]
    if not facts.each:
        return Axes(what=what, shape=facts.shape)
    shape = () if facts.shape == (1,) else facts.shape
    tokens = (target.shape or ()) if target.what in ("whole", "category") else ()
    if tokens and len(shape) == len(tokens) + 1 and shape[:-1] == tokens:
        return Axes(what="number", each=each, tokens=tokens, shape=shape[-1:])
    return Axes(what=what, each=each, shape=shape)


def _asked(
    inference: AxesBase, key: str, call: Call, word: str, dataset: str | None
) -> Asked | None:
    if dataset is not None and dataset not in inference.known.facts.data:
        return None
    arguments = [
        _filled(inference, call, place, dataset) or _argument(inference, argument, dataset)
        for place, argument in enumerate(call.arguments)
    ]
    keywords = [(k.name, _argument(inference, k.value, dataset)) for k in call.keywords]
    given = [a for a in arguments if a is not None]
    named = [(name, value) for name, value in keywords if value is not None]
    if len(given) < len(arguments) or len(named) < len(keywords):
        return None
    return Asked(key, word, dataset, tuple(given), tuple(named))


def _filled(inference: AxesBase, call: Call, place: int, dataset: str | None) -> Argument | None:
    """A number that stands in the place of a column: `f(x, 0)`."""
    number = value_or_none(call.arguments[place], inference.known.params)
    model = inference.known.symbols.role(function_name(call) or "") == "model"
    each = any(item.each for item in _axes(inference, call, dataset))
    if number is None or dataset is None or not model or not each:
        return None
    column = inference.known.input_column(call, place, dataset)
    return Argument("filled", column or "", number=number)


def _argument(inference: AxesBase, expr: Expr, dataset: str | None) -> Argument | None:
    """What an argument is made of; None where that is not known yet."""
    known = inference.known
    method = method_name(expr)
    if isinstance(expr, ParameterRef):
        return Argument("parameter", f"{expr.model}.{expr.name}", each=False)
    if method is not None and method[0] in known.facts.models:
        return Argument("weights", f"{method[0]}.{method[1]}", each=False)
    if isinstance(expr, Name):
        if dataset is not None and known.has_column(dataset, expr.id):
            return Argument("column", expr.id)
        if expr.id in known.facts.models:
            return Argument("model", expr.id, each=False)
        if known.symbols.role(expr.id) == "var":
            # A number is kept as a tensor of one.
            scalar = not known.symbols.vars()[expr.id].dimensions
            shape = () if scalar else known.shapes.get(expr.id, ())
            return Argument("variable", expr.id, shape=shape, each=False)
    if (number := value_or_none(expr, known.params)) is not None:
        return Argument("number", number=number, each=False)
    found = inference.axes(expr, dataset)
    if not found.known or found.parts:
        return None
    shape = (*found.tokens, *(found.shape or ()))
    return Argument("like", shape=shape, each=found.each is not None, what=found.what)


_ONE = frozenset({*LOSSES, "pred", "prob", "margin"})


def has_entries(
    expr: Expr, known: Known, is_part: Callable[[Expr], bool], columns: bool = False
) -> bool:
    """Whether `sum(expr)` may go over entries of an example, of which a model may have just one.

    Outputs of a model, what it predicts and what came as a row count (`sum((f(x) - y)^2)` of a
    model with one output is its square); a loss, `pred`, `prob` of one logit, a column of single
    numbers (unless `columns` says so) do not: a sum of one of those would be a sum over the
    examples, which it is not. `is_part` tells parts of outputs, `f(x).logits`, from one entry.
    """
    match expr:
        case Name(id=name):
            return columns or _column(name, known)
        case Call():
            word = function_name(expr)
            if word in _ONE or known.symbols.role(word or "") is not None:
                return word not in _ONE
        case Index() | Attribute():
            return is_part(expr)
        case Sum() | Product() | Negate() | Power():
            pass
        case _:
            return True
    return any(has_entries(part, known, is_part, columns) for part in operands_of(expr))


def _column(name: str, known: Known) -> bool:
    if name in known.targets.values():
        return True
    columns = [data.columns[name] for data in known.facts.data.values() if name in data.columns]
    return not columns or any(column.shape == (1,) for column in columns)
