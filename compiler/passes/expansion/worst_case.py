"""`max(e for z in ball(x, r, norm=inf, solver=pgd(steps=7)))`: the worst point around each example.

e is written with the column in the place of z: what is searched is a function of rows whose column
is moved.
"""

from __future__ import annotations

from typing import NamedTuple

from cspec.compiler.expressions.not_compiled import not_compiled
from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.passes.canonical import negate
from cspec.compiler.records.problem import WorstCase
from cspec.dsl.settings.solvers import Pgd
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import Call, Comprehension, Expr, Name, Not, walk
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


def over_ball(node: Comprehension) -> bool:
    """Whether a comprehension goes over the points of a ball around something."""
    domain = node.binders[0].domain
    ball = isinstance(domain, Call) and function_name(domain) == "ball"
    return len(node.binders) == 1 and ball and len(domain.arguments) == 2  # type: ignore[attr-defined]


def worst_case(node: Comprehension, params: Values) -> Expr:
    """The largest (smallest) value in a ball around each example, as one node.

    Raises:
        SpecError: CS520, a form of it that can't be searched yet.
    """
    (binder,) = node.binders
    assert isinstance(binder.domain, Call)
    center, radius = binder.domain.arguments
    named = {k.name: k.value for k in binder.domain.keywords}
    norm = value_or_none(named["norm"], params) if "norm" in named else None
    if node.function not in ("max", "min", "all", "any"):
        raise not_compiled(f"`{node.function}` over a ball", node)
    if norm not in (2.0, float("inf")):
        raise not_compiled("a search of a ball in another norm than 2 and inf", binder.domain)
    if not isinstance(center, Name):
        raise not_compiled("a ball around something else than a column", center)
    if binder.condition is not None:
        raise not_compiled("a ball with a `where`", binder.condition)
    if any(isinstance(n, Name) and n.id == center.id for n in walk(node.body)):
        what = f"a worst case that names `{center.id}` beside `{binder.names[0]}`"
        raise not_compiled(what, node)
    body = substitute(node.body, {binder.names[0]: center})
    turned = node.function == "min"
    body = negate(body) if turned else body
    body = Not(operand=body, span=body.span) if node.function == "all" else body
    found = WorstCase(
        body=body,
        column=center.id,
        radius=radius,
        norm=norm,
        attack=_attack(named.get("solver"), params),
        written=node,
        span=node.span,
    )
    if node.function == "all":
        return Not(operand=found, span=node.span)
    return negate(found) if turned else found


def _attack(solver: Expr | None, params: Values) -> Attack:
    given = {}
    if isinstance(solver, Call):
        given = {k.name: value_or_none(k.value, params) for k in solver.keywords}
    settings = Pgd(**{name: value for name, value in given.items() if value is not None})
    return Attack(settings.steps, settings.step, settings.restarts)


def harder(attack: Attack) -> Attack:
    """The attack by which a verdict is measured; a step that is given stays."""
    return Attack(HARDER * attack.steps, attack.step, attack.restarts + RESTARTS)
