"""`max(e for z in ball(x, r, norm=inf, solver=pgd(steps=7)))`: the worst point around each example.

e is written with the column in the place of z: what is searched is a function of rows whose column
is moved. `max(e for a in [lo, hi])` is the worst number of an interval, for each example its own.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from cspec.compiler.expressions.not_compiled import not_compiled
from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.passes.canonical import negate
from cspec.compiler.records.problem import Beside, WorstCase, at_rest
from cspec.dsl.settings.solvers import Pgd
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import EXTREMES, Call, Comprehension, Expr, Interval, Name, Not, Number
from cspec.dsl.tree.rebuild import substitute

HARDER = 4
"""Times the steps of training, where a verdict is measured ..."""
RESTARTS = 5
"""... from so many starts more."""


class Attack(NamedTuple):
    """How a ball is searched."""

    steps: int
    step: float | None
    restarts: int


def is_searched(node: Comprehension) -> bool:
    """Whether a comprehension goes over a ball around something, or over an interval."""
    domain = node.binders[0].domain
    ball = isinstance(domain, Call) and function_name(domain) == "ball"
    return isinstance(domain, Interval) or (ball and len(domain.arguments) == 2)  # type: ignore[attr-defined]


def worst_case(node: Comprehension, params: Values) -> Expr:
    """The largest (smallest) value in a ball around each example, or interval, as one node.

    Raises:
        SpecError: CS520, a form of it that can't be searched yet.
    """
    (binder,) = node.binders
    if node.function not in EXTREMES:
        raise not_compiled(f"`{node.function}` over a ball", node)
    if binder.condition is not None:
        raise not_compiled("a ball with a `where`", binder.condition)
    turned = node.function == "min"
    body = negate(node.body) if turned else node.body
    body = Not(operand=body, span=body.span) if node.function == "all" else body
    interval = isinstance(binder.domain, Interval)
    found = (_in_interval if interval else _in_ball)(node, body, params)
    if node.function == "all":
        return Not(operand=found, span=node.span)
    return negate(found) if turned else found


def _in_ball(node: Comprehension, body: Expr, params: Values) -> WorstCase:
    (binder,) = node.binders
    assert isinstance(binder.domain, Call)
    center, radius = binder.domain.arguments
    named = {k.name: k.value for k in binder.domain.keywords}
    norm = value_or_none(named["norm"], params) if "norm" in named else None
    if norm not in (1.0, 2.0, math.inf):
        raise not_compiled("a search of a ball in another norm than 1, 2 and inf", binder.domain)
    if not isinstance(center, Name):
        raise not_compiled("a ball around something else than a column", center)
    rest = Beside(name=at_rest(center.id), column=center, span=center.span)
    return WorstCase(
        body=substitute(body, {center.id: rest, binder.names[0]: center}),
        column=center.id,
        radius=radius,
        norm=norm,
        attack=_attack(named.get("solver"), params),
        written=node,
        span=node.span,
    )


def _in_interval(node: Comprehension, body: Expr, params: Values) -> WorstCase:
    """The worst number of an interval for each example: a parameter of a transformation."""
    (binder,) = node.binders
    assert isinstance(binder.domain, Interval)
    low, high = (value_or_none(e, params) for e in (binder.domain.lower, binder.domain.upper))
    if low is None or high is None or not math.isfinite(low) or not low < high < math.inf:
        raise not_compiled("a search of an interval whose ends are no known numbers", binder.domain)
    name = f"{binder.names[0]} at worst"
    radius = (high - low) / 2
    return WorstCase(
        body=substitute(body, {binder.names[0]: Beside(name=name, span=binder.span)}),
        column=name,
        center=(low + high) / 2,
        radius=Number(text=repr(radius), value=radius, span=binder.domain.span),
        norm=math.inf,
        attack=_attack(None, params),
        written=node,
        span=node.span,
    )


def _attack(solver: Expr | None, params: Values) -> Attack:
    given = {}
    if isinstance(solver, Call):
        given = {k.name: value_or_none(k.value, params) for k in solver.keywords}
    settings = Pgd(**{name: value for name, value in given.items() if value is not None})
    return Attack(settings.steps, settings.step, settings.restarts)


def harder(attack: Attack) -> Attack:
    """The attack by which a verdict is measured; a step that is given stays."""
    return Attack(HARDER * attack.steps, attack.step, attack.restarts + RESTARTS)
