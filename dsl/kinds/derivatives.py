"""Derivatives: by what stands in what is derived, a column, a coordinate of a point, a feature."""

from __future__ import annotations

from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.diagnostic import replacing
from cspec.dsl.messages.wording import listing
from cspec.dsl.tree.features import column_of_variable
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
from cspec.dsl.tree.rebuild import function_name, names
from cspec.dsl.words.functions import DERIVATIVES


def check_derivatives(typer: Typer, items: tuple[Item, ...]) -> None:
    """Report derivatives by what is no variable, and those that are 0 whatever is trained."""
    for item in items:
        nodes = list(walk(item))
        binders = [node for node in nodes if isinstance(node, Binder) and _of_weights(node.domain)]
        weights = {name for binder in binders for name in binder.names}
        for node in nodes:
            if isinstance(node, Call) and _is_derivative(typer, node):
                for variable in node.arguments[1:]:
                    if column_of_variable(variable) not in weights:
                        _variable(typer, node, variable)


def _of_weights(domain: Expr) -> bool:
    """`f.weights`, `f.params("conv*")`: every output of the model depends on these."""
    part = domain.function if isinstance(domain, Call) else domain
    return isinstance(part, Attribute) and part.name in ("weights", "params")


def _is_derivative(typer: Typer, call: Call) -> bool:
    function = call.function
    named = isinstance(function, Name) and function.id in DERIVATIVES
    return named and typer.symbols.role(getattr(function, "id", "")) is None


def _by_a_name(typer: Typer, call: Call) -> str:
    """What is derived, by the first axis or column of the spec."""
    word, of = typer.source.slice(call.function.span), typer.slice(call.arguments[0])
    axes = [axis.name for item in typer.symbols.domains().values() for axis in item.axes]
    by = next((a for a in (*axes, *sorted(typer.symbols.column_names)) if a != of), "x")
    return f"a name goes there: `{word}({of}, {by})`"


def _variable(typer: Typer, call: Call, variable: Expr) -> None:
    name = column_of_variable(variable)
    if isinstance(variable, String):
        return  # a text where a name belongs, which its kind says
    if name is None:
        first = call.arguments[1]
        by = typer.source.slice(first.span)
        head = typer.source.text[call.span.start : first.span.end]
        count = variable.value if isinstance(variable, Number) else 0
        if isinstance(variable, Power) and isinstance(variable.exponent, Number):
            first, by = variable.base, typer.source.slice(variable.base.span)
            head = f"{typer.source.text[call.span.start : variable.span.start]}{by}"
            count = variable.exponent.value
        known = count in (2, 3, 4) and column_of_variable(first) is not None
        again = f"{head}{f', {by}' * (int(count) - 1)})" if known else ""
        typer.report(
            "CS302",
            f"{typer.text(variable)} is nothing that a derivative is taken by",
            variable.span,
            "a column, a coordinate or a feature goes here",
            helps=(f"write `{again}`" if known else _by_a_name(typer, call),),
            fixes=replacing(call.span, again),
        )
        return
    if typer.symbols.role(name) in ("model", "param", "let", "data", "domain"):
        return  # of another kind, which its kind says
    if name in names(call.arguments[0]):
        return
    word, by = typer.source.slice(call.arguments[0].span), typer.source.slice(variable.span)
    inner = call.arguments[0]
    if _no_axis(typer, call, variable):
        return
    model = function_name(inner)
    helps = [f"name it where it is derived: `diff(u(t, x), {by})`"]
    if model in typer.symbols.models():
        helps.insert(
            0,
            "on a wall go over its own points: `domain wall(t, x) = box([0, 1], [0, 0])` and "
            f"`forall (t, x) in wall.sample(50): diff({model}, {by}) == 0`",
        )
    typer.report(
        "CS302",
        f"`{word}` does not depend on `{by}`: its derivative is 0 whatever is trained",
        call.span,
        f"`{by}` does not stand in it",
        helps=tuple(helps),
    )


def _no_axis(typer: Typer, call: Call, variable: Expr) -> bool:
    """Report `diff(u, t)` of `model u(x)`: no name of its axes, nor of anything else."""
    field = typer.symbols.models().get(typer.slice(call.arguments[0]))
    if field is None or not field.arguments or not isinstance(variable, Name):
        return False
    if typer.symbols.role(variable.id) is not None or variable.id in field.arguments:
        return False
    axes, given = field.arguments, [typer.slice(by) for by in call.arguments[1:]]
    free = [axis for axis in axes if axis not in given]
    only = axes[0] if len(axes) == 1 else free[0] if len(free) == 1 else None
    known = [by if by in axes else only for by in given]
    meant = f"diff({field.name}, {', '.join(map(str, known))})" if only else None
    typer.report(
        "CS302",
        f"`{variable.id}` is no axis of `{field.name}`",
        call.span,
        f"`{field.name}` is a model of {listing(axes, 'and')}",
        helps=(f"write `{meant}`" if meant else f"write one of {listing(axes)}",),
        fixes=replacing(call.span, meant),
    )
    return True
