"""Points that are written in another form than they are searched or drawn in.

Points of two sets together, as points of the box that both span:

    forall x in q.sample(20), s in p.sample(30): e   ->   forall (x, s) in box(..).sample(20*30): e
    E[e for t in q.grid(9) for s in p.grid(9)]       ->   E[e for (t, s) in box(..).grid(9)]

Points that are drawn stand for the sets they are drawn from: as many of the product, each with
numbers of its own on all axes, cover it better than a lattice of the two.

A change that is added to an input, as a point of a ball around it:

    max(ce(f(x + d), y) for d in ball(r, norm=2))
                                          ->   max(ce(f(z), y) for z in ball(x, r, norm=2))

The first is how papers write it (Madry et al. 2018, equation 2.1), the second how it is searched.
Where d stands elsewhere, alone or with a factor, it is z - x.
"""

from collections.abc import Mapping, Set

from cspec.dsl.explicit.points import PointSet, point_set
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import (
    bound_names,
    fresh,
    function_name,
    mentions,
    names,
    rebuild,
    substitute,
)
from cspec.dsl.words.sets import BALL, BOX


def joint_points(
    binders: tuple[nodes.Binder, ...], domains: Mapping[str, nodes.Domain]
) -> tuple[nodes.Binder, ...]:
    """The binders with those over points of boxes as one, in the place of the first of them.

    Sets that can't be one stay as they are: a grid beside drawn points or a finer grid, ends that
    move with another name, axes of several numbers.
    """
    found = [(b, one) for b in binders if (one := _alone(b, binders, domains)) is not None]
    words = {one.word for _, one in found}
    finenesses = {nodes.shape(one.number) for _, one in found if one.word != "sample"}
    if len(found) < 2 or len(words) > 1 or len(finenesses) > 1:
        return binders
    first, among = found[0][0], [binder for binder, _ in found]
    together = _together(found)
    return tuple(
        together if binder is first else binder
        for binder in binders
        if binder is first or not any(binder is one for one in among)
    )


def _alone(
    binder: nodes.Binder, binders: tuple[nodes.Binder, ...], domains: Mapping[str, nodes.Domain]
) -> PointSet | None:
    """The points of a box that a binder goes over, one number a name; None of other sets."""
    found = point_set(binder.domain, domains)
    if found is None or found.kind != "uniform" or mentions(binder.domain, bound_names(binders)):
        return None
    wide = any(dimensions for _, dimensions in found.axes)
    return None if wide or len(found.ends) not in (1, len(binder.names)) else found


def _together(found: list[tuple[nodes.Binder, PointSet]]) -> nodes.Binder:
    first, one = found[0]
    span = first.domain.span
    axes: list[nodes.Expr] = []
    for binder, points in found:
        ends = points.ends * (len(binder.names) if len(points.ends) == 1 else 1)
        axes += [nodes.Vector(items=pair, span=span) for pair in ends]
    box = nodes.Call(function=nodes.Name(id=BOX, span=span), arguments=tuple(axes), span=span)
    numbers = tuple(points.number for _, points in found)
    number: nodes.Expr = numbers[0]
    if one.word == "sample":
        number = nodes.Product(operands=numbers, operators=("*",) * (len(numbers) - 1), span=span)
    chosen = nodes.Attribute(value=box, name=one.word, span=span)
    asked = [binder.condition for binder, _ in found if binder.condition is not None]
    condition = nodes.And(operands=tuple(asked), span=asked[0].span) if len(asked) > 1 else None
    return first.changed(
        names=tuple(name for binder, _ in found for name in binder.names),
        domain=nodes.Call(function=chosen, arguments=(number,), span=span),
        condition=condition or (asked[0] if asked else None),
    )


POINT = "z"
"""What a point of such a ball is called."""


def around_inputs(expr: nodes.Comprehension, columns: Set[str]) -> nodes.Comprehension:
    """The same with each change that is added to a column as a point around that column.

    Others are as they are: changes that are added to nothing, or to two columns.
    """
    binders = list(expr.binders)
    body = expr.body
    for place, binder in enumerate(binders):
        ball = binder.domain
        if (
            not isinstance(ball, nodes.Call)
            or function_name(ball) != BALL
            or len(binder.names) != 1
        ):
            continue
        size = _without_center(ball)
        moved = _moved(body, binder.names[0], columns)
        if size is None or len(moved) != 1:
            continue
        column = nodes.Name(id=moved.pop(), span=binder.span)
        taken = names(expr) | bound_names(tuple(binders)) | columns
        point = nodes.Name(id=fresh(POINT, taken), span=binder.span)
        change = nodes.Name(id=binder.names[0])
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


def _without_center(ball: nodes.Call) -> tuple[nodes.Expr, ...] | None:
    """The radius, where a ball lies around nothing or around 0; None of a ball around something."""
    match ball.arguments:
        case () | (_,):
            return ball.arguments
        case (nodes.Number(value=0), radius):
            return (radius,)
    return None


def _moved(body: nodes.Expr, change: str, columns: Set[str]) -> set[str]:
    """The columns that stand in a sum with what a change is part of: x of `f(x + d) - y`.

    None where a mean over examples names it: one change for all of them.
    """
    found: set[str] = set()

    def alone(node: nodes.Node) -> bool:
        """Whether the change stands in a node, and in none of its sums beside a column."""
        found_below = [alone(child) for child in node.children()]
        below = any(found_below)
        if isinstance(node, nodes.Sum) and below:
            beside = {o.id for o in node.operands if isinstance(o, nodes.Name)} & columns
            found.update(beside)
            return not beside
        return below or (isinstance(node, nodes.Name) and node.id == change)

    alone(body)
    means = (n for n in nodes.walk(body) if isinstance(n, nodes.Expectation))
    return set() if any(mentions(mean, {change}) for mean in means) else found


def _at(body: nodes.Expr, column: nodes.Name, change: nodes.Name, point: nodes.Name) -> nodes.Expr:
    """`x + d` as the point z, and d elsewhere as z - x."""

    def replaced(node: nodes.Node) -> nodes.Node:
        if isinstance(node, nodes.Sum):
            node = _summed(node, column, change, point)
        return node if isinstance(node, nodes.Name) else rebuild(node, replaced)

    rest = nodes.Sum(operands=(point, column), operators=("-",), span=body.span)
    changed = replaced(body)
    assert isinstance(changed, nodes.Expr)
    return substitute(changed, {change.id: rest})


def _summed(
    node: nodes.Sum, column: nodes.Name, change: nodes.Name, point: nodes.Name
) -> nodes.Expr:
    """A sum in which a column and its change stand, both added, with the point for both."""
    terms = list(zip(("+", *node.operators), node.operands, strict=True))
    added = [s + o.id for s, o in terms if isinstance(o, nodes.Name)]
    if added.count(f"+{column.id}") != 1 or added.count(f"+{change.id}") != 1:
        return node
    kept: list[tuple[str, nodes.Expr]] = [("+", point)]
    for sign, operand in terms:
        if not (isinstance(operand, nodes.Name) and operand.id in (column.id, change.id)):
            kept.append((sign, operand))
    if len(kept) == 1:
        return point
    operators = tuple(sign for sign, _ in kept[1:])
    return node.changed(operands=tuple(o for _, o in kept), operators=operators)
