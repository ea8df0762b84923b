"""`using`, `fit` and `stop`: settings, and what they say about one another."""

import re
from collections.abc import Collection, Sequence

from cspec.dsl.kinds.typer import Typer
from cspec.dsl.kinds.unknown_names import unknown_dataset
from cspec.dsl.messages.diagnostic import Fix, also_at, edit, replacing
from cspec.dsl.messages.wording import closest, listing
from cspec.dsl.settings.duals import Nupi, Pid
from cspec.dsl.settings.fit import STOPS, FitSettings, LbfgsOptimizer, SgdOptimizer, Stalled
from cspec.dsl.settings.methods import (
    MAPS,
    METHODS,
    AugmentedLagrangian,
    Auto,
    ExactPenalty,
    Lagrangian,
    Method,
    Penalty,
    QuadraticPenalty,
)
from cspec.dsl.settings.read import read_keywords, read_settings
from cspec.dsl.text.source import Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import condition_names, function_name, head_name, setting


def _only_one(typer: Typer, items: Sequence[nodes.Item], what: str) -> None:
    for extra in items[1:]:
        first = items[0]
        fixes, help_ = _one_line(typer, first, extra), "remove one of the two lines"
        if fixes:
            kept = typer.source.text[first.span.start : fixes[0].span.start]
            help_ = f"put both into one line: `{kept}{fixes[0].replacement}`"
        said, related = f"this spec has two `{what}` lines", also_at(first.span, "the first one")
        told = {"helps": (help_,), "fixes": fixes or either(first, extra)}
        typer.report("CS508", said, extra.span, "a second one", related=related, **told)


def either(first: nodes.Item, extra: nodes.Item) -> tuple[Fix, ...]:
    """Either of two lines."""
    return edit(extra.span, "", "keep the first") + edit(first.span, "", "keep the last")


def _one_line(typer: Typer, first: nodes.Item, extra: nodes.Item) -> tuple[Fix, ...]:
    """Two `fit` lines that set different things are one."""
    if not isinstance(first, nodes.Fit) or not isinstance(extra, nodes.Fit):
        return ()
    names = {keyword.name for keyword in first.keywords}
    if not extra.keywords or not names or names & {keyword.name for keyword in extra.keywords}:
        return ()
    between = Span(first.span.end - 1, extra.span.end)
    if typer.source.text[first.span.end : extra.span.start].strip():
        return ()
    added = Span(extra.keywords[0].span.start, extra.keywords[-1].span.end)
    return edit(between, f", {typer.source.slice(added)})", "put both into one line")


def check_using(typer: Typer, items: list[nodes.Using]) -> Method:
    """The settings of the method in force."""
    _only_one(typer, items, "using")
    if not items:
        return Auto()
    expr = items[0].method
    head = head_name(expr)
    if head is not None and (head.id in MAPS or head.id == "construction"):
        said = f"`{head.id}` is a way for one constraint, not for all"
        help_ = f"write it behind the constraint: `W >= 0 by {head.id}`"
        label = "not every constraint can be met this way"
        typer.report("CS509", said, head.span, label, helps=(help_,))
        return Auto()
    return read_method(typer, expr) or Auto()


def read_method(typer: Typer, expr: nodes.Expr) -> Method | None:
    """The settings of a method; findings go to the typer."""
    if (
        isinstance(expr, nodes.Call)
        and isinstance(expr.function, nodes.Name)
        and expr.function.id in MAPS
    ):
        _map_called(typer, expr, expr.function.id)
        return None
    settings, found = read_settings(expr, METHODS, typer.values, "method", typer.source)
    typer.extend(found)
    data = setting(expr, "dual_data")
    if data is not None and isinstance(data.value, nodes.Name):
        dataset(typer, data.value.id, data.value.span)
    if not isinstance(settings, Method):
        return None
    _weightless(typer, expr, settings)
    return settings


def _map_called(typer: Typer, call: nodes.Call, word: str) -> None:
    """`by softplus(...)`: a map is a word alone."""
    given = next(iter((*call.keywords, *call.arguments)), None)
    what = f"no setting `{given.name}`" if isinstance(given, nodes.Keyword) else "no settings"
    said, place = f"`{word}` has {what}", (given or call).span
    help_, fixes = f"write `by {word}`", replacing(call.span, word)
    typer.report("CS502", said, place, "a map is a word alone", helps=(help_,), fixes=fixes)


def _weightless(typer: Typer, expr: nodes.Expr, method: Method) -> None:
    """A weight of 0 that nothing ever moves: the requirement is measured, and not enforced."""
    match method:
        case Penalty(coefficient=0) | ExactPenalty(coefficient=0) | QuadraticPenalty(coefficient=0):
            name, zero = "coefficient", "coefficient=0"
            help = "a positive `coefficient`; 0 is the run without the requirement"
        case AugmentedLagrangian(penalty=0, lr=None):
            name, zero = "penalty", "penalty=0"
            help = "a positive `penalty`, or give multipliers a step of their own: `lr=0.1`"
        case Lagrangian(dual=Pid(kp=0, ki=0, kd=0) | Nupi(kp=0, ki=0) as dual):
            name, zero = "dual", f"dual={dual.word}(kp=0, ki=0)"
            help = "a positive gain: `ki` accumulates the violation"
        case _:
            return
    given = setting(expr, name)
    typer.report(
        "CS540",
        f"`{method.word}({zero})` enforces nothing",
        expr.span if given is None else given.span,
        "a weight of 0, at every step",
        notes=("the requirement is measured and judged, but it moves nothing",),
        helps=(f"write {help}",),
        severity="warning" if name == "coefficient" else "error",
    )


def dataset(typer: Typer, name: str, span: Span, named: Collection[str] = ()) -> None:
    """A name that must be a dataset, none of those that are `named` already."""
    known = typer.symbols.datasets()
    if name in known or (name == "train" and "data" in typer.symbols.implied):
        return
    unknown_dataset(typer, name, span, named)


def check_fit(typer: Typer, items: list[nodes.Fit]) -> FitSettings:
    """The settings of `fit`."""
    _only_one(typer, items, "fit")
    if not items:
        return FitSettings()
    item = items[0]
    settings, found = read_keywords(
        item.keywords, FitSettings, item.span, typer.values, typer.source
    )
    typer.extend(found)
    by_name = {keyword.name: keyword for keyword in item.keywords}
    if "epochs" in by_name and "steps" in by_name:
        said = "`fit` says both `epochs` and `steps`"
        label = "how long, then?"
        related = also_at(by_name["epochs"].span, "said here already")
        help_ = "keep one of the two"
        typer.report("CS531", said, by_name["steps"].span, label, related=related, helps=(help_,))
    if "batch_size" in by_name and isinstance(sizes := by_name["batch_size"].value, nodes.Call):
        for keyword in sizes.keywords:
            dataset(typer, keyword.name, keyword.name_span, [k.name for k in sizes.keywords])
    if "strata" in by_name:
        _strata(typer, by_name["strata"].value)
    if "augment" in by_name:
        _augment(typer, by_name["augment"].value)
    if not isinstance(settings, FitSettings):
        return FitSettings()
    _optimizers(typer, settings, by_name.get("optimizer"))
    return settings


def _strata(typer: Typer, value: nodes.Expr) -> None:
    """Each name is a column of some dataset."""
    known = sorted(typer.symbols.column_names)
    for item in value.items if isinstance(value, nodes.Vector) else ():
        if isinstance(item, nodes.Name | nodes.String):
            name = item.id if isinstance(item, nodes.Name) else item.value
            if name not in known:
                near = closest(name, known)
                said = f"no dataset has a column `{name}`"
                label = "strata are columns that hold groups"
                helps = (f"write `{near}`" if near else "name a column that holds groups",)
                told = {"helps": helps, "fixes": replacing(item.span, near)}
                notes = (f"columns: {listing(known, 'and')}",)
                typer.report("CS513", said, item.span, label, notes=notes, **told)


def check_strata(typer: Typer, spec: nodes.Spec, fit: FitSettings) -> None:
    """`strata=groups` needs a requirement with a column in a condition."""
    if fit.strata != "groups":
        return
    if any(name in typer.symbols.column_names for name in condition_names(spec)):
        return
    lines = [
        keyword for item in spec.items if isinstance(item, nodes.Fit) for keyword in item.keywords
    ]
    place = next(keyword.value.span for keyword in lines if keyword.name == "strata")
    helps = ("name columns of few values: `strata=[sex, y]`", "or leave `strata` out")
    typer.report("CS513", "no requirement names groups", place, "nothing to spread", helps=helps)


def _augment(typer: Typer, value: nodes.Expr) -> None:
    if not isinstance(value, nodes.Name) or typer.symbols.role(value.id) == "import":
        return
    imported = [s.name for s in typer.symbols.table.values() if s.role == "import"]
    guess = closest(value.id, imported)
    help_ = f"did you mean `{guess}`?" if guess else f'add a line `from "my.py" import {value.id}`'
    label = "`augment` names a function that the spec imports"
    typer.report("CS201", f"unknown name `{value.id}`", value.span, label, helps=(help_,))


def _optimizers(typer: Typer, settings: FitSettings, keyword: nodes.Keyword | None) -> None:
    if keyword is None:
        return
    _nesterov(typer, settings, keyword)
    if len(settings.optimizer) < 2:
        return
    if any(isinstance(optimizer, LbfgsOptimizer) for optimizer in settings.optimizer):
        said = "`lbfgs` trains all parameters together and can't stand beside another optimizer"
        label = "its line search owns the step"
        helps = ("write `lbfgs` alone, with `batch_size=full`", "or use another optimizer")
        typer.report("CS512", said, keyword.value.span, label, helps=helps)
        return
    rest = [o for o in settings.optimizer if o.params is None]
    if len(rest) > 1:
        said = "two optimizers train the same parameters"
        label = "which parameters does each train?"
        help_ = 'give each but one its parameters: `adam(params="geneo*")`'
        note = "an optimizer without `params` trains all that no other one names"
        typer.report("CS532", said, keyword.value.span, label, notes=(note,), helps=(help_,))


def _nesterov(typer: Typer, settings: FitSettings, keyword: nodes.Keyword) -> None:
    """Nesterov's momentum, without momentum."""
    for optimizer in settings.optimizer:
        if isinstance(optimizer, SgdOptimizer) and optimizer.nesterov and not optimizer.momentum:
            text, said = typer.slice(keyword.value), "`nesterov=true` needs a `momentum` above 0"
            meant = re.sub(r"(?:momentum *= *[^,()]*, *)?nesterov", "momentum=0.9, nesterov", text)
            helps = (f"write `{meant}`",)
            typer.report("CS504", said, keyword.value.span, "momentum is 0", helps=helps)


def check_stop(typer: Typer, items: list[nodes.Stop]) -> None:
    """The conditions of `stop when`."""
    for item in items:
        for term in _terms(item.condition):
            if isinstance(term, nodes.Compare | nodes.Not):
                _no_condition(typer, term)
                continue
            read, found = read_settings(term, STOPS, typer.values, "condition", typer.source)
            typer.extend(found)
            endless = isinstance(read, Stalled) and read.epochs is None and read.steps is None
            if endless and not found:
                said = "`stalled` needs `epochs` or `steps`"
                help_ = "write `stalled(epochs=5)`"
                fixes = edit(term.span, "stalled(epochs=5)", "5 epochs")
                typer.report("CS507", said, term.span, "for how long?", helps=(help_,), fixes=fixes)


def _no_condition(typer: Typer, term: nodes.Expr) -> None:
    """`stop when loss < 0.1`, `stop when patience == 5`."""
    match term:
        case nodes.Compare(
            operands=(
                nodes.Name(id="epoch" | "epochs" | "step" | "steps" as unit),
                nodes.Number() as n,
            )
        ):
            plural = unit if unit.endswith("s") else f"{unit}s"
            meant = f"fit({plural}={typer.slice(n)})"
            said = f"{typer.text(term)} is no condition: how long a run is, `fit` says"
            label = "not one of `feasible` and `stalled`"
            help_ = f"write `{meant}` in place of this line"
            typer.report("CS503", said, term.span, label, helps=(help_,))
            return
        case nodes.Compare(
            operands=(nodes.Name(id="patience" | "early_stopping"), nodes.Number() as count)
        ):
            meant = f"stalled(epochs={typer.slice(count)})"
            said = f"{typer.text(term)} is no condition"
            label = "so many epochs without a better objective?"
            help_ = f"write `stop when {meant}`"
            fixes = replacing(term.span, meant)
            typer.report("CS503", said, term.span, label, helps=(help_,), fixes=fixes)
            return
    said, label = f"{typer.text(term)} is no condition", "not one of `feasible` and `stalled`"
    note = "how long a run is at most, `fit(epochs=...)` says"
    met = "to stop where all requirements are met: `stop when feasible(1e-3)`"
    best = "to stop where the objective no longer improves: `stop when stalled(epochs=5)`"
    typer.report("CS503", said, term.span, label, notes=(note,), helps=(met, best))


def _terms(condition: nodes.Expr) -> tuple[nodes.Expr, ...]:
    if isinstance(condition, nodes.And | nodes.Or):
        return tuple(term for operand in condition.operands for term in _terms(operand))
    return (condition,)


def check_ramps(typer: Typer, spec: nodes.Spec, fit: FitSettings) -> None:
    """Warn of a ramp that is longer than the run: its bound is never that of the verdict."""
    for node in nodes.walk(spec):
        if not isinstance(node, nodes.Call) or len(node.arguments) != 2:
            continue
        for keyword in node.keywords if function_name(node) == "ramp" else ():
            length, run = keyword.value, getattr(fit, keyword.name, None)
            if not fit.given(keyword.name) or not isinstance(length, nodes.Number) or run is None:
                continue
            if length.value > run:
                said = f"the ramp takes {length.value:g} {keyword.name}, and the run has {run}"
                label = f"the bound never gets to {typer.slice(node.arguments[1])}"
                note = "the verdict is about the bound at the ramp's end"
                helps = (f"write `{keyword.name}={run}`, or less", "or give `fit` more")
                typer.warn("CS504", said, keyword.span, label, notes=(note,), helps=helps)
