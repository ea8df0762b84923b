"""Kinds of calls of the functions of the table (`dsl/words/functions.py`), and of their arguments:
their kinds, their ranges, and their order.
"""

import re

from cspec.dsl.kinds.by_group import group, separated
from cspec.dsl.kinds.derivatives import feature_meant, unknown_feature
from cspec.dsl.kinds.foreign import constant_first, index_first
from cspec.dsl.kinds.forms import form, missing_arguments, too_many, unknown_keyword
from cspec.dsl.kinds.operands import check_finite
from cspec.dsl.kinds.parts import of_each
from cspec.dsl.kinds.typer import Scope, Typer
from cspec.dsl.kinds.unknown_names import unknown_column, unknown_model
from cspec.dsl.messages.diagnostic import Fix, edit, replacing, writing
from cspec.dsl.messages.synonyms import OVER_EXAMPLES
from cspec.dsl.messages.wording import number
from cspec.dsl.settings.read import read_settings
from cspec.dsl.settings.solvers import SOLVERS
from cspec.dsl.tree.constants import is_whole
from cspec.dsl.tree.nodes import EVENTS, Call, Compare, Expectation, Expr, Name, Number, String
from cspec.dsl.tree.rebuild import function_name, head_word, names
from cspec.dsl.words.functions import BOTH, SIGNATURES, Parameter, Signature
from cspec.dsl.words.kind import CONSTANT, UNKNOWN, WORDS, Kind, joined
from cspec.dsl.words.losses import LOSSES, OF_CLASSES
from cspec.dsl.words.sets import DISCRETE


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
    if signature.name == "frozen" and kinds and kinds[0].what == "model":
        return _copy(typer, call)
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


def _copy(typer: Typer, call: Call) -> Kind:
    """`abs(f(x) - frozen(f))`, `let ref = frozen(f)`: a copy is a model with a line of its own."""
    copy = typer.slice(call)
    said = f"`{copy}` is a model: it has a line of its own"
    help_ = f"write `model start = {copy}`, and `start(x)` for its outputs"
    return typer.report("CS302", said, call.span, "no number", helps=(help_,))


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


def argument_kind(
    typer: Typer, call: Call, signature: Signature, parameter: Parameter, value: Expr, scope: Scope
) -> Kind | None:
    """The kind of one argument, checked against its parameter; None for a solver."""
    if signature.name in DISCRETE and isinstance(value, Name) and value.id in scope.local:
        return None  # `rank(W) <= 8` is said as a whole
    if "function" in parameter.kinds:
        _, found = read_settings(value, SOLVERS, typer.values, "solver", typer.source)
        typer.extend(found)
        return None
    number = "number" in parameter.kinds
    if isinstance(value, Name) and typer.name_unknown(value, scope) and not number:
        if "column" in parameter.kinds:
            return unknown_column(typer, value, scope)
        if "model" in parameter.kinds:
            return unknown_model(typer, value)
    if signature.family == "derivative" and (told := _feature(typer, call, value, scope)):
        return told
    kind = typer.kind(value, scope)
    counts = scope.inside or kind.per_example or bool(scope.data)
    if kind.what == "event" and number and counts:
        return kind
    if kind.what not in parameter.kinds and kind.what != "unknown":
        if _of_intervals(signature, kind) and value is not call.arguments[0]:
            return UNKNOWN  # said of the first
        wanted = _wanted(signature, parameter)
        said = f"`{signature.name}` takes {wanted}, and {typer.text(value)} is {WORDS[kind.what]}"
        label = f"{wanted} {'go' if wanted == 'weights' else 'goes'} here"
        written = f"`{signature.name}` is written `{form(signature)}`"
        helps = _instead(typer, call, signature, value, kind) or (written,)
        fixes = _outputs(typer, value, signature, kind)
        typer.report("CS302", said, value.span, label, helps=helps, fixes=fixes)
        return UNKNOWN
    if signature.family == "weights" and function_name(value) == "params":
        return _of_a_count(typer, signature, value)
    known = typer.value(value)
    top = parameter.below and known == parameter.high
    if known is not None and (top or not parameter.low <= known <= parameter.high):
        _out_of_range(typer, signature, parameter, value, known)
    elif known is not None and parameter.choices and known not in parameter.choices:
        _no_choice(typer, call, signature, parameter, value)
    elif known is not None and parameter.whole and not is_whole(known):
        _not_whole(typer, signature, parameter, value)
    return kind


def _feature(typer: Typer, call: Call, value: Expr, scope: Scope) -> Kind | None:
    """`grad(f(x), age)`: a feature that nothing names by itself is one of the input."""
    for variable in call.arguments[1:2]:
        if not isinstance(variable, Name) or not typer.name_unknown(variable, scope):
            return None
        meant = feature_meant(typer, call, variable.id)
        if meant is not None and value is variable:
            return unknown_feature(typer, call, variable, meant)
        if meant is not None and typer.slice(value) in typer.symbols.models():
            return UNKNOWN  # said of the feature
    return None


def _of_a_count(typer: Typer, signature: Signature, value: Expr) -> Kind:
    """Report `l2(params(f))`: how many weights there are, not the weights."""
    model = typer.slice(value.arguments[0]) if isinstance(value, Call) and value.arguments else "f"
    said = f"`{signature.name}` takes weights, and {typer.text(value)} is how many they are"
    label = "weights go here"
    return typer.report("CS302", said, value.span, label, **writing(value.span, f"{model}.params"))


def _outputs(typer: Typer, value: Expr, signature: Signature, kind: Kind) -> tuple[Fix, ...]:
    """`bce(f, y)`: a model where its outputs belong; `gap(f(x))`: no number a group."""
    models = tuple(typer.symbols.models())
    if signature.family == "model" and len(models) == 1 and isinstance(value, Name):
        return replacing(value.span, models[0])
    if signature.family == "groups" and separated(value, typer.slice) is None:
        meant = by_group(typer, value)  # else no column of the spec makes groups
        return replacing(value.span, None if "| column" in meant else meant)
    if kind.what != "model" or signature.family not in ("loss", "classifier"):
        return ()
    return replacing(value.span, f"{typer.slice(value)}(x)")


def _wanted(signature: Signature, parameter: Parameter) -> str:
    """What an argument should be, in words."""
    if signature.family in ("weights", "matrices") and parameter.name in ("w", "v", "A"):
        return "weights" if "weights" in parameter.kinds else "one weight"
    if signature.family in ("loss", "classifier") and parameter.name in ("outputs", "z"):
        return WORDS["scores"]
    if "event" in parameter.kinds and "number" not in parameter.kinds:
        return WORDS["event"]
    for what in ("model", "weights", "groups", "dataset", "scores", "tensor", "column"):
        if what in parameter.kinds and "number" not in parameter.kinds:
            return WORDS[what]
    return "a number"


def _instead(
    typer: Typer, call: Call, signature: Signature, value: Expr, kind: Kind
) -> tuple[str, ...]:
    text = typer.slice(value)
    models = tuple(typer.symbols.models())
    if isinstance(value, String) and value.value in typer.symbols.column_names:
        return (f"write `{typer.exchanged(call, value, value.value)}`",)
    derived = signature.family == "derivative"
    if derived and isinstance(value, String) and value.value.isidentifier():
        feature = feature_meant(typer, call, value.value)
        return (f"write `{feature or typer.exchanged(call, value, value.value)}`",)
    if signature.family == "model" and models:
        return (f"write `{signature.name}({models[0]})`",)
    if signature.family in ("loss", "classifier") and kind.what == "model":
        return (f"write `{text}(x)` for its outputs",)
    if signature.name == "kl" and kind.what == "model":
        parts = [typer.slice(a) for a in call.arguments]
        both = ", ".join(f"{p}(x)" if p in models else p for p in parts)
        return (f"of their outputs: `E[kl({both})]`",)
    if signature.name == "pairs" and kind.what == "column":
        names = _bound_by(typer, call)
        both = " and ".join(f"`{name} in values({text})`" for name in names)
        write = f"{names[0]} in values({text}), {names[1]} in values({text})"
        return (f"pairs of groups are {both}: write `{write} where {names[0]} != {names[1]}`",)
    if _of_intervals(signature, kind):
        ends = ", ".join(map(typer.slice, call.arguments))
        return (f"an interval for every entry is written `[{ends}]`",)
    if signature.name == "abs" and kind.what == "model":
        return (f"its number of parameters is `params({text})`",)
    if signature.family in ("weights", "matrices") and kind.what == "weights":
        return (
            f"the largest of all: `max({signature.name}(W) for W in {text})`",
            f"each by itself: `forall W in {text}: {signature.name}(W) ...`",
        )
    if signature.name in BOTH and kind.what == "model":
        return (of_each(typer, value.span, None, f"{text}.weights")[0],)
    if signature.family in ("weights", "reduction") and kind.what == "model":
        each = typer.exchanged(call, value, "W")
        return (
            f"over all weights: `{typer.exchanged(call, value, f'{text}.weights')}`",
            f"each by itself: `forall W in {text}.weights: {each} ...`",
        )
    if signature.family == "groups":
        if (meant := separated(value, typer.slice)) is not None:
            return (f"columns and conditions are separated by commas: `{meant}`",)
        return (f"write `{typer.exchanged(call, value, by_group(typer, value))}`",)
    if kind.what == "event":
        return (f"write `P[{text}]`",)
    if kind.what == "string" and re.fullmatch(r"-?inf|[-+\d.e%]+", text.strip('"')):
        bare = text.strip('"')
        return (f"write `{bare}`, without quotes",)
    return ()


def _of_intervals(signature: Signature, kind: Kind) -> bool:
    """Whether a number stands where a product of sets has an interval."""
    return signature.variadic and signature.result == "set" and kind.what == "number"


def _bound_by(typer: Typer, call: Call) -> tuple[str, str]:
    """The two names before `in` of a set."""
    before = typer.source.text[: call.span.start][-_BEFORE:]
    found = re.search(r"(\w+)[ \t]*,[ \t]*(\w+)[ \t]*\)?[ \t]*in[ \t]*\Z", before)
    return (found[1], found[2]) if found else ("a", "b")


_BEFORE = 80


def by_group(typer: Typer, value: Expr) -> str:
    """A rate for each group of a column: `P[pred == 1 | sex]`."""
    text = typer.slice(value)
    if not isinstance(value, Expectation):
        return f"P[pred == 1 | {group(typer)}]"
    if not value.conditions:
        return f"{text[:-1].rstrip()} | {group(typer)}]"
    first = value.conditions[0]
    column = first.operands[0] if isinstance(first, Compare) else None
    if isinstance(column, Name) and column.id in typer.symbols.column_names:
        return typer.exchanged(value, first, column.id)
    if not isinstance(first, EVENTS) or group(typer) in names(first):
        return f"P[pred == 1 | {group(typer)}]"
    return f"{text[:-1].rstrip()}, {group(typer)}]"


def _out_of_range(
    typer: Typer, signature: Signature, parameter: Parameter, value: Expr, known: float
) -> None:
    low, high = parameter.low, parameter.high
    span, of = f"between {number(low)} and {number(high)}", ""
    if parameter.below and known == high:
        span, of = f"below {number(high)}", ""
    elif high == float("inf"):
        span, of = f"at least {number(low)}", "of "
    helps: tuple[str, ...] = (f"choose a number {of}{span}",)
    if signature.name == "norm" and known < 1:
        helps = (*helps, "for the share of entries that are not zero: `density(model)`")
    fixes: tuple[Fix, ...] = ()
    text = typer.slice(value)
    if low == 0 and known < 0 and -known <= high and text.startswith("-"):
        meant = text[1:].strip()
        helps, fixes = (f"did you mean `{meant}`?", *helps), replacing(value.span, meant)
    if high == 1 and 1 < known <= 100 and "%" not in typer.text(value):
        helps = (f"did you mean `{number(known)}%`?",)
        if signature.name in SIGNATURES and parameter.name == "p":
            share = "it is a share: 4 of 16 is `25%`"
            helps = (f"{share}; for {number(known)} of a hundred write `{number(known)}%`",)
        fixes = edit(value.span, f"{number(known)}%", "write percent")
    said = f"`{parameter.name}` of `{signature.name}` is {span}, not {number(known)}"
    typer.report("CS304", said, value.span, "out of range", helps=helps, fixes=fixes)


def _no_choice(
    typer: Typer, call: Call, signature: Signature, parameter: Parameter, value: Expr
) -> None:
    words = [number(choice) for choice in parameter.choices]
    shown = f"{', '.join(words[:-1])} or {words[-1]}"
    said = f"`{parameter.name}` of `{signature.name}` is {shown}, not {typer.text(value)}"
    help_ = f"write `{typer.exchanged(call, value, words[1])}`"
    typer.report("CS304", said, value.span, "one of a few", helps=(help_,))


def _not_whole(typer: Typer, signature: Signature, parameter: Parameter, value: Expr) -> None:
    said = f"`{parameter.name}` of `{signature.name}` is a whole number, not {typer.text(value)}"
    help_ = f"write a whole number, for example `{form(signature)}`"
    typer.report("CS304", said, value.span, "a count", helps=(help_,))


def check_order(typer: Typer, call: Call, signature: Signature) -> None:
    """Two arguments that are in their ranges, but not in order: `nm(4, 2)`, `uniform(1, 0)`."""
    if signature.name not in ("nm", "uniform") or len(call.arguments) != 2:
        return
    first, second = (typer.value(argument) for argument in call.arguments)
    if first is None or second is None or first < second:
        return
    if first == second and signature.name == "nm":
        return
    low, high = (typer.slice(argument) for argument in call.arguments)
    swapped = f"{signature.name}({high}, {low})"
    empty = signature.name == "uniform"
    code, said, label = "CS304", f"{low} of each {high} can't be kept", "at most n of each m stay"
    if empty:
        code, said, label = "CS303", f"{low} is not below {high}", "an empty interval"
    fixes = replacing(call.span, swapped) if first != second else ()
    said = f"{typer.text(call)}: {said}"
    typer.report(code, said, call.span, label, helps=(f"did you mean `{swapped}`?",), fixes=fixes)


def check_clock(typer: Typer, call: Call, signature: Signature) -> None:
    """A ramp goes over epochs or over steps; over the whole run where it says neither."""
    named = {keyword.name: keyword for keyword in call.keywords}
    if signature.name != "ramp" or not {"epochs", "steps"} <= set(named):
        return
    said = "`ramp` says both `epochs` and `steps`"
    help_ = "keep one of the two"
    typer.report("CS531", said, named["steps"].span, "how long, then?", helps=(help_,))
