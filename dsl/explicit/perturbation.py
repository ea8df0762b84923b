"""A change that is added to an input, as a point of a ball around it.

max(ce(f(x + d), y) for d in ball(r, norm=2))   ->   max(ce(f(z), y) for z in ball(x, r, norm=2))

The first is how papers write it (Madry et al. 2018, equation 2.1), the second how it is searched.
Where d stands elsewhere, alone or with a factor, it is z - x.
"""

from __future__ import annotations

from collections.abc import Set

from cspec.dsl.tree.nodes import (
    Call,
    Comprehension,
    Expectation,
    Expr,
    Name,
    Node,
    Number,
    Sum,
    walk,
)
from cspec.dsl.tree.rebuild import fresh, function_name, mentions, names, rebuild, substitute
from cspec.dsl.words.sets import BALL

POINT = "z"
"""What a point of such a ball is called."""


def around_inputs(expr: Comprehension, columns: Set[str]) -> Comprehension:
    """The same with each change that is added to a column as a point around that column.

    Others are as they are: changes that are added to nothing, or to two columns.
    """
    binders = list(expr.binders)
    body = expr.body
    for place, binder in enumerate(binders):
        ball = binder.domain
        if not isinstance(ball, Call) or function_name(ball) != BALL or len(binder.names) != 1:
            continue
        size = _without_center(ball)
        moved = _moved(body, binder.names[0], columns)
        if size is None or len(moved) != 1:
            continue
        column = Name(id=moved.pop(), span=binder.span)
        taken = names(expr) | {n for b in binders for n in b.names} | columns
        point = Name(id=fresh(POINT, taken), span=binder.span)
        change = Name(id=binder.names[0])
        body = _at(body, column, change, point)
        asked = binder.condition
        update: dict[str, object] = {
            "names": (point.id,),
            "domain": ball.changed(arguments=(column, *size)),
            "condition": None if asked is None else _at(asked, column, change, point),
        }
        binders[place] = binder.model_copy(update=update)
    if body is expr.body:
        return expr
    return expr.changed(binders=tuple(binders), body=body)


def _without_center(ball: Call) -> tuple[Expr, ...] | None:
    """The radius, where a ball lies around nothing or around 0; None of a ball around something."""
    match ball.arguments:
        case () | (_,):
            return ball.arguments
        case (Number(value=0), radius):
            return (radius,)
    return None


def _moved(body: Expr, change: str, columns: Set[str]) -> set[str]:
    """The columns that stand in a sum with what a change is part of.

    None where a mean over examples names it: one change for all of them.
    """
    found: set[str] = set()
    for node in walk(body):
        if isinstance(node, Expectation) and mentions(node, {change}):
            return set()
        if isinstance(node, Sum):
            changed = any(mentions(o, {change}) for o in node.operands)
            beside = {o.id for o in node.operands if isinstance(o, Name)}
            found |= beside & columns if changed else set()
    return found


def _at(body: Expr, column: Name, change: Name, point: Name) -> Expr:
    """`x + d` as the point z, and d elsewhere as z - x."""

    def replaced(node: Node) -> Node:
        if isinstance(node, Sum):
            node = _summed(node, column, change, point)
        return node if isinstance(node, Name) else rebuild(node, replaced)

    rest = Sum(operands=(point, column), operators=("-",), span=body.span)
    changed = replaced(body)
    assert isinstance(changed, Expr)
    return substitute(changed, {change.id: rest})


def _summed(node: Sum, column: Name, change: Name, point: Name) -> Expr:
    """A sum in which a column and its change stand, both added, with the point for both."""
    signs = ("+", *node.operators)
    terms = list(zip(signs, node.operands, strict=True))
    added = [s + o.id for s, o in terms if isinstance(o, Name)]
    if added.count(f"+{column.id}") != 1 or added.count(f"+{change.id}") != 1:
        return node
    kept: list[tuple[str, Expr]] = [("+", point)]
    for sign, operand in terms:
        if not (isinstance(operand, Name) and operand.id in (column.id, change.id)):
            kept.append((sign, operand))
    if len(kept) == 1:
        return point
    operators = tuple(sign for sign, _ in kept[1:])
    return node.changed(operands=tuple(o for _, o in kept), operators=operators)
