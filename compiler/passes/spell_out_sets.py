"""Write sets of decision variables as relations, where a solver can take the whole problem.

    s: w in simplex      ->   s.sum: sum(w) == 1,  s.sign: w >= 0
    b: w in ball(r)      ->   b: sumsq(w) <= r^2       (norm 2)
    b: w in ball(c, r)   ->   b: sumsq(w - c) <= r^2   (norm 2)
    p: w in nonneg       ->   p: w >= 0

For small problems of `var`s alone, under `auto` and `sqp`: sequential quadratic programming solves
them to rounding, where projection after an optimizer's step may settle beside the minimum. Nothing
is written out unless every set of the problem can be.
"""

from __future__ import annotations

import math
from itertools import pairwise

from cspec.compiler.ir import Constraint, Problem, Relation
from cspec.compiler.passes.canonical import minus
from cspec.compiler.rewrite import call, number
from cspec.dsl.check import Checked
from cspec.dsl.constants import value_or_none
from cspec.dsl.nodes import Call, Expr, Index, Interval, Name, Number, Power, Vector
from cspec.dsl.settings.methods import Auto, Sqp


def spell_out_sets(problem: Problem, checked: Checked) -> Problem:
    """The problem with sets as relations; unchanged where data, models or a method are in play."""
    if checked.symbols.datasets() or checked.symbols.models():
        return problem
    if not isinstance(checked.method, Auto | Sqp) or any(_own_way(c) for c in problem.constraints):
        return problem
    asked = isinstance(checked.method, Sqp)
    spelled = [
        None if _by_rows(c, checked) else _spelled(c) or (_asked(c, checked) if asked else None)
        for c in problem.constraints
    ]
    if any(pieces is None for pieces in spelled):
        return problem
    constraints = tuple(piece for pieces in spelled if pieces is not None for piece in pieces)
    return problem.model_copy(update={"constraints": constraints})


def _by_rows(c: Constraint, checked: Checked) -> bool:
    """Whether a set is one of every row: `X in simplex` of a matrix is no sum over all of it."""
    variable = checked.symbols.vars().get(c.value.id) if isinstance(c.value, Name) else None
    several = variable is not None and len(variable.dimensions) > 1
    return several and isinstance(c.bound, Name) and c.bound.id == "simplex"


def _own_way(c: Constraint) -> bool:
    return c.method is not None or c.construction or c.soft is not None or bool(c.binders)


def _spelled(c: Constraint) -> tuple[Constraint, ...] | None:
    """The relations of a constraint; None for a set that has none here."""
    if c.relation != "in" or isinstance(c.bound, Interval):
        return (c,)
    match c.bound:
        case Name(id="nonneg"):
            return (_relation(c, c.value, number(0), ">="),)
        case Name(id="simplex"):
            total = _relation(c, call("sum", c.value), number(1), "==", "sum")
            return (total, _relation(c, c.value, number(0), ">=", "sign"))
        case Call(function=Name(id="ball"), arguments=(*center, radius), keywords=keywords) if all(
            k.name == "norm" and isinstance(k.value, Number) and k.value.value == 2
            for k in keywords
        ):
            square = Power(base=radius, exponent=number(2), span=radius.span)
            return (_relation(c, call("sumsq", _around(c.value, center)), square, "<="),)
        case _:
            return None


def _around(value: Expr, center: list[Expr]) -> Expr:
    """x - center, without a center x."""
    return minus(value, center[0]) if center else value


def _asked(c: Constraint, checked: Checked) -> tuple[Constraint, ...] | None:
    """Sets that have relations, and a projection that serves better where no solver is asked for.

    sphere -> sumsq(w) == 1, ball(r, norm=1) -> norm(w, 1) <= r, monotone -> w[i+1] - w[i] >= 0
    """
    variable = checked.symbols.vars().get(c.value.id) if isinstance(c.value, Name) else None
    match c.bound:
        case Name(id="sphere") if variable is not None and len(variable.dimensions) < 2:
            return (_relation(c, call("sumsq", c.value), number(1), "=="),)
        case Name(id="monotone") if variable is not None and len(variable.dimensions) == 1:
            size = int(value_or_none(variable.dimensions[0], checked.params) or 0)
            entries = [Index(value=c.value, indices=(number(i),)) for i in range(size)]
            steps = tuple(minus(b, a) for a, b in pairwise(entries))
            return (_relation(c, Vector(items=steps), number(0), ">="),) if steps else None
        case Call(function=Name(id="ball"), arguments=(*center, radius), keywords=(keyword,)):
            order = value_or_none(keyword.value, checked.params)
            if keyword.name == "norm" and order in (1.0, math.inf):
                length = call("norm", _around(c.value, center), keyword.value)
                return (_relation(c, length, radius, "<="),)
    return None


def _relation(
    c: Constraint, value: Expr, bound: Expr, relation: Relation, part: str = ""
) -> Constraint:
    label = f"{c.label}.{part}" if part else c.label
    update = {"label": label, "value": value, "bound": bound, "relation": relation}
    return c.model_copy(update=update)
