"""`max(e for z in ball(x, r, norm=inf, solver=pgd(steps=7)))`: the worst point around each example.

e is written with the column in the place of z: what is searched is a function of rows whose column
is moved. `max(e for a in [lo, hi])` is the worst number of an interval, for each example its own,
as for `(a, b) in box([lo, hi], [lo, hi])`. Several sets are searched together.
"""

import math
from typing import NamedTuple

from cspec.compiler.expressions.not_compiled import not_compiled
from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.passes.canonical import negate
from cspec.compiler.records.problem import Beside, Searched, WorstCase, at_rest
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.settings.solvers import Pgd
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.rebuild import substitute
from cspec.dsl.words.sets import BOXES

HARDER = 4
"""Times the steps of training, where a verdict is measured ..."""
RESTARTS = 5
"""... from so many starts more."""


class Attack(NamedTuple):
    """How a ball is searched."""

    steps: int
    step: float | None
    restarts: int


def is_searched(node: nodes.Comprehension) -> bool:
    """Whether a comprehension goes over balls around something, intervals or boxes."""
    return any(_searched(binder.domain) for binder in node.binders)


def _searched(domain: nodes.Expr) -> bool:
    if not isinstance(domain, nodes.Call):
        return isinstance(domain, nodes.Interval)
    word = function_name(domain)
    return word in BOXES or (word == "ball" and len(domain.arguments) == 2)


def worst_case(node: nodes.Comprehension, params: Values) -> nodes.Expr:
    """The largest (smallest) value in balls around each example, or intervals, as one node.

    Sets that are listed stand around what is searched.

    Raises:
        SpecError: CS520, a form of it that can't be searched yet.
    """
    if node.function not in nodes.EXTREMES:
        raise not_compiled(f"`{node.function}` over a ball", node)
    listed = tuple(b for b in node.binders if not _searched(b.domain))
    if listed:
        binders = tuple(b for b in node.binders if _searched(b.domain))
        inner = worst_case(node.model_copy(update={"binders": binders}), params)
        return node.model_copy(update={"body": inner, "binders": listed})
    for binder in node.binders:
        if binder.condition is not None:
            raise not_compiled("a ball with a `where`", binder.condition)
    match node.function:
        case "min":
            return negate(_together(node, negate(node.body), params))
        case "all":
            contrary = nodes.Not(operand=node.body, span=node.body.span)
            return nodes.Not(operand=_together(node, contrary, params), span=node.span)
    return _together(node, node.body, params)


class _Set(NamedTuple):
    """What a name goes over, and what it stands for in the rows of a search."""

    searched: Searched
    values: dict[str, nodes.Expr]


def _together(node: nodes.Comprehension, body: nodes.Expr, params: Values) -> WorstCase:
    sets = [one for binder in node.binders for one in _sets(binder, params)]
    if len({s.searched.column for s in sets}) < len(sets):
        raise not_compiled("a search of two balls around one column", node)
    values = {name: value for one in sets for name, value in one.values.items()}
    (first, _), *others = sets
    return WorstCase(
        body=substitute(body, values),
        column=first.column,
        center=first.center,
        radius=first.radius,
        norm=first.norm,
        attack=attack_of(node, params)._replace(step=first.step),
        also=tuple(s.searched for s in others),
        written=node,
        span=node.span,
    )


def _sets(binder: nodes.Binder, params: Values) -> list[_Set]:
    domain = binder.domain
    if isinstance(domain, nodes.Interval):
        return [_interval(binder.names[0], domain.lower, domain.upper, binder, params)]
    assert isinstance(domain, nodes.Call)
    if function_name(domain) in BOXES:
        ends: list[tuple[nodes.Expr, nodes.Expr]] = []
        for axis in domain.arguments:
            match axis:
                case nodes.Interval(lower=low, upper=high) | nodes.Vector(items=(low, high)):
                    ends.append((low, high))
        if not len(domain.arguments) == len(ends) == len(binder.names):
            raise not_compiled("a search of a box whose axes have no names of their own", domain)
        named = zip(binder.names, ends, strict=True)
        return [_interval(name, *pair, binder, params) for name, pair in named]
    return [_ball(binder, domain, params)]


def _ball(binder: nodes.Binder, domain: nodes.Call, params: Values) -> _Set:
    center, radius = domain.arguments
    named = {k.name: k.value for k in domain.keywords}
    norm = value_or_none(named["norm"], params) if "norm" in named else None
    if norm not in (1.0, 2.0, math.inf):
        raise not_compiled("a search of a ball in another norm than 1, 2 and inf", domain)
    if not isinstance(center, nodes.Name):
        raise not_compiled("a ball around something else than a column", center)
    rest = Beside(name=at_rest(center.id), column=center, span=center.span)
    step = _attack(named.get("solver"), params).step
    found = Searched(column=center.id, center=None, radius=radius, norm=norm, step=step)
    return _Set(found, {center.id: rest, binder.names[0]: center})


def _interval(
    name: str, lower: nodes.Expr, upper: nodes.Expr, binder: nodes.Binder, params: Values
) -> _Set:
    """The worst number of an interval for each example: a parameter of a transformation."""
    low, high = (value_or_none(e, params) for e in (lower, upper))
    if low is None or high is None or not math.isfinite(high - low):
        raise not_compiled("a search of an interval whose ends are no known numbers", binder.domain)
    if low >= high:
        raise _no_interval(binder.domain, low, high).error()
    own, half = f"{name} at worst", (high - low) / 2
    radius = nodes.Number(text=repr(half), value=half, span=binder.domain.span)
    center, step = (low + high) / 2, _attack(None, params).step
    found = Searched(column=own, center=center, radius=radius, norm=math.inf, step=step)
    return _Set(found, {name: Beside(name=own, span=binder.span)})


def _no_interval(domain: nodes.Expr, low: float, high: float) -> Diagnostic:
    turned = f"write `[{high:g}, {low:g}]`, from the lower to the upper end"
    return Diagnostic(
        code="CS303",
        message=f"`[{low:g}, {high:g}]`: {low:g} is not below {high:g}",
        span=domain.span,
        label="an empty interval" if low > high else "one number",
        helps=(turned if low > high else f"write `{{{low:g}}}`, a set of one number",),
    )


def _attack(solver: nodes.Expr | None, params: Values) -> Attack:
    given = {}
    if isinstance(solver, nodes.Call):
        given = {k.name: value_or_none(k.value, params) for k in solver.keywords}
    settings = Pgd(**{name: value for name, value in given.items() if value is not None})
    return Attack(settings.steps, settings.step, settings.restarts)


def attack_of(node: nodes.Comprehension, params: Values) -> Attack:
    """How the sets of a comprehension are searched together in training."""
    found = []
    for domain in (b.domain for b in node.binders if _searched(b.domain)):
        named = {k.name: k.value for k in getattr(domain, "keywords", ())}
        found.append(_attack(named.get("solver"), params))
    return Attack(max(a.steps for a in found), None, max(a.restarts for a in found))


def harder(attack: Attack) -> Attack:
    """The attack by which a verdict is measured; a step that is given stays."""
    return Attack(HARDER * attack.steps, attack.step, attack.restarts + RESTARTS)
