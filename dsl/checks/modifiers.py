"""Checks of what stands behind a constraint."""

from typing import Any

from pydantic import BaseModel

from cspec.dsl.checks.methods import check_construction, check_method
from cspec.dsl.checks.training import read_method
from cspec.dsl.kinds.operands import operand_kind
from cspec.dsl.kinds.typer import OUTSIDE, Scope, Typer
from cspec.dsl.kinds.unknown_names import unknown_name
from cspec.dsl.messages.diagnostic import also_at, writing
from cspec.dsl.messages.wording import closest, listing, number
from cspec.dsl.settings import methods as settings
from cspec.dsl.settings.methods import Construction, Method
from cspec.dsl.settings.read import read_keywords
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import NotFiniteError, constant
from cspec.dsl.tree.rebuild import head_name
from cspec.dsl.words.functions import SURROGATE_SETTINGS, SURROGATES

_WORDS: dict[type[nodes.Modifier], str] = {
    nodes.By: "by",
    nodes.Soft: "soft",
    nodes.Within: "within",
    nodes.WithSurrogate: "with surrogate",
}


class Modifiers(BaseModel, frozen=True):
    """What the modifiers of one constraint say."""

    method: Method | None = None
    soft: settings.Soft | None = None
    within: float | None = None
    surrogate: bool = False


def check_modifiers(typer: Typer, constraint: nodes.Constraint, scope: Scope) -> Modifiers:
    """What the modifiers of a constraint say; findings go to the typer."""
    _each_once(typer, constraint.modifiers)
    said: dict[str, Any] = {}
    for modifier in constraint.modifiers:
        match modifier:
            case nodes.By(method=expr):
                said["method"] = _method(typer, constraint, expr, scope)
            case nodes.Soft(keywords=keywords):
                read, found = read_keywords(
                    keywords, settings.Soft, modifier.span, typer.values, typer.source
                )
                typer.extend(found)
                said["soft"] = read if isinstance(read, settings.Soft) else settings.Soft()
            case nodes.Within(tolerance=expr):
                said["within"] = _tolerance(typer, expr)
            case nodes.WithSurrogate(surrogate=expr):
                said["surrogate"] = True
                _surrogate(typer, expr, scope)
    return Modifiers(**said)


def _each_once(typer: Typer, modifiers: tuple[nodes.Modifier, ...]) -> None:
    seen: dict[type[nodes.Modifier], nodes.Modifier] = {}
    for modifier in modifiers:
        kind = type(modifier)
        if kind in seen:
            said = f"`{_WORDS.get(kind, 'on')}` is given twice"
            related = also_at(seen[kind].span, "given here already")
            told = {"related": related, "helps": ("keep one of the two",)}
            typer.report("CS505", said, modifier.span, "given again here", **told)
        seen.setdefault(kind, modifier)
    if nodes.By in seen and nodes.Soft in seen:
        first, later = sorted((seen[nodes.By].span, seen[nodes.Soft].span))
        said = "a constraint is either enforced or traded off, not both"
        label = "`by` enforces, `soft` trades off"
        related = also_at(first, "the other one")
        note = "a soft constraint is a term of the objective and has no method"
        help_ = "remove one of the two"
        typer.report("CS536", said, later, label, related=related, notes=(note,), helps=(help_,))


def _method(
    typer: Typer, constraint: nodes.Constraint, expr: nodes.Expr, scope: Scope
) -> Method | None:
    if isinstance(expr, nodes.Name) and expr.id == "construction":
        check_construction(typer, constraint, expr, scope)
        return Construction()
    method = read_method(typer, expr)
    if method is not None:
        check_method(typer, constraint, method, typer.slice(expr), expr.span)
    return method


def _tolerance(typer: Typer, expr: nodes.Expr) -> float | None:
    try:
        value = constant(expr, typer.values)
    except NotFiniteError:
        typer.kind(expr, OUTSIDE)
        return None
    if value is None:
        before = len(typer.found)
        typer.kind(expr, OUTSIDE)
        open_ = isinstance(expr, nodes.Name) and typer.symbols.role(expr.id) == "param"
        if len(typer.found) == before and not open_:
            said = f"`within` takes a number, not {typer.text(expr)}"
            ends = f"for an interval write `in {typer.slice(expr)}`"
            helps = (
                ends if isinstance(expr, nodes.Vector) else "a number goes there: `within 1e-3`",
            )
            typer.report("CS503", said, expr.span, "does not fit", helps=helps)
        return None
    if value < 0:
        said = f"`within` must be at least 0, not {number(value)}"
        notes = ("it is the violation that still counts as met",)
        told = writing(expr.span, typer.slice(expr).lstrip("-+ "))
        typer.report("CS504", said, expr.span, "out of range", notes=notes, **told)
        return None
    return value


def _surrogate(typer: Typer, expr: nodes.Expr, scope: Scope) -> None:
    head = head_name(expr)
    arguments = expr.arguments if isinstance(expr, nodes.Call) else ()
    if head is not None and head.id in SURROGATE_SETTINGS and not arguments:
        for keyword in expr.keywords if isinstance(expr, nodes.Call) else ():
            _surrogate_setting(typer, head.id, keyword)
        return
    if head is not None and typer.name_unknown(head, scope):
        unknown_name(typer, head, scope, SURROGATES)
        return
    kind = operand_kind(typer, expr, scope)
    if kind.what != "unknown" and not kind.gradient:
        said = f"the surrogate {typer.text(expr)} has no gradient"
        label = "training can't move it"
        help_ = "write an expression with a gradient, or a word such as `sigmoid`"
        note = "a surrogate stands in where the true expression has no gradient"
        typer.report("CS309", said, expr.span, label, notes=(note,), helps=(help_,))


def _surrogate_setting(typer: Typer, word: str, keyword: nodes.Keyword) -> None:
    known = SURROGATE_SETTINGS[word]
    if keyword.name not in known:
        guess = closest(keyword.name, known) or (known[0] if len(known) == 1 else None)
        said = f"`{word}` has no setting `{keyword.name}`"
        takes = f"it takes {listing(known, 'and')}" if known else "it takes no settings"
        help_ = f"did you mean `{guess}`?" if guess else f"write `{word}`"
        typer.report("CS502", said, keyword.name_span, takes, helps=(help_,))
        return
    try:
        value = constant(keyword.value, typer.values)
    except NotFiniteError:
        typer.kind(keyword.value, OUTSIDE)
        return
    if value is not None and value <= 0:
        said = f"`{keyword.name}` of `{word}` must be above 0, not {number(value)}"
        help_ = f"write `{word}({keyword.name}=1)`"
        typer.report("CS504", said, keyword.value.span, "out of range", helps=(help_,))
