"""Kinds of calls: models, lets, parts of models and domains, and what only looks like a call."""

import re
from math import ceil, isfinite

from cspec.dsl.kinds.foreign import (
    binary_method,
    called_entry,
    foreign_call,
    method_of_python,
    module_call,
)
from cspec.dsl.kinds.forms import unknown_keyword
from cspec.dsl.kinds.operands import declared_shape
from cspec.dsl.kinds.parts import at_a_point
from cspec.dsl.kinds.table import metric_kind, table_call
from cspec.dsl.kinds.typer import OUTSIDE, Scope, Typer
from cspec.dsl.kinds.unknown_names import module_part, unknown_function, unknown_name
from cspec.dsl.messages.diagnostic import edit, replacing, writing
from cspec.dsl.messages.synonyms import METHODS, OF_MODELS
from cspec.dsl.messages.wording import counted, number, split_arguments
from cspec.dsl.mistakes.finished_nodes import made_by_call
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import is_whole
from cspec.dsl.tree.rebuild import function_name, head_word, names
from cspec.dsl.words.functions import DERIVATIVES
from cspec.dsl.words.kind import UNKNOWN, Kind, What, joined


def call_kind(typer: Typer, call: nodes.Call, scope: Scope) -> Kind:
    """The kind of a call, its arguments checked."""
    function = call.function
    if isinstance(function, nodes.Attribute):
        return _part(typer, call, function, scope)
    if not isinstance(function, nodes.Name):
        return _called_result(typer, call, function, scope)
    word = function.id
    symbol = typer.symbols.table.get(word)
    callable_symbol = symbol is not None and (
        symbol.role in ("model", "import", "function")
        or (isinstance(symbol.item, nodes.Let) and symbol.item.parameters is not None)
    )
    signature = typer.signatures.get(word)
    if word in scope.local:
        signature = signature if scope.local[word].what != "unknown" else None
        if signature is None:
            return _local_call(typer, call, function, scope)
    if symbol is not None and (callable_symbol or signature is None):
        return _symbol_call(typer, call, function, scope, symbol.role == "import")
    if signature is None:
        _arguments_only(typer, call, scope)
        if word in ("E", "P"):
            return _average(typer, call, function)
        return foreign_call(typer, call, function) or unknown_function(
            typer, function, scope, call.arguments
        )
    if signature.family == "metric":
        return metric_kind(typer, call, signature, scope)
    return table_call(typer, call, signature, scope)


def _average(typer: Typer, call: nodes.Call, function: nodes.Name) -> Kind:
    """`P(pred == 1)`."""
    inner = typer.source.text[function.span.end + 1 : call.span.end - 1]
    if call.keywords and not call.arguments:
        inner = re.sub(r"(?<![=<>!])=(?!=)", " == ", inner, count=1).replace("  ", " ")
    meant = f"{function.id}[{inner}]"
    said = f"`{function.id}` stands before square brackets"
    return typer.report("CS201", said, function.span, "no function", **writing(call.span, meant))


def _called_result(typer: Typer, call: nodes.Call, function: nodes.Expr, scope: Scope) -> Kind:
    """`nn.CrossEntropyLoss()(f(x), y)`: the result of a call is called."""
    if not isinstance(function, nodes.Call) or not made_by_call(function):
        return UNKNOWN  # a mistake of the form, which the parser reports
    head = function.function
    kind = None
    if isinstance(head, nodes.Attribute):
        kind = module_part(typer, function, head, scope)
    elif isinstance(head, nodes.Name) and typer.name_unknown(head, scope):
        kind = unknown_name(typer, head, scope, typer.signatures)
    if kind is None:
        said = f"{typer.text(function)} can't be called: it is no function"
        help_ = "for a product write `*` before the `(`"
        kind = typer.report("CS302", said, function.span, "a value", helps=(help_,))
    _arguments_only(typer, call, scope)
    return kind


def _arguments_only(typer: Typer, call: nodes.Call, scope: Scope) -> Kind:
    """A call of something unknown: one value an example where an argument has one."""
    kinds = [typer.kind(argument, scope) for argument in call.arguments]
    kinds += [typer.kind(keyword.value, scope) for keyword in call.keywords]
    return UNKNOWN._replace(per_example=any(kind.per_example for kind in kinds))


def _local_call(typer: Typer, call: nodes.Call, function: nodes.Name, scope: Scope) -> Kind:
    """`count(*)`, `g(1)`: a name that stands for a number, a value or a weight is called."""
    kind, word = scope.local[function.id], function.id
    shadowed = typer.symbols.role(word) in ("model", "function")  # they are what is called
    if kind.what not in ("number", "value", "tensor") or shadowed:
        return _arguments_only(typer, call, scope)
    alone = word == "count" or not call.arguments
    product = f"for a product write `{word}*({', '.join(map(typer.slice, call.arguments))})`"
    label = "the number of examples of a group" if word == "count" else "a name of this line"
    helps = (f"write `{word}`",) if alone else (product, f"or `{word}` alone")
    told = {"helps": helps, "fixes": replacing(call.span, word) if alone else ()}
    return typer.report("CS302", f"`{word}` is no function", call.span, label, **told)


def _symbol_call(
    typer: Typer, call: nodes.Call, function: nodes.Name, scope: Scope, imported: bool
) -> Kind:
    symbol = typer.symbols.table[function.id]
    item = symbol.item
    if imported or symbol.role == "function":
        signature = typer.signatures.get(function.id)
        if signature is not None and signature.imported:
            return table_call(typer, call, signature, scope)
        return _arguments_only(typer, call, scope)
    kinds = tuple(typer.kind(argument, scope) for argument in call.arguments)
    if isinstance(item, nodes.Model):
        if not call.arguments and not call.keywords and item.arguments is None:
            return _no_inputs(typer, call, function)
        if item.arguments and any(
            isinstance(argument, nodes.Compare) for argument in call.arguments
        ):
            return at_a_point(typer, function, item.arguments, call.arguments)
        if item.arguments is not None:
            _arity(typer, call, function.id, item.arguments, scope)
        for keyword in call.keywords if item.arguments is None else ():
            _no_setting(typer, function, keyword)
        moving = not typer.symbols.frozen(function.id)
        what: What = "number" if item.arguments else "scores"
        inputs = joined(what, *kinds)
        return inputs._replace(moves=inputs.moves or moving, gradient=inputs.gradient or moving)
    if isinstance(item, nodes.Let) and item.parameters is not None:
        if not _arity(typer, call, function.id, item.parameters, scope):
            return UNKNOWN
        kind = typer.let_kind(item.name, kinds, scope) if kinds else UNKNOWN
        # What is `a @ b` between vectors of unknown sizes is a number between these.
        single = kind.what == "tensor" and declared_shape(typer, call) == ()
        return kind._replace(what="number") if single else kind
    lacks = names(item.value) if isinstance(item, nodes.Let) else ()
    if isinstance(item, nodes.Let) and head_word(item.value) == "frozen":
        return UNKNOWN  # that it is a model is said where it is defined
    if any(typer.name_unknown(nodes.Name(id=word), OUTSIDE) for word in lacks):
        return UNKNOWN  # what the `let` lacks, which it may be called with, is said there
    said = f"`{function.id}` is no function"
    label = f"defined as {'a number' if symbol.role != 'data' else 'data'}"
    helps = (f"write `{function.id}` alone, without the parentheses",)
    told = {"helps": helps, "fixes": replacing(call.span, function.id)}
    entry = called_entry(typer, call, function)
    return entry or typer.report("CS302", said, function.span, label, **told)


def _no_setting(typer: Typer, function: nodes.Name, keyword: nodes.Keyword) -> None:
    """`f(x, sex=1)`."""
    said = f"`{function.id}` takes inputs, and no setting `{keyword.name}`"
    other = "for inputs that are changed bring them along as a column of their own"
    other += f": `data train(x, y, changed)`, `{function.id}(changed)`"
    helps = (f"write `{function.id}(x)`", other)
    typer.report("CS301", said, keyword.span, "a model is called with what it sees", helps=helps)


def _no_inputs(typer: Typer, call: nodes.Call, function: nodes.Name) -> Kind:
    """`f()`."""
    said = f"`{function.id}()` has no inputs"
    label = "a model is called with what it sees"
    help_ = f"write `{function.id}(x)`"
    fixes = edit(call.span, f"{function.id}(x)", "the inputs")
    return typer.report("CS301", said, call.span, label, helps=(help_,), fixes=fixes)


def _arity(
    typer: Typer, call: nodes.Call, name: str, parameters: tuple[str, ...], scope: Scope
) -> bool:
    given, expected = len(call.arguments), len(parameters)
    if given == expected and not call.keywords:
        return True
    form = f"{name}({', '.join(parameters)})"
    meant = f"{name}({', '.join(_by_place(typer, call, parameters, scope))})"
    named = [k.name for k in call.keywords if k.name in parameters]
    message = f"`{name}` takes {counted(expected, 'argument')}, not {given + len(call.keywords)}"
    if named:
        message = f"`{name}` is called by place: `{named[0]}` is no setting"
    help_ = f"write `{meant}`"
    fixes = replacing(call.span, meant) if meant != form else ()
    typer.report("CS301", message, call.span, f"defined as `{form}`", helps=(help_,), fixes=fixes)
    return False


def _by_place(
    typer: Typer, call: nodes.Call, parameters: tuple[str, ...], scope: Scope
) -> tuple[str, ...]:
    """The arguments of a call by place: those that are given, at the others the parameters.

    `u(0)` of `u(t, x)` where a quantifier binds `x` is `u(0, x)`; `u(t=0, x)` is, too.
    """
    named = {k.name: typer.slice(k.value) for k in call.keywords if k.name in parameters}
    given = [typer.slice(argument) for argument in call.arguments]
    free = [p for p in parameters if p not in named]
    if len(given) > len(parameters) and not call.keywords:
        return tuple(given[: len(parameters)])
    listed = any(isinstance(argument, nodes.Vector) for argument in call.arguments)
    if listed or len(given) > len(free) or len(named) < len(call.keywords):
        return parameters
    if parameters and len(given) < len(free) and set(given) <= set(free) & {*scope.local}:
        starts = _starts(typer)
        return tuple(
            p if p in {*given, *scope.local} else starts.get(p) or _compared(typer, call, p)
            for p in parameters
        )
    own = [p for p in free if p in scope.local and p not in given]
    left = [p for p in free if p not in own[: len(free) - len(given)]]
    filled = {**named, **dict(zip(left, given, strict=False))}
    known = {*filled, *scope.local, *typer.symbols.column_names}
    return tuple(filled.get(p, p) for p in parameters) if known >= set(parameters) else parameters


def _starts(typer: Typer) -> dict[str, str]:
    """Where each axis of the domains begins, as written."""
    starts: dict[str, str] = {}
    for domain in typer.symbols.domains().values():
        ends = re.findall(r"\[([^\[\]]*)\]", typer.slice(domain.source))
        if len(ends) == len(domain.axes):
            named = zip(domain.axes, ends, strict=True)
            starts |= {axis.name: split_arguments(end)[0] for axis, end in named}
    return starts


def _compared(typer: Typer, call: nodes.Call, parameter: str) -> str:
    """What may stand for a parameter: a class, where the prediction or the target is compared."""
    let = typer.symbols.lets().get(function_name(call) or "")
    text = typer.slice(let.value) if let else ""
    class_ = re.search(rf"\b(?:pred|y)[ \t]*[=!]=[ \t]*{re.escape(parameter)}\b", text)
    return "1" if class_ else parameter


def _part(typer: Typer, call: nodes.Call, function: nodes.Attribute, scope: Scope) -> Kind:
    foreign = module_call(typer, call, function, scope)
    foreign = foreign or module_part(typer, function, function, scope)
    if foreign is not None:
        _arguments_only(typer, call, scope)
        return foreign
    kind = typer.kind(function.value, scope)
    rate = isinstance(function.value, nodes.Expectation)
    if (rate or kind.what in _VALUES) and function.name in (*METHODS, *_CHOOSE, *_GROUP):
        return _method(typer, call, function)
    if kind.what == "weights" and function.name in _OF_WEIGHTS:
        return _of_weights(typer, call, function)
    binary = binary_method(typer, call, function) if kind.what in _VALUES else None
    if binary is not None:
        return binary
    if kind.what == "unknown" and not rate:
        return _arguments_only(typer, call, scope)
    if kind.what == "column":
        return _no_method(typer, function)
    if kind.what == "model" and function.name in DERIVATIVES and call.arguments:
        return _derived(typer, call, function)
    if kind.what == "model" and function.name in OF_MODELS:
        return _of_model(typer, call, function)
    if kind.what == "model" and function.name in ("weights", "params"):
        for argument in call.arguments:
            if typer.kind(argument, scope).what not in ("string", "unknown"):
                said = f"{typer.text(argument)} is no name pattern"
                label = "a pattern in quotes goes here"
                help_ = f'write `{typer.slice(function)}("conv*")`'
                typer.report("CS302", said, argument.span, label, helps=(help_,))
        return Kind("weights", False, kind.moves, kind.gradient)
    if kind.what in ("scores", "number") and function.name in DERIVATIVES:
        return _derived(typer, call, function)
    if kind.what in ("domain", "set") and function.name in ("sample", "grid"):
        return _points(typer, call, function)
    return typer.kind(function, scope)


def _derived(typer: Typer, call: nodes.Call, function: nodes.Attribute) -> Kind:
    """`u.diff(t)`."""
    parts = [function.value, *call.arguments]
    meant = f"{function.name}({', '.join(map(typer.slice, parts))})"
    said = f"{typer.text(function.value)} has no part `{function.name}`: it is a function"
    return typer.report("CS210", said, function.name_span, "no part", **writing(call.span, meant))


def _of_model(typer: Typer, call: nodes.Call, function: nodes.Attribute) -> Kind:
    """`f.predict(x)`, `f.num_parameters()`: methods of models in Python."""
    given = typer.slice(call.arguments[0]) if call.arguments else "x"
    meant = OF_MODELS[function.name].format(f=typer.slice(function.value), x=given)
    return method_of_python(typer, function, **writing(call.span, meant))


_OF_WEIGHTS = {
    "norm": "l2({})", "abs": "l1({})", "sum": "sum(sum(W) for W in {})", "max": "linf({})",
    "square": "sumsq({})", "pow": "sumsq({})", "l1": "l1({})", "l2": "l2({})",
}  # fmt: skip
"""Methods of tensors, and what a spec writes for all weights of a model."""


def _of_weights(typer: Typer, call: nodes.Call, function: nodes.Attribute) -> Kind:
    """`f.weights.norm(2)`."""
    text = typer.slice(function.value)
    order = typer.slice(call.arguments[0]) if call.arguments else ""
    form = _OF_WEIGHTS[function.name].format(text)
    if function.name == "norm" and order == "1":
        form = f"l1({text})"
    return method_of_python(typer, function, **writing(call.span, form))


_VALUES = frozenset({"number", "event", "tensor", "scores", "column", "labels", "groups"})


_CHOOSE = {
    "isin": "", "eq": "{} == {}", "equals": "{} == {}", "ne": "{} != {}", "gt": "{} > {}",
    "ge": "{} >= {}", "lt": "{} < {}", "le": "{} <= {}", "between": "{0} >= {1} and {0} <= {2}",
}  # fmt: skip
"""Methods of columns in pandas that choose rows."""
_GROUP = frozenset({"groupby", "group_by", "by", "over"})


def _no_method(typer: Typer, function: nodes.Attribute) -> Kind:
    """`sex.str()`: a column has features, and no methods."""
    column, label = typer.slice(function.value), "a method of Python"
    said = f"{typer.text(function.value)} has no method `{function.name}`"
    help_ = f"compare the column: `{column} == 1`; a mean of it is `E[{column}]`"
    return typer.report("CS210", said, function.name_span, label, helps=(help_,))


def _method(typer: Typer, call: nodes.Call, function: nodes.Attribute) -> Kind:
    """`ce(f(x), y).mean()`: a method of tensors in Python."""
    text, word = typer.slice(function.value), function.name
    given = typer.source.text[function.span.end + 1 : call.span.end - 1].strip()
    whole = text.startswith("(") and text.endswith(")")
    if word in _CHOOSE:
        form = _CHOOSE[word].format(text, *given.strip("[](){} ").split(", ", 1), "")
        form = f"{text} in {{{given.strip('[](){} ')}}}" if word == "isin" else form
    elif word in _GROUP and isinstance(function.value, nodes.Expectation):
        form = f"{text[:-1]}{',' if function.value.conditions else ' |'} {given}]".replace('"', "")
    elif word in _GROUP:
        return _no_method(typer, function)
    else:
        whole = whole and "({})" in METHODS[word] and ")" not in text[1:-1]
        form = METHODS[word].format(text[1:-1] if whole else text)
        given = "" if not call.keywords and word in ("max", "min", "mean", "sum") else given
    fixes = () if given and word in METHODS else replacing(call.span, form)
    return method_of_python(typer, function, helps=(f"write `{form}`",), fixes=fixes)


def _points(typer: Typer, call: nodes.Call, function: nodes.Attribute) -> Kind:
    if len(call.arguments) != 1:
        said = f"`{function.name}` takes the number of points"
        label = f"{counted(len(call.arguments), 'argument')} given"
        help_ = f"write `{typer.slice(function)}(100)`"
        return typer.report("CS301", said, call.span, label, helps=(help_,))
    count = typer.value(call.arguments[0])
    if count is not None and (count < 1 or not is_whole(count)):
        given, label = call.arguments[0], "a whole number of at least 1 goes here"
        said = f"{typer.text(given)} is no number of points"
        meant = number(max(1, ceil(abs(count)))) if isfinite(count) else "100"
        typer.report("CS304", said, given.span, label, **writing(given.span, meant))
    for keyword in call.keywords:
        if function.name == "sample" and keyword.name == "redraw":
            continue
        unknown_keyword(typer, keyword, function.name, ("redraw",))
    return Kind("set")
