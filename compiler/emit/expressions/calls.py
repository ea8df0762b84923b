"""Calls as Python: of models, of a person's own functions, of functions of the language."""

import ast

from cspec.compiler.axes.calls import call_key
from cspec.compiler.emit.expressions.base import (
    KEPT,
    Forward,
    Translator,
    epochs_of_others,
    ramp_steps,
    translates,
)
from cspec.compiler.emit.expressions.derivatives import derivative
from cspec.compiler.emit.expressions.examples import (
    NORMS,
    REDUCED,
    either,
    margin,
    numbers,
    of_entries,
    reduction,
    truth,
)
from cspec.compiler.emit.expressions.means import tail
from cspec.compiler.emit.expressions.operators import all_of
from cspec.compiler.emit.pieces import called, constant, mapping, sequence, subscript
from cspec.compiler.expressions.not_compiled import form, not_compiled
from cspec.compiler.passes.expansion.expand import chosen_parameters, globs_of
from cspec.compiler.surrogates.words import is_temperature
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import Attribute, Call, Expr, Name, shape, walk
from cspec.dsl.values.shapes import OVER_ENTRIES
from cspec.dsl.words.losses import LOSSES

BODIES: dict[str, str] = {
    "abs": "absolute", "max": "maximum", "min": "minimum", "pow": "power", "bytes": "bytes_",
    "sum": "total", "mean": "entries_mean", "std": "entries_std", "variance": "entries_variance",
    "median": "entries_median",
}  # fmt: skip
"""Words of the language whose torch body has another name (`runtime/functions`)."""

OF_OUTPUTS = frozenset(LOSSES) | KEPT.keys()
"""Functions that take the outputs for a batch of inputs."""


@translates(Call)
def translate_call(t: Translator, expr: Call) -> ast.expr:
    """The Python of a call: of a model, of a person's own function, of the language's functions.

    Raises:
        SpecError: what is called is none of these.
    """
    match expr.function:
        case Name(id=name) if t.scope.symbols.role(name) == "model":
            return forward(t, name, expr)
        case Name(id=name) if name in t.scope.functions:
            return of_own_function(t, name, expr)
        case Name(id=name):
            return _by_word(t, name, expr)
        case Attribute(value=Name(id=model), name=kind) if model in t.scope.facts.models:
            return weights(t, model, kind, globs_of(expr))
        case _:
            raise not_compiled(form(expr), expr)


def _by_word(t: Translator, name: str, expr: Call) -> ast.expr:
    """A function of the language; some have a form of their own where examples are in reach."""
    match name:
        case "ramp":
            return _ramp(t, expr)
        case "flops":
            return operations(t, expr)
        case "eye":
            size = [t.translate(argument) for argument in expr.arguments]
            return t.call("eye", *size, **t.alike())
        case "cvar" | "quantile":
            return tail(t, name, expr)
        case "diff" | "grad" | "laplacian" if t.dataset is not None:
            return derivative(t, name, expr)
        case "margin":
            return margin(t, expr)
    found = _reduction(t, name, expr) or _of_one(t, name, expr)
    if found is not None:
        return found
    if name == "sum" and len(expr.arguments) == 1 and (t.strict or not t.scope.facts.data):
        # Nothing is left out where nothing is measured: what is undefined has to be seen.
        return all_of(t.call("as_tensor", *_arguments(t, name, expr)))
    if name == "where" and len(expr.arguments) == 3:
        return either(t, expr)
    return _body(t, name, expr)


def _body(t: Translator, name: str, expr: Call) -> ast.expr:
    """A call of the torch body of a function."""
    keywords = {k.name: t.translate(k.value) for k in expr.keywords}
    if name in OVER_ENTRIES:
        keywords |= of_entries(t, name, expr)
    arguments = _arguments(t, name, expr)
    value = t.call(BODIES.get(name, name), *arguments, **keywords)
    return t.kept(name, shape(expr), value) if name in KEPT else value


def _of_one(t: Translator, name: str, expr: Call) -> ast.expr | None:
    """A function of outputs of what is one input's: `prob(f(z))`, `ce(f(z), 1)`."""
    if name not in OF_OUTPUTS or any(t.axes(a).each for a in expr.arguments):
        return None
    values = [t.translate(argument) for argument in expr.arguments]
    return t.call("of_one", t.function(name), *values)


def _reduction(t: Translator, name: str, expr: Call) -> ast.expr | None:
    """A reduction over what an example has, never over the batch."""
    known = name in REDUCED or name in NORMS
    count = 1 if name != "norm" else len(expr.arguments)
    if t.dataset is None or not known or len(expr.arguments) != count:
        return None
    return reduction(t, name, expr)


def _arguments(t: Translator, name: str, expr: Call) -> list[ast.expr]:
    """Arguments of a function of the language; of one entry by entry, side by side."""
    signature = t.inference.known.signature(name)
    entrywise = signature is not None and (
        signature.family == "elementary" or name in ("max", "min") or name in OVER_ENTRIES
    )
    outer, t.inside_call = t.inside_call, True
    try:
        if entrywise and name != "softmax":
            return numbers(t, expr.arguments)
        return [t.translate(argument) for argument in expr.arguments]
    finally:
        t.inside_call = outer


def _ramp(t: Translator, expr: Call) -> ast.expr:
    """A bound of this step; where the verdict is measured, its last value."""
    first, last = (t.translate(argument) for argument in expr.arguments)
    if t.container == "data":
        return last
    batch: ast.expr = ast.Name(id=t.container)
    steps, own = constant(ramp_steps(expr, t.scope)), epochs_of_others(expr, t.scope)
    if is_temperature(expr):
        if own is not None:
            batch, steps = t.call("instead", batch, clock=ast.Constant("epoch")), own
        return t.local("heat", "heat", t.call("temperature", batch, first, last, steps))
    if own is not None:
        return t.call("ramp", first, last, subscript(batch, ast.Constant("epoch")), own)
    return t.call("ramp", first, last, subscript(batch, ast.Constant("clock")), steps)


def forward(t: Translator, name: str, expr: Call) -> ast.expr:
    """The outputs of a model; (B, 1) is brought to (B,) here, once."""
    key = ("forward", t.dataset, shape(expr))
    alone = t.scope.symbols.only_model == name
    wanted = "z" if alone else f"z_{name}"
    columns = _columns(t, expr)
    # Derivatives see the caller's own column; one that is compared comes with all its digits.
    own = not (t.scope.tracked | t.scope.exact).isdisjoint(columns)
    if columns and t.dataset is not None and not own:
        pairs = zip(columns, expr.arguments, strict=False)
        truths = frozenset(column for column, a in pairs if _is_truth(t, a))
        found = Forward(name, columns, _as_a_row(t, expr), truths)
        return t.local(key, wanted, t.forward_pass(found, t.dataset))
    arguments = [_input(t, expr, place) for place in range(len(expr.arguments))]
    value: ast.expr = called(t.model(name), *arguments)
    if _at_a_point(t, expr):
        value = t.call("at_a_point", t.model(name), *arguments)
    elif _as_a_row(t, expr):
        value = t.call("per_example", value)
    return t.local(key, wanted, value)


def _columns(t: Translator, expr: Call) -> tuple[str, ...]:
    """The columns that a model is called on, where its arguments are nothing else."""
    if _at_a_point(t, expr):
        return ()
    known = t.scope.columns(t.dataset or "")
    names = tuple(a.id for a in expr.arguments if isinstance(a, Name) and a.id in known)
    return names if len(names) == len(expr.arguments) else ()


def of_own_function(t: Translator, name: str, expr: Call) -> ast.expr:
    """What an imported function gives; (B, 1) is brought to (B,)."""
    value = called(t.scope.functions[name], *(_given(t, argument) for argument in expr.arguments))
    return t.call("per_example", value) if _as_a_row(t, expr) else value


def weights(t: Translator, model: str, kind: str, patterns: tuple[str, ...]) -> ast.expr:
    """All entries of `net.weights("glob")` or `net.params("glob")`, as one vector."""
    chosen = chosen_parameters(t.scope.facts.models[model], kind, patterns)
    names = sequence([ast.Constant(p.name) for p in chosen])
    found = t.call("parameters", t.model(model), names)
    value = t.call("vector", ast.Starred(value=found))
    return t.local((kind, model, patterns), kind, value)


def operations(t: Translator, expr: Call) -> ast.expr:
    """`flops(net, NET_USES, other)`: how often layers are used is a constant of the module.

    Raises:
        SpecError: a model of which it is not known what it computes.
    """
    (model,) = (a.id for a in expr.arguments if isinstance(a, Name))
    known = t.scope.facts.models[model].operations
    if known is None:
        raise not_compiled(form(expr), expr)
    uses = mapping({name: ast.Constant(count) for name, count in known.uses})
    held = t.module_constant(("operations", model), f"{model}_uses".upper(), lambda: uses)
    named = {k.name: t.translate(k.value) for k in expr.keywords}
    arguments: list[ast.expr] = [t.model(model), held]
    if known.other:
        arguments.append(ast.Constant(known.other))
    return t.call("flops", *arguments, **named)


# --- inputs and outputs --------------------------------------------------------------------------


def _input(t: Translator, expr: Call, place: int) -> ast.expr:
    """One input of a model: `f(x, 0)` has a 0 for each example, like the column there."""
    argument = expr.arguments[place]
    fixed = value_or_none(argument, t.inference.known.params)
    if fixed is None or t.dataset is None or _at_a_point(t, expr):
        return _given(t, argument, models=True)
    plain = not any(isinstance(node, Call) for node in walk(argument))
    # `cos(pi)` would be a number in float64, which stands beside no columns of float32.
    value = t.translate(argument) if plain else ast.Constant(fixed)
    column = t.inference.known.input_column(expr, place, t.dataset)
    if column is None:
        return t.call("spread", value, t.any_column())
    like = _given(t, Name(id=column), models=True)
    return t.call("filled", value, like)


def _is_truth(t: Translator, argument: Expr) -> bool:
    """Whether a model is given something true or false, which is no number for it."""
    axes = t.axes(argument)
    return axes.known and axes.each is not None and axes.what == "event"


def _given(t: Translator, argument: Expr, *, models: bool = False) -> ast.expr:
    """What a model or a function of a person's own is called with: columns as they come.

    Models get truth values as such; a function computes with 0 and 1, as the spec does.
    """
    dataset = t.dataset
    if models and _is_truth(t, argument):
        return truth(t, argument)
    if dataset and isinstance(argument, Name) and argument.id in t.scope.columns(dataset):
        return t.column(dataset, argument.id)
    return t.translate(argument)


def _at_a_point(t: Translator, expr: Call) -> bool:
    """Whether a model is called with no value of an example: of decision variables."""
    return bool(expr.arguments) and not any(t.axes(a).each for a in expr.arguments)


def _as_a_row(t: Translator, expr: Call) -> bool:
    """Whether a call gives (or, not seen yet, may give) one number an example as (B, 1)."""
    if t.axes(expr).each is None:
        return False
    seen = t.scope.facts.outputs.get(call_key(expr, t.dataset))
    return seen is None or (seen.each and seen.shape == (1,) and not seen.parts)
