"""Calls as other languages write them: `sqr(x)`, `x(0)`, `w.dot(w)`, `cvar(0.9, e)`."""

import re

from cspec.dsl.kinds.by_group import rate
from cspec.dsl.kinds.typer import Scope, Typer
from cspec.dsl.kinds.unknown_names import MODULES, root_of
from cspec.dsl.messages.diagnostic import replacing, writing
from cspec.dsl.messages.synonyms import meant
from cspec.dsl.messages.wording import bracketed
from cspec.dsl.tree.nodes import Attribute, Call, Membership, Name, Number, Var
from cspec.dsl.words.functions import Signature
from cspec.dsl.words.kind import Kind
from cspec.dsl.words.losses import LOSSES

CALLS: dict[str, str] = {
    **dict.fromkeys(("sqr", "square", "sq"), "{}^2"),
    "cube": "{}^3",
    **dict.fromkeys(("sum_squares", "sumsqr", "sum_of_squares", "sumsquares"), "sumsq({0})"),
    **dict.fromkeys(("avg", "average", "expectation", "Expectation", "expected"), "E[{0}]"),
    **dict.fromkeys(("Pr", "Prob", "probability", "fraction"), "P[{0}]"),
    **dict.fromkeys(("norm2", "l2norm", "vecnorm"), "norm({0}, 2)"),
    **dict.fromkeys(("norm1", "l1norm"), "norm({0}, 1)"),
    **dict.fromkeys(("norm_inf", "normInf", "norminf"), "norm({0}, inf)"),
    **dict.fromkeys(("pos", "positive_part"), "relu({0})"),
    "neg": "relu(-{})",
    **dict.fromkeys(("prod", "product"), "exp(sum(log({0})))"),
    "log10": "log({0})/log(10)",
    "log2": "log({0})/log(2)",
    **dict.fromkeys(("logsumexp", "log_sum_exp"), "log(sum(exp({0})))"),
    **dict.fromkeys(("transpose", "t"), "{}.T"),
}
"""Functions of one argument elsewhere, and the whole call here; `{}` is put in brackets."""
_BINARY: dict[str, str] = {
    "dot": "dot({0}, {1})",
    **dict.fromkeys(("matmul", "mm", "mv"), "{} @ {}"),
    "pow": "{}^{}",
    "mul": "{} * {}",
    "add": "{} + {}",
    "sub": "{} - {}",
    "div": "{} / {}",
}
"""Methods of one argument in Python."""
_OF_TWO: dict[str, str] = {
    **dict.fromkeys(("cov", "covariance"), "(E[{0}*{1}] - E[{0}]*E[{1}])"),
    **dict.fromkeys(
        ("corr", "correlation", "cor", "corrcoef", "pearson", "pearsonr"),
        "(E[{0}*{1}] - E[{0}]*E[{1}])/sqrt(E[({0} - E[{0}])^2]*E[({1} - E[{1}])^2])",
    ),
    **dict.fromkeys(("mean_squared_error", "brier_score_loss"), "mse({1}, {0})"),
    "mean_absolute_error": "mae({1}, {0})",
    "log_loss": "ce({1}, {0})",
}
"""Functions of two arguments elsewhere, and the whole expression here."""
_BEHIND_IN = re.compile(r"\bin%?[ \t]*\Z")
_LATER = {"norm": "p", "cvar": "level", "quantile": "q", "topk": "k"}
"""Functions whose constant stands second."""


def foreign_call(typer: Typer, call: Call, function: Name) -> Kind | None:
    """Report a function of another library that is a form of its own here."""
    if function.id == "c" and call.arguments and not call.keywords:
        inner = typer.source.text[function.span.end + 1 : call.span.end - 1]
        one_of = _BEHIND_IN.search(typer.source.text, 0, function.span.start)
        return _called(typer, call, function, f"{{{inner}}}" if one_of else f"[{inner}]")
    if (named := rate(typer, call, function.id)) is not None:
        return _called(typer, call, function, named)
    two = _OF_TWO.get(function.id.lower())
    if two is not None and len(call.arguments) == 2 and not call.keywords:
        if "{1}, {0}" in two and not isinstance(call.arguments[0], Name):
            two = two.replace("{1}, {0}", "{0}, {1}")
        parts = [bracketed(typer.source, argument) for argument in call.arguments]
        return _called(typer, call, function, two.format(*parts))
    loss = _loss(typer, call, function.id) if call.keywords else None
    if loss is not None:
        return _called(typer, call, function, loss)
    meant = _filled(typer, call, CALLS.get(function.id))
    return None if meant is None else _called(typer, call, function, meant)


def module_call(typer: Typer, call: Call, function: Attribute, scope: Scope) -> Kind | None:
    """Report `cp.sum_squares(w)`, `np.square(x)`, `np.linalg.norm(w)`."""
    root = root_of(function)
    known = isinstance(root, Name) and root.id in MODULES and typer.name_unknown(root, scope)
    loss = _loss(typer, call, function.name)
    if known and loss is not None and isinstance(root, Name):
        text = typer.slice(function)
        headline = f"`{text}`: `{root.id}` is not defined in this spec"
        return _called(typer, call, function, loss, headline)
    meant = _filled(typer, call, {**CALLS, "norm": "norm({0}, 2)"}.get(function.name))
    return _called(typer, call, function, meant) if known and meant is not None else None


def _filled(typer: Typer, call: Call, form: str | None) -> str | None:
    """A form of the only argument of a call, in brackets where it needs them."""
    if form is None or len(call.arguments) != 1 or call.keywords:
        return None
    (argument,) = call.arguments
    plain = "{0}" in form
    return form.format(typer.slice(argument) if plain else bracketed(typer.source, argument))


def _loss(typer: Typer, call: Call, word: str) -> str | None:
    """`F.cross_entropy(f(x), y, reduction="mean")`: the loss with its two arguments alone."""
    known = meant(word)
    if known is None or known.word not in LOSSES or len(call.arguments) != 2:
        return None
    parts = [typer.slice(argument) for argument in call.arguments]
    if isinstance(call.arguments[0], Name) and not isinstance(call.arguments[1], Name):
        parts.reverse()
    return f"{known.word}({', '.join(parts)})"


def _called(
    typer: Typer, call: Call, function: Name | Attribute, meant: str, headline: str = ""
) -> Kind:
    named = typer.slice(function)
    said = headline or f"unknown name `{named}`"
    label = "not defined in this spec"
    return typer.report("CS201", said, function.span, label, **writing(call.span, meant))


def called_entry(typer: Typer, call: Call, function: Name) -> Kind | None:
    """Report `x(0)` where `x` is a variable with entries: an index in round brackets."""
    item = typer.symbols.table[function.id].item
    if not isinstance(item, Var) or not call.arguments or call.keywords:
        return None
    dimensions = len(item.dimensions or ())
    if not dimensions and len(call.arguments) == 1:
        return _product(typer, call, function)
    if dimensions != len(call.arguments):
        return None
    inner = ", ".join(typer.slice(argument) for argument in call.arguments)
    meant = f"{function.id}[{inner}]"
    said = f"`{function.id}` is no function: its entries stand in square brackets"
    helps = (f"write `{meant}`", *_from_one(function.id, call))
    told = {"notes": ("indices begin at 0",), "helps": helps, "fixes": replacing(call.span, meant)}
    return typer.report("CS302", said, function.span, "a `var` with entries", **told)


def _from_one(name: str, call: Call) -> tuple[str, ...]:
    """The entry that is meant where indices begin at 1."""
    places = [a.value for a in call.arguments if isinstance(a, Number)]
    if len(places) != len(call.arguments) or min(places) < 1:
        return ()
    inner = ", ".join(f"{place - 1:g}" for place in places)
    return (f"where indices begin at 1 that is `{name}[{inner}]`",)


def _product(typer: Typer, call: Call, function: Name) -> Kind:
    """`x(x - 1)`, where `x` is a number."""
    place = function.span.end
    meant = f"{function.id}*{typer.source.text[place : call.span.end]}"
    said = f"`{function.id}` is no function"
    label = "a `var`, one number"
    help_ = f"for a product write `{meant}`"
    fixes = replacing(call.span, meant)
    return typer.report("CS302", said, function.span, label, helps=(help_,), fixes=fixes)


def binary_method(typer: Typer, call: Call, function: Attribute) -> Kind | None:
    """Report `w.dot(v)`, `A.matmul(x)`."""
    template = _BINARY.get(function.name)
    if template is None or len(call.arguments) != 1 or call.keywords:
        return None
    parts = (function.value, call.arguments[0])
    plain = "{0}" in template
    texts = [typer.slice(p) if plain else bracketed(typer.source, p) for p in parts]
    meant = template.format(*texts)
    return method_of_python(typer, function, **writing(call.span, meant))


def method_of_python(typer: Typer, function: Attribute, **extra: object) -> Kind:
    """Report `E[e].mean()`, `f.parameters()`."""
    message = f"{typer.text(function.value)} has no part `{function.name}`"
    return typer.report("CS210", message, function.name_span, "a method of Python", **extra)


def constant_first(typer: Typer, call: Call, signature: Signature) -> Kind | None:
    """Report `cvar(0.9, e)`, `norm(2, w)`: the constant stands behind what it is about."""
    name = _LATER.get(signature.name)
    named = any(keyword.name != "on" for keyword in call.keywords)
    if name is None or len(call.arguments) != 2 or named:
        return None
    first, second = call.arguments
    if typer.value(first) is None or typer.value(second) is not None:
        return None
    if isinstance(second, Name) and second.id in typer.symbols.params():
        return None
    level, value = typer.slice(first), typer.slice(second)
    meant = f"{signature.name}({value}, {level})"
    said = f"the arguments of `{signature.name}` stand the other way round"
    label = f"`{level}` is the {name}, and stands second"
    return typer.report("CS302", said, call.span, label, **writing(call.span, meant))


def index_first(typer: Typer, call: Call, signature: Signature, scope: Scope) -> Kind | None:
    """Report `sum(i, x[i])` of GAMS: the index stands behind the term, with its set."""
    if signature.name not in ("sum", "max", "min", "prod") or len(call.arguments) != 2:
        return None
    index, term = call.arguments
    if isinstance(term, Membership) and not call.keywords:
        return _binder_second(typer, call, signature, term, scope)
    if not isinstance(index, Name) or not typer.name_unknown(index, scope) or call.keywords:
        return None
    text = typer.slice(term)
    said = f"the index of a `{signature.name}` stands behind its term, with what it runs over"
    help_ = f"write `{signature.name}({text} for {index.id} in range(n))`"
    return typer.report("CS301", said, call.span, f"over which `{index.id}`?", helps=(help_,))


def _binder_second(
    typer: Typer, call: Call, signature: Signature, binder: Membership, scope: Scope
) -> Kind | None:
    """`sum(x[i], i in range(3))`: a comma in place of `for`."""
    if not isinstance(binder.element, Name) or not typer.name_unknown(binder.element, scope):
        return None
    term, over = typer.slice(call.arguments[0]), typer.slice(binder)
    meant = f"{signature.name}({term} for {over})"
    said = f"what a `{signature.name}` runs over stands behind `for`"
    label = "a comma stands here"
    return typer.report("CS301", said, call.span, label, **writing(call.span, meant))
