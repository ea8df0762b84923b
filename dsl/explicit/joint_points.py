"""Points of two sets together, as points of the box that both span.

    forall x in q.sample(20), s in p.sample(30): e   ->   forall (x, s) in box(..).sample(20*30): e
    E[e for t in q.grid(9) for s in p.grid(9)]       ->   E[e for (t, s) in box(..).grid(9)]

Points that are drawn stand for the sets they are drawn from: as many of the product, each with
numbers of its own on all axes, cover it better than a lattice of the two.
"""

from __future__ import annotations

from collections.abc import Mapping

from cspec.dsl.explicit.points import PointSet, point_set
from cspec.dsl.tree.nodes import (
    And,
    Attribute,
    Binder,
    Call,
    Domain,
    Expr,
    Name,
    Product,
    Vector,
    shape,
)
from cspec.dsl.tree.rebuild import bound_names, mentions
from cspec.dsl.words.sets import BOX


def joint_points(binders: tuple[Binder, ...], domains: Mapping[str, Domain]) -> tuple[Binder, ...]:
    """The binders with those over points of boxes as one, in the place of the first of them.

    Sets that can't be one stay as they are: a grid beside drawn points or a finer grid, ends that
    move with another name, axes of several numbers.
    """
    found = [(b, one) for b in binders if (one := _alone(b, binders, domains)) is not None]
    words = {one.word for _, one in found}
    finenesses = {shape(one.number) for _, one in found if one.word != "sample"}
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
    binder: Binder, binders: tuple[Binder, ...], domains: Mapping[str, Domain]
) -> PointSet | None:
    """The points of a box that a binder goes over, one number a name; None of other sets."""
    found = point_set(binder.domain, domains)
    if found is None or found.kind != "uniform" or mentions(binder.domain, bound_names(binders)):
        return None
    wide = any(dimensions for _, dimensions in found.axes)
    return None if wide or len(found.ends) not in (1, len(binder.names)) else found


def _together(found: list[tuple[Binder, PointSet]]) -> Binder:
    first, one = found[0]
    span = first.domain.span
    axes: list[Expr] = []
    for binder, points in found:
        ends = points.ends * (len(binder.names) if len(points.ends) == 1 else 1)
        axes += [Vector(items=pair, span=span) for pair in ends]
    box = Call(function=Name(id=BOX, span=span), arguments=tuple(axes), span=span)
    numbers = tuple(points.number for _, points in found)
    number: Expr = numbers[0]
    if one.word == "sample":
        number = Product(operands=numbers, operators=("*",) * (len(numbers) - 1), span=span)
    chosen = Attribute(value=box, name=one.word, span=span)
    asked = [binder.condition for binder, _ in found if binder.condition is not None]
    condition = And(operands=tuple(asked), span=asked[0].span) if len(asked) > 1 else None
    return first.changed(
        names=tuple(name for binder, _ in found for name in binder.names),
        domain=Call(function=chosen, arguments=(number,), span=span),
        condition=condition or (asked[0] if asked else None),
    )
