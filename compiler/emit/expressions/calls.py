"""Calls of functions of the language as Python."""

from __future__ import annotations

import ast

from cspec.compiler.emit.expressions.base import KEPT, Translator, ramp_steps, translates
from cspec.compiler.emit.expressions.derivatives import derivative
from cspec.compiler.emit.expressions.examples import (
    NORMS,
    REDUCED,
    either,
    margin,
    numbers,
    of_entries,
    reduction,
)
from cspec.compiler.emit.expressions.means import tail
from cspec.compiler.emit.expressions.operators import all_of
from cspec.compiler.emit.expressions.outputs import forward, of_own_function, operations, weights
from cspec.compiler.emit.pieces import constant, subscript
from cspec.compiler.expressions.not_compiled import form, not_compiled
from cspec.compiler.passes.expansion.expand import globs_of
from cspec.compiler.surrogates.words import is_temperature
from cspec.dsl.tree.nodes import Attribute, Call, Name, shape
from cspec.dsl.values.tensor_words import OVER_ENTRIES
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
    batch, steps = ast.Name(id=t.container), constant(ramp_steps(expr, t.scope))
    if is_temperature(expr):
        return t.local("heat", "heat", t.call("temperature", batch, first, last, steps))
    return t.call("ramp", first, last, subscript(batch, ast.Constant("clock")), steps)
