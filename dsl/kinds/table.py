"""Kinds of calls of the functions of the table: `dsl/words/functions.py`."""

from __future__ import annotations

from cspec.dsl.kinds.arguments import argument_kind, check_clock, check_order
from cspec.dsl.kinds.foreign import constant_first, index_first
from cspec.dsl.kinds.forms import missing_arguments, too_many, unknown_keyword
from cspec.dsl.kinds.operands import check_finite
from cspec.dsl.kinds.typer import Scope, Typer
from cspec.dsl.messages.diagnostic import writing
from cspec.dsl.messages.synonyms import OVER_EXAMPLES
from cspec.dsl.tree.nodes import Call, Expr, Number
from cspec.dsl.tree.rebuild import head_word
from cspec.dsl.words.functions import BOTH, Parameter, Signature
from cspec.dsl.words.kind import CONSTANT, UNKNOWN, Kind, joined
from cspec.dsl.words.losses import LOSSES, OF_CLASSES


def table_call(typer: Typer, call: Call, signature: Signature, scope: Scope) -> Kind:
    """The kind of a call, its arguments checked against the signature."""
    turned = constant_first(typer, call, signature)
    turned = turned or index_first(typer, call, signature, scope)
    if turned is not None:
        return turned
    if signature.family == "classifier" and [type(a) for a in call.arguments] == [Number]:
        return _of_class(typer, call, signature)
    bound = _bind_arguments(typer, call, signature)
    if bound is None:
        for argument in call.arguments:
            typer.kind(argument, scope)
        return UNKNOWN
    inner = scope._replace(inside=True) if signature.family == "risk" else scope
    found = (argument_kind(typer, call, signature, p, value, inner) for p, value in bound)
    kinds = [kind for kind in found if kind is not None]
    check_order(typer, call, signature)
    check_clock(typer, call, signature)
    if signature.name in OF_CLASSES and [kind.what for kind in kinds[:2]] == ["column", "scores"]:
        return _swapped(typer, call, signature)
    word = head_word(call.arguments[0]) if call.arguments else ""
    loss = word in LOSSES and word not in typer.symbols.table
    if signature.name in OVER_EXAMPLES and loss:
        return _mean_of_loss(typer, call, signature)
    if any(kind.what == "unknown" for kind in kinds) and signature.result in ("like", "reduce"):
        return joined("unknown", *kinds)
    if signature.family == "elementary":
        check_finite(typer, call)
    return _result(signature, kinds, bound, scope.inside)


_OF_COLUMNS = frozenset({"values", "cross", "pairs"})
"""Sets made of whole columns: the same for every example."""


def _swapped(typer: Typer, call: Call, signature: Signature) -> Kind:
    """`ce(y, f(x))`."""
    label, output = (typer.slice(argument) for argument in call.arguments[:2])
    meant = f"{signature.name}({output}, {label})"
    said = f"`{signature.name}` takes the outputs first and the labels second"
    what = f"`{label}` is a column, `{output}` an output of a model"
    return typer.report("CS302", said, call.span, what, **writing(call.span, meant))


def _of_class(typer: Typer, call: Call, signature: Signature) -> Kind:
    """`prob(1)`: a class is chosen by an index."""
    inner = typer.slice(call.arguments[0])
    prob = signature.name == "prob"
    meant = f"{signature.name}[{inner}]" if prob else f"{signature.name} == {inner}"
    said = f"`{signature.name}` takes outputs of a model, and `{inner}` is a class"
    return typer.report("CS302", said, call.span, "a number", **writing(call.span, meant))


def _mean_of_loss(typer: Typer, call: Call, signature: Signature) -> Kind:
    """`mean(ce(f(x), y))`."""
    loss = typer.slice(call.arguments[0])
    meant = OVER_EXAMPLES[signature.name].format(loss)
    said = f"`{signature.name}` goes over the entries of one example, and `{loss}` is one number"
    return typer.report("CS302", said, call.span, "over the examples?", **writing(call.span, meant))


def _bind_arguments(
    typer: Typer, call: Call, signature: Signature
) -> list[tuple[Parameter, Expr]] | None:
    """Arguments with their parameters; None where they do not fit."""
    positional = [p for p in signature.parameters if not p.keyword]
    arguments = list(call.arguments)
    if signature.name == "ball" and len(arguments) == 1:
        positional = positional[1:]
    bound: list[tuple[Parameter, Expr]] = []
    for index, argument in enumerate(arguments):
        if index < len(positional):
            bound.append((positional[index], argument))
        elif signature.variadic and positional:
            bound.append((positional[-1], argument))
        else:
            too_many(typer, call, signature)
            return None
    taken = {parameter.name for parameter, _ in bound}
    by_name = {parameter.name: parameter for parameter in signature.parameters}
    for keyword in call.keywords:
        if keyword.name == "on" and signature.family == "risk":
            continue
        parameter = by_name.get(keyword.name)
        if parameter is None or keyword.name in taken:
            unknown_keyword(typer, keyword, signature.name, tuple(by_name))
            return None
        taken.add(keyword.name)
        bound.append((parameter, keyword.value))
    missing = [p for p in signature.parameters if p.required and p.name not in taken]
    if missing and not (signature.name in BOTH and arguments):
        missing_arguments(typer, call, signature, missing)
        return None
    return bound


def _result(
    signature: Signature, kinds: list[Kind], bound: list[tuple[Parameter, Expr]], inside: bool
) -> Kind:
    if signature.family == "risk":
        return joined("number", *kinds).flat()
    if signature.name in BOTH and bound and kinds[0].what == "number":
        return Kind("set", moves=kinds[0].moves)
    base = joined("number", *kinds) if kinds else CONSTANT
    if signature.name == "where" and not inside:
        # No slope reaches what decides; only what decides over examples has a surrogate.
        base = base._replace(gradient=any(kind.gradient for kind in kinds[1:]))
    if not signature.gradient:
        base = base._replace(gradient=base.gradient and signature.surrogate is not None)
    match signature.result:
        case "number" | "example":
            return base
        case "reduce":
            tensor = len(kinds) > 1 and any(kind.what == "tensor" for kind in kinds)
            return base._replace(what="tensor") if tensor else base
        case "like":
            whats = [kind.what for kind in kinds]
            for what in ("groups", "tensor", "scores"):
                if what in whats:
                    return base._replace(what=what)
            return base
        case "value":
            return UNKNOWN
        case "set" if signature.name in _OF_COLUMNS:
            return base._replace(what="set").flat()
        case other:
            return base._replace(what=other)


def metric_kind(typer: Typer, call: Call, signature: Signature, scope: Scope) -> Kind:
    """`violation(label)` is a number, `violations(on=D)` a vector, `initial(e)` what `e` is."""
    positional = [p for p in signature.parameters if not p.keyword]
    known = tuple(p.name for p in signature.parameters if p.keyword)
    for keyword in call.keywords:
        if keyword.name not in known:
            unknown_keyword(typer, keyword, signature.name, known)
            return UNKNOWN
    if len(call.arguments) > len(positional):
        too_many(typer, call, signature)
        return UNKNOWN
    if len(call.arguments) < len(positional):
        missing_arguments(typer, call, signature, positional[len(call.arguments) :])
        return UNKNOWN
    if signature.name != "initial":
        return Kind("tensor" if signature.name == "violations" else "number", False, True, True)
    kind = typer.kind(call.arguments[0], scope)
    return kind._replace(moves=True, gradient=True)
