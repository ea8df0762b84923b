"""What is asked of the worst, and of each.

max(e for (x, y) in train) <= b                ->   forall (x, y) in train: e <= b
forall (x, y) in train, z in ball(x, r): e <= b   ->   forall (x, y) in train:
                                                         max(e for z in ball(x, r)) <= b

`min(..) >= b` alike, and numbers of an interval, `a in [lo, hi]`.
"""

from __future__ import annotations

from collections.abc import Container

from cspec.dsl.tree.nodes import (
    TURNED,
    Binder,
    Call,
    Compare,
    Comprehension,
    Expr,
    Interval,
    Name,
    walk,
)

EXTREME = {"<=": "max", ">=": "min"}
"""The extreme that has to meet a bound, by the relation."""


def worst_of(relation: Expr, datasets: Container[str]) -> tuple[Expr, tuple[Binder, ...]]:
    """A relation of the worst example as that of each, and the quantifier; others as they are."""
    match relation:
        case Compare(operands=(Comprehension() as worst, bound), operators=(operator,)):
            pass
        case Compare(operands=(bound, Comprehension() as worst), operators=(turned,)):
            operator = TURNED[turned]
        case _:
            return relation, ()
    domain = worst.binders[0].domain
    examples = len(worst.binders) == 1 and isinstance(domain, Name) and domain.id in datasets
    if not examples or EXTREME.get(operator) != worst.function:
        return relation, ()
    each = Compare(operands=(worst.body, bound), operators=(operator,), span=relation.span)
    return each, worst.binders


def worst_point(relation: Expr, binders: tuple[Binder, ...]) -> tuple[Expr, tuple[Binder, ...]]:
    """A relation on each point of a ball around each example as that of the worst point."""
    match relation, binders:
        case (
            Compare(operands=(left, right), operators=("<=" | ">=",)),
            (Binder(names=names, domain=Name()) as rows, ball),
        ) if len(names) > 1 and is_searched(ball.domain):
            pass
        case _:
            return relation, binders
    operator, point = relation.operators[0], ball.names[0]
    if any(isinstance(n, Name) and n.id == point for n in walk(left)):
        extreme = "max" if operator == "<=" else "min"
        left = Comprehension(function=extreme, body=left, binders=(ball,), span=left.span)
    if any(isinstance(n, Name) and n.id == point for n in walk(right)):
        extreme = "min" if operator == "<=" else "max"
        right = Comprehension(function=extreme, body=right, binders=(ball,), span=right.span)
    return relation.model_copy(update={"operands": (left, right)}), (rows,)


def is_searched(domain: Expr) -> bool:
    """Whether the worst of a set is searched: of a ball or an interval."""
    match domain:
        case Interval() | Call(function=Name(id="ball")):
            return True
    return False
