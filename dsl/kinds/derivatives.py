"""Derivatives: by what stands in what is derived, a column, a coordinate of a point, a feature."""

import re
from collections.abc import Mapping, Sequence

from cspec.dsl.kinds.typer import OUTSIDE, Typer
from cspec.dsl.messages.diagnostic import replacing, writing
from cspec.dsl.messages.wording import closest, listing
from cspec.dsl.text.source import Span
from cspec.dsl.tree.nodes import (
    Attribute,
    Binder,
    Call,
    Expr,
    Item,
    Name,
    Number,
    Power,
    String,
    walk,
)
from cspec.dsl.tree.rebuild import bound_names, column_of_variable, function_name, names
from cspec.dsl.words.functions import DERIVATIVES
from cspec.dsl.words.kind import UNKNOWN, Kind


def check_derivatives(typer: Typer, items: tuple[Item, ...]) -> None:
    """Report derivatives by what is no variable, and those that are 0 whatever is trained."""
    for item in items:
        nodes = list(walk(item))
        binders = tuple(node for node in nodes if isinstance(node, Binder))
        weights = bound_names(tuple(b for b in binders if _of_weights(b.domain)))
        bound = bound_names(binders)
        for node in nodes:
            word = function_name(node)
            known = word in DERIVATIVES and typer.symbols.role(word or "") is None
            if known and isinstance(node, Call):
                for variable in node.arguments[1:]:
                    if column_of_variable(variable) not in weights:
                        _variable(typer, node, variable, bound)


def _of_weights(domain: Expr) -> bool:
    """`f.weights`, `f.params("conv*")`: every output of the model depends on these."""
    part = domain.function if isinstance(domain, Call) else domain
    return isinstance(part, Attribute) and part.name in ("weights", "params")


def _by_a_name(typer: Typer, call: Call) -> str:
    """What is derived, by the first axis or column of the spec."""
    word, of = typer.slice(call.function), typer.slice(call.arguments[0])
    axes = [axis.name for item in typer.symbols.domains().values() for axis in item.axes]
    by = next((a for a in (*axes, *sorted(typer.symbols.column_names)) if a != of), "x")
    return f"a name goes there: `{word}({of}, {by})`"


def _variable(typer: Typer, call: Call, variable: Expr, bound: frozenset[str]) -> None:
    name = column_of_variable(variable)
    if isinstance(variable, String):
        return  # a text where a name belongs, which its kind says
    if name is None:
        first = call.arguments[1]
        by = typer.slice(first)
        head = typer.source.text[call.span.start : first.span.end]
        count = variable.value if isinstance(variable, Number) else 0
        if isinstance(variable, Power) and isinstance(variable.exponent, Number):
            first, by = variable.base, typer.slice(variable.base)
            head = f"{typer.source.text[call.span.start : variable.span.start]}{by}"
            count = variable.exponent.value
        known = count in (2, 3, 4) and column_of_variable(first) is not None
        again = f"{head}{f', {by}' * (int(count) - 1)})" if known else ""
        said = f"{typer.text(variable)} is nothing that a derivative is taken by"
        label = "a column, a coordinate or a feature goes here"
        help_ = f"write `{again}`" if known else _by_a_name(typer, call)
        fixes = replacing(call.span, again)
        typer.report("CS302", said, variable.span, label, helps=(help_,), fixes=fixes)
        return
    if typer.symbols.role(name) in ("model", "param", "let", "data", "domain"):
        return  # of another kind, which its kind says
    if name in names(call.arguments[0]):
        return
    if _no_axis(typer, call, name) or _of_a_column(typer, call, name):
        return
    unknown = isinstance(variable, Name) and typer.name_unknown(variable, OUTSIDE)
    if unknown and name not in bound and feature_meant(typer, call, name) is not None:
        return  # said where its kind is
    word, by = typer.slice(call.arguments[0]), typer.slice(variable)
    model = function_name(call.arguments[0])
    helps = [f"name it where it is derived: `diff(u(t, x), {by})`"]
    if model in typer.symbols.models():
        over = f"`forall (t, x) in wall.sample(50): diff({model}, {by}) == 0`"
        box = "`domain wall(t, x) = box([0, 1], [0, 0])`"
        helps.insert(0, f"on a wall go over its own points: {box} and {over}")
    said = f"`{word}` does not depend on `{by}`: its derivative is 0 whatever is trained"
    typer.report("CS302", said, call.span, f"`{by}` does not stand in it", helps=tuple(helps))


def feature_meant(typer: Typer, call: Call, word: str) -> str | None:
    """`grad(f(x), x.age)` for `grad(f(x), age)` and `grad(f, age)`: a feature of the input."""
    given, columns = call.arguments[0], typer.symbols.column_names
    models = {n for n, m in typer.symbols.models().items() if not m.arguments}
    text = typer.slice(given)
    called = any(function_name(node) in models for node in walk(given))
    bare = isinstance(given, Name) and given.id in models
    if "x" not in columns or word in ("x", "y") or not (bare or (called and "x" in names(given))):
        return None
    others = map(typer.slice, call.arguments[1:])
    by = [f"x.{word}" if other in (word, f'"{word}"') else other for other in others]
    head = typer.slice(call.function)
    return f"{head}({', '.join([f'{text}(x)' if bare else text, *by])})"


def unknown_feature(typer: Typer, call: Call, variable: Name, meant: str) -> Kind:
    """Report `grad(f(x), age)` where nothing is called `age`."""
    said = f"unknown name `{variable.id}`: a feature of the input is `x.{variable.id}`"
    label = "not defined in this spec"
    return typer.report("CS201", said, variable.span, label, **writing(call.span, meant))


def _of_a_column(typer: Typer, call: Call, name: str) -> bool:
    """Report `grad(f(x), age)` of a column beside the input `x`."""
    meant = feature_meant(typer, call, name) if name in typer.symbols.column_names else None
    if meant is None:
        return False
    said = f"{typer.text(call.arguments[0])} does not depend on the column `{name}`"
    said += f": a feature of its input is `x.{name}`"
    label = f"`{name}` does not stand in it"
    typer.report("CS302", said, call.span, label, **writing(call.span, meant))
    return True


def _no_axis(typer: Typer, call: Call, name: str) -> bool:
    """Report `diff(u, y)` of `u(t, x)` where nothing else is called `y`: another axis of it."""
    word = typer.slice(call.arguments[0])
    model = typer.symbols.models().get(word.partition("(")[0])
    axes = model.arguments if model else ()
    axis_of = {a.name for domain in typer.symbols.domains().values() for a in domain.axes}
    if not axes or name in axes or name in axis_of or name in typer.symbols.column_names:
        return False
    line = typer.source.line(typer.source.position(call.span.start).line)
    others = set(re.findall(r"\b(?:diff|laplacian)\(\w+(?:\([^()]*\))?, *(\w+)", line))
    free = [axis for axis in axes if axis not in others]
    near = closest(name, axes) or (free or [*axes])[-1]
    head = typer.slice(call.function)
    by = ", ".join(near if typer.slice(a) == name else typer.slice(a) for a in call.arguments[1:])
    said = f"`{name}` is no coordinate of `{word}`: it is a function of {listing(axes, 'and')}"
    label = "derived by what does not exist"
    typer.report("CS302", said, call.span, label, **writing(call.span, f"{head}({word}, {by})"))
    return True


_QUOTIENT = re.compile(
    r"[d∂](?P<power>\d?|\^\d)(?P<of>[A-Za-z]\w*?)/[d∂](?P<by>[A-Za-z]+)(?:\^?\d)?"
)


_DOTTED = re.compile(r"(\w+?)_?(d?dot|prime2?|pp?)")
_AT = re.compile(r"(\w+?)_?(\d+)")


def _of_one_axis(word: str, fields: Mapping[str, Sequence[str]]) -> str:
    """`diff(u, t)` for `u_dot`, `u(0)` for `u_0`, of a model with one coordinate."""
    dotted, at = _DOTTED.fullmatch(word), _AT.fullmatch(word)
    if dotted and len(axes := fields.get(dotted[1], ())) == 1:
        times = 1 + (dotted[2] in ("ddot", "prime2", "pp"))
        return f"diff({', '.join([dotted[1], *[axes[0]] * times])})"
    return f"{at[1]}({at[2]})" if at and len(fields.get(at[1], ())) == 1 else ""


def unknown_derivative(typer: Typer, name: Name) -> Kind | None:
    """Report `u_t`, `u_xx`, `du/dt`, `d2u/dx2` where `u` is a model of `t` and `x`."""
    fields = {n: m.arguments for n, m in typer.symbols.models().items() if m.arguments}
    stem, _, by = name.id.rpartition("_")
    named = stem in fields and by and set(by) <= {a for a in fields[stem] if len(a) == 1}
    form = f"diff({stem}, {', '.join(by)})" if named else _of_one_axis(name.id, fields)
    if form:
        return typer.unknown(name, f"write `{form}`", new=form)
    text, start = typer.source.text, name.span.start
    found = _QUOTIENT.match(text, start)
    if found is not None and found["of"] in fields and found["by"] in fields[found["of"]]:
        count = int(found["power"].strip("^") or 1)
        form = f"diff({', '.join([found['of'], *[found['by']] * count])})"
        place = Span(*found.span())
        said = f"`{found[0]}`: a derivative is written `{form}`"
        return typer.report("CS201", said, place, "no quotient", **writing(place, form))
    behind = re.search(r"[d∂]\w+/\Z", text[max(0, start - 40) : start])
    known = {f"d{a}" for arguments in fields.values() for a in arguments}
    return UNKNOWN if behind and name.id.rstrip("0123456789") in known else None
