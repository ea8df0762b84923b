"""What is asked of the worst, and of each.

max(e for (x, y) in train) <= b                ->   forall (x, y) in train: e <= b
max(e for (t, x) in q.grid(9)) <= b            ->   forall (t, x) in q.grid(9): e <= b
forall (x, y) in train, z in ball(x, r): e <= b   ->   forall (x, y) in train:
                                                         max(e for z in ball(x, r)) <= b
forall (x, y) in train, z in ball(x, r), a in [0, 1]: e <= b   ->   of both together

`min(..) >= b` alike, and numbers of an interval, `a in [lo, hi]`.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from cspec.dsl.explicit.points import point_set
from cspec.dsl.tree.nodes import (
    EXTREMES,
    TURNED,
    Binder,
    Call,
    Compare,
    Comprehension,
    Domain,
    Expr,
    Interval,
    Name,
)
from cspec.dsl.tree.rebuild import names
from cspec.dsl.words.sets import BALL, BOXES

EXTREME = {"<=": "max", ">=": "min"}
"""The extreme that has to meet a bound, by the relation."""


def worst_of(
    relation: Expr, datasets: Container[str], domains: Mapping[str, Domain]
) -> tuple[Expr, tuple[Binder, ...]]:
    """A relation of the worst example or point as that of each, and the quantifier.

    Others are as they are.
    """
    match relation:
        case Compare(operands=(Comprehension() as worst, bound), operators=(operator,)):
            pass
        case Compare(operands=(bound, Comprehension() as worst), operators=(turned,)):
            operator = TURNED[turned]
        case _:
            return relation, ()
    domain = worst.binders[0].domain
    examples = isinstance(domain, Name) and domain.id in datasets
    each = examples or point_set(domain, domains) is not None
    if len(worst.binders) > 1 or not each or EXTREME.get(operator) != worst.function:
        return relation, ()
    of_each = Compare(operands=(worst.body, bound), operators=(operator,), span=relation.span)
    return of_each, worst.binders


def worst_point(relation: Expr, binders: tuple[Binder, ...]) -> tuple[Expr, tuple[Binder, ...]]:
    """A relation on each point of a ball around each example as that of the worst point."""
    match relation, binders:
        case (
            Compare(operands=(left, right), operators=("<=" | ">=",)),
            (Binder(names=columns, domain=Name()) as rows, *sets),
        ) if len(columns) > 1 and sets and all(is_searched(s.domain) for s in sets):
            pass
        case _:
            return relation, binders
    operator = relation.operators[0]
    left = _worst(left, "max" if operator == "<=" else "min", tuple(sets))
    right = _worst(right, "min" if operator == "<=" else "max", tuple(sets))
    return relation.model_copy(update={"operands": (left, right)}), (rows,)


def _worst(side: Expr, extreme: str, sets: tuple[Binder, ...]) -> Expr:
    """The extreme of a side over the sets whose points stand in it."""
    found = names(side)
    kept = tuple(binder for binder in sets if not found.isdisjoint(binder.names))
    if not kept:
        return side
    return Comprehension(function=extreme, body=side, binders=kept, span=side.span)


def joint(expr: Comprehension) -> Comprehension:
    """`max(max(e for a in [lo, hi]) for z in ball(x, r))`: the worst of both sets together."""
    inner = expr.body
    if not isinstance(inner, Comprehension) or inner.function != expr.function:
        return expr
    binders = (*expr.binders, *inner.binders)
    if expr.function not in EXTREMES or not all(is_searched(b.domain) for b in binders):
        return expr
    return expr.model_copy(update={"body": inner.body, "binders": binders})


def is_searched(domain: Expr) -> bool:
    """Whether the worst of a set is searched: of a ball, an interval or a box."""
    match domain:
        case Interval():
            return True
        case Call(function=Name(id=word)):
            return word == BALL or word in BOXES
    return False
