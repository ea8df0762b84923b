"""Models and functions of a person's own as Python: their outputs, weights and operations."""

from __future__ import annotations

import ast

from cspec.compiler.axes.calls import call_key
from cspec.compiler.emit.expressions.base import Forward, Translator
from cspec.compiler.emit.pieces import called, mapping
from cspec.compiler.expressions.not_compiled import form, not_compiled
from cspec.compiler.passes.expansion.expand import chosen_parameters
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import Call, Expr, Name, shape, walk


def forward(t: Translator, name: str, expr: Call) -> ast.expr:
    """The outputs of a model; (B, 1) is brought to (B,) here, once."""
    key = ("forward", t.dataset, shape(expr))
    alone = t.scope.symbols.only_model == name
    wanted = "z" if alone else f"z_{name}"
    columns = _columns(t, expr)
    followed = not t.scope.tracked.isdisjoint(columns)  # derivatives see the caller's own column
    if columns and t.dataset is not None and not followed:
        found = Forward(name, columns, _as_a_row(t, expr))
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
    names = [
        ast.Constant(p.name) for p in chosen_parameters(t.scope.facts.models[model], kind, patterns)
    ]
    found = t.call("parameters", t.model(model), ast.List(elts=list(names)))
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
        return _given(t, argument)
    plain = not any(isinstance(node, Call) for node in walk(argument))
    # `cos(pi)` would be a number in float64, which stands beside no columns of float32.
    value = t.translate(argument) if plain else ast.Constant(fixed)
    column = t.inference.known.input_column(expr, place, t.dataset)
    if column is None:
        return t.call("spread", value, t.any_column())
    like = t.column(t.dataset, column)
    return t.call("filled", value, like)


def _given(t: Translator, argument: Expr) -> ast.expr:
    """What a model or a function of a person's own is called with: columns as they come."""
    dataset = t.dataset
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
