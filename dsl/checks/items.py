"""Checks of items that are no constraints, and the settings they write."""

import re
from collections.abc import Mapping

from pydantic import BaseModel

from cspec.dsl.checks.params import check_vars, param_values
from cspec.dsl.checks.sizes import check_sizes
from cspec.dsl.checks.sources import check_data, check_domain, check_model
from cspec.dsl.checks.surrogates import check_flat
from cspec.dsl.checks.tables import check_tables
from cspec.dsl.checks.training import (
    check_fit,
    check_ramps,
    check_stop,
    check_strata,
    check_using,
    either,
)
from cspec.dsl.kinds.by_group import given
from cspec.dsl.kinds.operands import no_gradient
from cspec.dsl.kinds.typer import OUTSIDE, Scope, Typer
from cspec.dsl.messages.diagnostic import Fix, also_at, replacing
from cspec.dsl.settings.base import Settings
from cspec.dsl.settings.fit import FitSettings
from cspec.dsl.settings.methods import Auto, Method
from cspec.dsl.text.source import NOWHERE, Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import function_name
from cspec.dsl.values.outside import OpenValues, ParamTable
from cspec.dsl.words.kind import UNKNOWN, WORDS
from cspec.dsl.words.losses import LOSSES


class Settled(BaseModel, frozen=True):
    """Settings that items write."""

    params: dict[str, float | tuple[float, ...]] = {}
    tables: dict[str, ParamTable] = {}
    unset: tuple[str, ...] = ()
    method: Method = Auto()
    fit: FitSettings = FitSettings()
    sources: dict[str, Settings] = {}
    models: dict[str, Settings] = {}
    too_large: bool = False
    """Whether something is too large to be looked at any further."""


def check_items(
    typer: Typer,
    written: nodes.Spec,
    explicit: nodes.Spec,
    params: Mapping[str, object],
    hidden: frozenset[str],
) -> Settled:
    """Check every item but the constraints; findings go to the typer."""
    values, tables, unset, open_ = param_values(typer, params)
    typer.values = OpenValues(values, open_)
    check_vars(typer)
    if check_sizes(typer, explicit.items):
        return Settled(params=values, tables=tables, unset=unset, too_large=True)
    check_tables(typer, explicit)
    sources: dict[str, Settings] = {}
    models: dict[str, Settings] = {}
    for item in explicit.items:
        match item:
            case nodes.Data():
                if (settings := check_data(typer, item)) is not None:
                    sources |= {target.name: settings for target in item.targets}
            case nodes.Model():
                if (settings := check_model(typer, item)) is not None:
                    models[item.name] = settings
            case nodes.Domain():
                check_domain(typer, item)
            case nodes.Let(value=value, parameters=parameters):
                typer.kind(value, Scope(dict.fromkeys(parameters or (), UNKNOWN)))
    _objectives(typer, explicit, hidden)
    method = check_using(typer, [i for i in written.items if isinstance(i, nodes.Using)])
    fit = check_fit(typer, [i for i in written.items if isinstance(i, nodes.Fit)])
    check_strata(typer, explicit, fit)
    check_ramps(typer, written, fit)
    check_stop(typer, [i for i in written.items if isinstance(i, nodes.Stop)])
    return Settled(
        params=values,
        tables=tables,
        unset=unset,
        method=method,
        fit=fit,
        sources=sources,
        models=models,
    )


def _objectives(typer: Typer, spec: nodes.Spec, hidden: frozenset[str]) -> None:
    objectives = [item for item in spec.items if isinstance(item, nodes.Objective)]
    for item in objectives:
        if item.expression is not None:
            _objective_kind(typer, item)
    if not objectives and not hidden & {"minimize", "maximize", "satisfy"}:
        if not spec.items and not hidden:
            help_ = "the shortest spec: `minimize ce s.t. density(model) <= 0.5`"
            said, label = "this spec is empty", "nothing is written here"
            typer.report("CS408", said, NOWHERE, label, helps=(help_,))
            return
        at = next((i.span.start for i in spec.items if i.span != NOWHERE), 0)
        said, label = "this spec has no objective", "nothing is minimized or maximized"
        none = "or `satisfy`, if meeting the constraints is all that is wanted"
        helps = ["add a line `minimize ...` or `maximize ...`", none]
        typer.report("CS408", said, Span(at, at), label, helps=helps)
    for extra in objectives[1:]:
        first = objectives[0]
        said, label = "this spec has two objectives", "a second objective"
        note = "one number is optimized; how much one counts against the other is not said"
        text, mark = "b", ">=" if extra.sense == "maximize" else "<="
        if extra.expression is not None:
            text = typer.slice(extra.expression)
        other = f"or make one a constraint: `s.t. {text} {mark} 0.5`"
        helps = ["add them with weights: `minimize a + 0.1*b`", other]
        if typer.slice(extra).split() == typer.slice(first).split():
            helps = ["remove one of the two lines"]
        told = {"related": also_at(first.span, "the first one"), "fixes": either(first, extra)}
        typer.report("CS409", said, extra.span, label, notes=(note,), helps=helps, **told)


def _moving(typer: Typer, text: str) -> tuple[str, ...]:
    """What depends on training: for `ce(x, y)` the outputs of the only model."""
    models = typer.symbols.named_models
    swapped = re.sub(r"(?<=\()x(?=,)", f"{models[0]}(x)", text) if len(models) == 1 else text
    if swapped != text:
        return (f"write `{swapped}`",)
    return ("use a `var`, a model that is not frozen, or a given value",)


def _objective_kind(typer: Typer, item: nodes.Objective) -> None:
    expr = item.expression
    assert expr is not None
    kind = typer.kind(expr, OUTSIDE)
    if kind.what == "unknown":
        return
    if (compared := _bounded(expr)) is not None:
        _no_bound(typer, item, compared, per_example=compared is not expr)
        return
    text = typer.slice(expr)

    def wrong(code: str, what: str, label: str, *helps: str) -> None:
        typer.report(code, f"{typer.text(expr)} {what}", expr.span, label, helps=helps)

    if kind.what == "groups":
        event = given(expr, typer.slice)
        what = "is one number a group, and an objective is one number"
        number = f"write `max({text})`, `gap({text})` or `sum({text})`"
        others = () if event is None else (f"for a column of true and false: `{event}`",)
        wrong("CS312", what, "a number a group", number, *others)
    elif kind.what == "tensor":
        what = "is a tensor, and an objective is one number"
        wrong("CS307", what, "many numbers", f"write `sum({text})`, `sumsq({text})`")
    elif kind.what not in ("number", "scores", "column"):
        what = f"is {WORDS[kind.what]}, and an objective is a number"
        number = "write a number: a loss such as `ce`, a mean `E[...]`"
        wrong("CS307", what, "no number to optimize", number)
    elif not kind.moves:
        what = "does not depend on anything that training moves"
        wrong("CS309", what, "the same whatever is learned", *_moving(typer, text))
    elif not kind.gradient:
        note = "small changes of what moves do not change it"
        no_gradient(typer, expr, note, "minimize something smooth that stands for it")
    else:
        check_flat(typer, expr)


def _bounded(expr: nodes.Expr) -> nodes.Compare | None:
    """The comparison that an objective is: of each example, it would be how many meet it.

    `minimize pred != y` counts mistakes, as an event of classes does.
    """
    body = expr
    if isinstance(expr, nodes.Expectation) and not expr.conditions and expr.span == expr.body.span:
        body = expr.body  # the mean that the text leaves out
    if not isinstance(body, nodes.Compare):
        return None
    losses = any(function_name(part) in LOSSES for o in body.operands for part in nodes.walk(o))
    counts = {*body.operators} <= {"==", "!="} and body is not expr and not losses
    return None if counts else body


def _no_bound(
    typer: Typer, item: nodes.Objective, relation: nodes.Compare, per_example: bool
) -> None:
    """Report `minimize bce(f(x), y) <= 0.5`: a bound is a requirement."""
    moving = [o for o in relation.operands if typer.value(o) is None]
    text, helps = typer.slice(relation), ["a bound is a requirement, behind `s.t.`"]
    fixes: tuple[Fix, ...] = ()
    if len(moving) == 1:
        thing = typer.slice(moving[0])
        alone = f"{item.sense} {thing}"
        bound = typer.exchanged(relation, moving[0], f"E[{thing}]" if per_example else thing)
        helps = [f"write `{alone}`, and, where the bound is wanted, `s.t. {bound}`"]
        helps += [f"or, how many meet it: `{item.sense} P[{text}]`"] if per_example else []
        named = item.span.start <= relation.span.start  # else a `let` holds the comparison
        fixes = replacing(item.span, *(alone, f"{alone}\ns.t. {bound}")) if named else ()
    said = f"`{item.sense}` takes a number, and {typer.text(relation)} is a comparison"
    typer.report("CS307", said, relation.span, "true or false", helps=helps, fixes=fixes)
