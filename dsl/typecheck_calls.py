"""Kinds of calls: functions of the table, models, lets, parts of models and domains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cspec.dsl.constants import value_or_none
from cspec.dsl.diagnostics import Fix
from cspec.dsl.kinds import CONSTANT, UNKNOWN, WORDS, Kind, joined
from cspec.dsl.meant import METHODS
from cspec.dsl.nodes import Attribute, Call, Expr, Keyword, Let, Model, Name
from cspec.dsl.settings.read import read_settings
from cspec.dsl.settings.solvers import SOLVERS
from cspec.dsl.signatures import Parameter, Signature
from cspec.dsl.syntax_checks import made_by_call
from cspec.dsl.unknown_names import (
    module_part,
    unknown_column,
    unknown_function,
    unknown_model,
)
from cspec.dsl.wording import closest, counted, listing, number

if TYPE_CHECKING:
    from cspec.dsl.typecheck import Scope, Typer


def call_kind(typer: Typer, call: Call, scope: Scope) -> Kind:
    """The kind of a call, its arguments checked."""
    function = call.function
    if isinstance(function, Attribute):
        return _part(typer, call, function, scope)
    if not isinstance(function, Name):
        return _called_result(typer, call, function, scope)
    word = function.id
    symbol = typer.symbols.table.get(word)
    callable_symbol = symbol is not None and (
        symbol.role in ("model", "import", "function")
        or (isinstance(symbol.item, Let) and symbol.item.parameters is not None)
    )
    signature = typer.signatures.get(word)
    if word in scope.local:
        signature = signature if scope.local[word].what != "unknown" else None
        if signature is None:
            return _arguments_only(typer, call, scope)
    if symbol is not None and (callable_symbol or signature is None):
        return _symbol_call(typer, call, function, scope, symbol.role == "import")
    if signature is None:
        _arguments_only(typer, call, scope)
        if word in ("E", "P"):
            return _average(typer, call, function)
        return unknown_function(typer, function, scope)
    return _table_call(typer, call, signature, scope)


def _average(typer: Typer, call: Call, function: Name) -> Kind:
    """`P(pred == 1)`."""
    inner = typer.source.text[function.span.end + 1 : call.span.end - 1]
    meant = f"{function.id}[{inner}]"
    return typer.report(
        "CS201",
        f"`{function.id}` stands before square brackets",
        function.span,
        "no function",
        helps=(f"write `{meant}`",),
        fixes=(Fix(span=call.span, replacement=meant, title=f"write {meant}"),),
    )


def _called_result(typer: Typer, call: Call, function: Expr, scope: Scope) -> Kind:
    """`nn.CrossEntropyLoss()(f(x), y)`: the result of a call is called."""
    if not isinstance(function, Call) or not made_by_call(function):
        return UNKNOWN  # a mistake of the form, which the parser reports
    head = function.function
    kind = None
    if isinstance(head, Attribute):
        kind = module_part(typer, function, head, scope)
    elif isinstance(head, Name) and typer.name_unknown(head, scope):
        kind = typer.unknown_name(head, scope, typer.signatures)
    if kind is None:
        kind = typer.report(
            "CS302",
            f"{typer.text(function)} can't be called: it is no function",
            function.span,
            "a value",
            helps=("for a product write `*` before the `(`",),
        )
    _arguments_only(typer, call, scope)
    return kind


def _arguments_only(typer: Typer, call: Call, scope: Scope) -> Kind:
    """A call of something unknown: one value an example where an argument has one."""
    kinds = [typer.kind(argument, scope) for argument in call.arguments]
    kinds += [typer.kind(keyword.value, scope) for keyword in call.keywords]
    return UNKNOWN._replace(per_example=any(kind.per_example for kind in kinds))


def _symbol_call(typer: Typer, call: Call, function: Name, scope: Scope, imported: bool) -> Kind:
    symbol = typer.symbols.table[function.id]
    item = symbol.item
    if imported or symbol.role == "function":
        signature = typer.signatures.get(function.id)
        if signature is not None and signature.imported:
            return _table_call(typer, call, signature, scope)
        return _arguments_only(typer, call, scope)
    kinds = tuple(typer.kind(argument, scope) for argument in call.arguments)
    if isinstance(item, Model):
        if not call.arguments and not call.keywords and item.arguments is None:
            return _no_inputs(typer, call, function)
        if item.arguments is not None:
            _arity(typer, call, function.id, len(item.arguments), item.arguments)
        moving = not typer.symbols.frozen(function.id)
        what = "number" if item.arguments else "scores"
        inputs = joined(what, *kinds)  # type: ignore[arg-type]
        return inputs._replace(moves=inputs.moves or moving, gradient=inputs.gradient or moving)
    if isinstance(item, Let) and item.parameters is not None:
        if not _arity(typer, call, function.id, len(item.parameters), item.parameters):
            return UNKNOWN
        return typer.let_kind(function, kinds, scope) if kinds else UNKNOWN
    return typer.report(
        "CS302",
        f"`{function.id}` is no function",
        function.span,
        f"defined as {'a number' if symbol.role != 'data' else 'data'}",
        helps=(f"remove the parentheses, or define `let {function.id}(a) = ...`",),
    )


def _no_inputs(typer: Typer, call: Call, function: Name) -> Kind:
    """`f()`."""
    return typer.report(
        "CS301",
        f"`{function.id}()` has no inputs",
        call.span,
        "a model is called with what it sees",
        helps=(f"write `{function.id}(x)`",),
        fixes=(Fix(span=call.span, replacement=f"{function.id}(x)", title="the inputs"),),
    )


def _arity(typer: Typer, call: Call, name: str, expected: int, parameters: tuple[str, ...]) -> bool:
    given = len(call.arguments)
    if given == expected and not call.keywords:
        return True
    form = f"{name}({', '.join(parameters)})"
    typer.report(
        "CS301",
        f"`{name}` takes {counted(expected, 'argument')}, not {given + len(call.keywords)}",
        call.span,
        f"defined as `{form}`",
        helps=(f"write `{form}`",),
    )
    return False


def _part(typer: Typer, call: Call, function: Attribute, scope: Scope) -> Kind:
    foreign = module_part(typer, function, function, scope)
    if foreign is not None:
        _arguments_only(typer, call, scope)
        return foreign
    kind = typer.kind(function.value, scope)
    if kind.what in _VALUES and function.name in METHODS:
        return _method(typer, call, function)
    if kind.what == "unknown":
        return _arguments_only(typer, call, scope)
    if kind.what == "model" and function.name in ("weights", "params"):
        for argument in call.arguments:
            if typer.kind(argument, scope).what != "string":
                typer.report(
                    "CS302",
                    f"{typer.text(argument)} is no name pattern",
                    argument.span,
                    "a pattern in quotes goes here",
                    helps=(f'write `{typer.source.slice(function.span)}("conv*")`',),
                )
        return Kind("weights", False, kind.moves, kind.gradient)
    if kind.what in ("domain", "set") and function.name in ("sample", "grid"):
        return _points(typer, call, function, scope)
    return typer.kind(function, scope)


_VALUES = frozenset({"number", "event", "tensor", "scores", "column", "labels", "groups"})


def _method(typer: Typer, call: Call, function: Attribute) -> Kind:
    """`ce(f(x), y).mean()`: a method of tensors in Python."""
    text = typer.source.slice(function.value.span)
    form = METHODS[function.name].format(text)
    return typer.report(
        "CS210",
        f"{typer.text(function.value)} has no part `{function.name}`",
        function.name_span,
        "a method of Python",
        helps=(f"write `{form}`",),
        fixes=()
        if call.arguments or call.keywords
        else (Fix(span=call.span, replacement=form, title=f"write {form}"),),
    )


def _points(typer: Typer, call: Call, function: Attribute, scope: Scope) -> Kind:
    if len(call.arguments) != 1:
        return typer.report(
            "CS301",
            f"`{function.name}` takes the number of points",
            call.span,
            f"{counted(len(call.arguments), 'argument')} given",
            helps=(f"write `{typer.source.slice(function.span)}(100)`",),
        )
    count = value_or_none(call.arguments[0], typer.values)
    if count is not None and (count < 1 or count != int(count)):
        typer.report(
            "CS304",
            f"{typer.text(call.arguments[0])} is no number of points",
            call.arguments[0].span,
            "a whole number of at least 1 goes here",
            helps=(f"write `{typer.source.slice(function.span)}(100)`",),
        )
    for keyword in call.keywords:
        if function.name == "sample" and keyword.name == "redraw":
            continue
        _unknown_keyword(typer, keyword, function.name, ("redraw",))
    return Kind("set")


def _table_call(typer: Typer, call: Call, signature: Signature, scope: Scope) -> Kind:
    bound = _bind_arguments(typer, call, signature, scope)
    if bound is None:
        _quiet_arguments(typer, call, scope)
        return UNKNOWN
    inner = scope._replace(inside=True) if signature.family == "risk" else scope
    found = (_argument(typer, call, signature, p, value, inner) for p, value in bound)
    kinds = [kind for kind in found if kind is not None]
    _order(typer, call, signature)
    _clock(typer, call, signature)
    if signature.name in _ORDERED and [kind.what for kind in kinds[:2]] == ["column", "scores"]:
        return _swapped(typer, call, signature)
    if any(kind.what == "unknown" for kind in kinds) and signature.result in ("like", "reduce"):
        return joined("unknown", *kinds)
    if signature.family == "elementary":
        typer.finite(call)
    return _result(signature, kinds, bound)


_ORDERED = frozenset({"ce", "bce", "nll", "hinge"})
"""Losses whose outputs and labels are different things."""


def _swapped(typer: Typer, call: Call, signature: Signature) -> Kind:
    """`ce(y, f(x))`."""
    label, output = (typer.source.slice(argument.span) for argument in call.arguments[:2])
    meant = f"{signature.name}({output}, {label})"
    return typer.report(
        "CS302",
        f"`{signature.name}` takes the outputs first and the labels second",
        call.span,
        f"`{label}` is a column, `{output}` an output of a model",
        helps=(f"write `{meant}`",),
        fixes=(Fix(span=call.span, replacement=meant, title=f"write {meant}"),),
    )


def _quiet_arguments(typer: Typer, call: Call, scope: Scope) -> None:
    for argument in call.arguments:
        typer.kind(argument, scope)


def _bind_arguments(
    typer: Typer, call: Call, signature: Signature, scope: Scope
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
            _too_many(typer, call, signature)
            return None
    taken = {parameter.name for parameter, _ in bound}
    by_name = {parameter.name: parameter for parameter in signature.parameters}
    for keyword in call.keywords:
        if keyword.name == "on" and signature.family == "risk":
            continue
        parameter = by_name.get(keyword.name)
        if parameter is None or keyword.name in taken:
            _unknown_keyword(typer, keyword, signature.name, tuple(by_name))
            return None
        taken.add(keyword.name)
        bound.append((parameter, keyword.value))
    missing = [p for p in signature.parameters if p.required and p.name not in taken]
    if missing and not (signature.name in ("spectral", "nuclear") and arguments):
        _missing(typer, call, signature, missing)
        return None
    return bound


EXAMPLES = {
    "rank": "rank(8)",
    "sparse": "sparse(10%)",
    "nm": "nm(2, 4)",
    "grid": "grid(bits=4)",
    "spectral": "spectral(1)",
    "nuclear": "nuclear(10)",
    "ball": "ball(1, norm=2)",
    "values": "values(column)",
    "cross": "cross(column, other)",
    "range": "range(10)",
    "uniform": "uniform(0, 1)",
    "normal": "normal(0, 1)",
    "gap": "gap(P[pred == 1 | column])",
    "ratio": "ratio(P[pred == 1 | column])",
    "ramp": "ramp(100%, 10%, epochs=20)",
}
"""Words whose form says less than an example."""


def form(signature: Signature) -> str:
    """How a function is written: `norm(v, p)`."""
    if signature.name in EXAMPLES:
        return EXAMPLES[signature.name]
    if not signature.parameters and signature.family == "set":
        return signature.name
    parts = [
        f"{p.name}=..." if p.keyword else p.name
        for p in signature.parameters
        if p.required or p.keyword
    ]
    if signature.variadic:
        parts.append("...")
    return f"{signature.name}({', '.join(parts)})"


def _too_many(typer: Typer, call: Call, signature: Signature) -> None:
    expected = sum(not p.keyword for p in signature.parameters)
    typer.report(
        "CS301",
        f"`{signature.name}` takes {counted(expected, 'argument')}, not {len(call.arguments)}",
        call.span,
        signature.doc,
        helps=(f"write `{_form_here(typer, call, signature)}`",),
    )


def _form_here(typer: Typer, call: Call, signature: Signature) -> str:
    """The form of a function with as many of the arguments given as it takes."""
    expected = sum(not p.keyword for p in signature.parameters)
    if signature.name in EXAMPLES or not expected or len(call.arguments) < expected:
        return form(signature)
    kept = (typer.source.slice(argument.span) for argument in call.arguments[:expected])
    return f"{signature.name}({', '.join(kept)})"


def _missing(typer: Typer, call: Call, signature: Signature, missing: list[Parameter]) -> None:
    text = typer.source.slice(call.span)
    end = call.span.end - 1
    names = {parameter.name for parameter in missing}
    if signature.name in ("ball", "norm") and names <= {"norm", "p"}:
        options = ("norm=2", "norm=inf") if signature.name == "ball" else ("2", "1")
        typer.report(
            "CS324",
            f"{typer.text(call)} does not say which norm",
            call.span,
            "Euclidean, largest entry, sum of entries?",
            notes=("balls in different norms are different sets",)
            if signature.name == "ball"
            else ("norms with different p are different numbers",),
            helps=tuple(f"write `{text[:-1]}, {option})`" for option in options),
            fixes=tuple(
                Fix(
                    span=call.span._replace(start=end, end=end),
                    replacement=f", {option}",
                    title=option,
                )
                for option in options
            ),
        )
        return
    given = len(call.arguments)
    needed = sum(p.required for p in signature.parameters)
    typer.report(
        "CS301",
        f"`{signature.name}` needs {counted(needed, 'argument')}, not {given}",
        call.span,
        f"{listing((p.name for p in missing), 'and')} missing",
        notes=(f"`{form(signature)}`: {signature.doc}",),
        helps=(f"write `{form(signature)}`",),
    )


def _unknown_keyword(typer: Typer, keyword: Keyword, name: str, known: tuple[str, ...]) -> None:
    guess = closest(keyword.name, known)
    span = keyword.name_span
    typer.report(
        "CS502",
        f"`{name}` has no setting `{keyword.name}`",
        span,
        f"it takes {listing(known, 'and')}" if known else "it takes no settings",
        helps=(f"did you mean `{guess}`?",) if guess else (),
        fixes=(Fix(span=span, replacement=guess, title=f"write {guess}"),) if guess else (),
    )


def _argument(
    typer: Typer,
    call: Call,
    signature: Signature,
    parameter: Parameter,
    value: Expr,
    scope: Scope,
) -> Kind | None:
    if "function" in parameter.kinds:
        _, found = read_settings(value, SOLVERS, typer.values, "solver", typer.source)
        typer.extend(found)
        return None
    if isinstance(value, Name) and typer.name_unknown(value, scope) and _columns(parameter):
        return unknown_column(typer, value, scope)
    if isinstance(value, Name) and typer.name_unknown(value, scope) and _models(parameter):
        return unknown_model(typer, value)
    kind = typer.kind(value, scope)
    if kind.what == "event" and "number" in parameter.kinds and scope.inside:
        return kind
    if kind.what not in parameter.kinds and kind.what != "unknown":
        wanted = _wanted(signature, parameter)
        typer.report(
            "CS302",
            f"`{signature.name}` takes {wanted}, and {typer.text(value)} is {WORDS[kind.what]}",
            value.span,
            f"{wanted} {'go' if wanted == 'weights' else 'goes'} here",
            helps=_instead(typer, call, signature, value, kind),
        )
        return UNKNOWN
    known = value_or_none(value, typer.values)
    if known is not None and not parameter.low <= known <= parameter.high:
        _out_of_range(typer, signature, parameter, value, known)
    elif known is not None and parameter.whole and known != int(known):
        _not_whole(typer, signature, parameter, value)
    return kind


def _columns(parameter: Parameter) -> bool:
    """Whether an argument can only be a column."""
    return "column" in parameter.kinds and "number" not in parameter.kinds


def _models(parameter: Parameter) -> bool:
    """Whether an argument is most likely a model."""
    return "model" in parameter.kinds and "number" not in parameter.kinds


def _wanted(signature: Signature, parameter: Parameter) -> str:
    """What an argument should be, in words."""
    if signature.family == "weights" and parameter.name in ("w", "v"):
        return "weights" if "weights" in parameter.kinds else "one weight"
    if signature.family in ("loss", "classifier") and parameter.name in ("outputs", "z"):
        return WORDS["scores"]
    for what in ("model", "weights", "groups", "dataset", "scores", "tensor", "column"):
        if what in parameter.kinds and "number" not in parameter.kinds:
            return WORDS[what]
    return "a number"


def _with(typer: Typer, call: Call, value: Expr, text: str) -> str:
    """A call as typed, with one argument exchanged."""
    start, end = call.span.start, call.span.end
    source = typer.source.text
    return f"{source[start : value.span.start]}{text}{source[value.span.end : end]}"


def _instead(
    typer: Typer, call: Call, signature: Signature, value: Expr, kind: Kind
) -> tuple[str, ...]:
    text = typer.source.slice(value.span)
    models = tuple(typer.symbols.models())
    if signature.family == "model" and models:
        return (f"write `{signature.name}({models[0]})`",)
    if signature.family in ("loss", "classifier") and kind.what == "model":
        return (f"write `{text}(x)` for its outputs",)
    if signature.family == "weights" and kind.what == "weights":
        return (
            f"the largest of all: `max({signature.name}(W) for W in {text})`",
            f"each by itself: `forall W in {text}: {signature.name}(W) ...`",
        )
    if signature.name in ("spectral", "nuclear") and kind.what == "model":
        return (f"each by itself: `forall W in {text}.weights: {signature.name}(W) ...`",)
    if signature.family in ("weights", "reduction") and kind.what == "model":
        return (
            f"over all weights: `{_with(typer, call, value, f'{text}.weights')}`",
            f"each by itself: `forall W in {text}.weights: {_with(typer, call, value, 'W')} ...`",
        )
    if signature.family == "groups":
        return ("by group is written `P[pred == 1 | column]`",)
    if kind.what == "event":
        return (f"write `P[{text}]`",)
    return ()


def _out_of_range(
    typer: Typer, signature: Signature, parameter: Parameter, value: Expr, known: float
) -> None:
    low, high = parameter.low, parameter.high
    span, of = f"between {number(low)} and {number(high)}", ""
    if high == float("inf"):
        span, of = f"at least {number(low)}", "of "
    helps: tuple[str, ...] = (f"choose a number {of}{span}",)
    if signature.name == "norm" and known < 1:
        helps = (*helps, "for the share of entries that are not zero: `density(model)`")
    fixes: tuple[Fix, ...] = ()
    if high == 1 and 1 < known <= 100 and "%" not in typer.text(value):
        helps = (f"did you mean `{number(known)}%`?",)
        fixes = (Fix(span=value.span, replacement=f"{number(known)}%", title="write percent"),)
    typer.report(
        "CS304",
        f"`{parameter.name}` of `{signature.name}` is {span}, not {number(known)}",
        value.span,
        "out of range",
        helps=helps,
        fixes=fixes,
    )


def _not_whole(typer: Typer, signature: Signature, parameter: Parameter, value: Expr) -> None:
    typer.report(
        "CS304",
        f"`{parameter.name}` of `{signature.name}` is a whole number, not {typer.text(value)}",
        value.span,
        "a count",
        helps=(f"write a whole number, for example `{form(signature)}`",),
    )


def _order(typer: Typer, call: Call, signature: Signature) -> None:
    """Two arguments that are in their ranges, but not in order: `nm(4, 2)`, `uniform(1, 0)`."""
    if signature.name not in ("nm", "uniform") or len(call.arguments) != 2:
        return
    first, second = (value_or_none(argument, typer.values) for argument in call.arguments)
    if (
        first is None
        or second is None
        or first < second
        or (first == second and signature.name == "nm")
    ):
        return
    low, high = (typer.source.slice(argument.span) for argument in call.arguments)
    swapped = f"{signature.name}({high}, {low})"
    empty = signature.name == "uniform"
    typer.report(
        "CS303" if empty else "CS304",
        f"{typer.text(call)}: {low} is not below {high}"
        if empty
        else f"{typer.text(call)}: {low} of each {high} can't be kept",
        call.span,
        "an empty interval" if empty else "at most n of each m stay",
        helps=(f"did you mean `{swapped}`?",),
        fixes=(Fix(span=call.span, replacement=swapped, title=f"write {swapped}"),)
        if first != second
        else (),
    )


def _clock(typer: Typer, call: Call, signature: Signature) -> None:
    """A ramp goes over epochs or over steps."""
    named = {keyword.name: keyword for keyword in call.keywords}
    if signature.name != "ramp" or len({"epochs", "steps"} & set(named)) == 1:
        return
    both = "epochs" in named and "steps" in named
    typer.report(
        "CS531" if both else "CS507",
        "`ramp` says both `epochs` and `steps`" if both else "`ramp` needs `epochs` or `steps`",
        named["steps"].span if both else call.span,
        "how long, then?" if both else "over how long does the bound move?",
        helps=("keep one of the two",) if both else (f"write `{form(signature)}`",),
    )


def _result(signature: Signature, kinds: list[Kind], bound: list[tuple[Parameter, Expr]]) -> Kind:
    if signature.family == "risk":
        return joined("number", *kinds).flat()
    if signature.name in ("spectral", "nuclear") and bound and kinds[0].what == "number":
        return Kind("set", moves=kinds[0].moves)
    base = joined("number", *kinds) if kinds else CONSTANT
    if not signature.gradient:
        base = base._replace(gradient=base.gradient and signature.surrogate is not None)
    match signature.result:
        case "number" | "example":
            return base
        case "reduce":
            return _reduced(kinds, base)
        case "like":
            whats = [kind.what for kind in kinds]
            for what in ("groups", "tensor", "scores"):
                if what in whats:
                    return base._replace(what=what)
            return base
        case "value":
            return UNKNOWN
        case other:
            return base._replace(what=other)


def _reduced(kinds: list[Kind], base: Kind) -> Kind:
    if len(kinds) == 1:
        return base
    if any(kind.what == "tensor" for kind in kinds):
        return base._replace(what="tensor")
    return base
