"""Labels: `c1, c2, ...` for constraints without one, paths for members of groups."""

from __future__ import annotations

from cspec.dsl.tree.nodes import (
    Compare,
    Constraint,
    Expr,
    Group,
    Interval,
    Item,
    Membership,
    Spec,
    SubjectTo,
)


def labeled(spec: Spec) -> Spec:
    """The spec with a full label on every constraint and group."""
    taken = {c.label for c in spec.constraints() if c.label is not None}
    count = 0
    items: list[Item] = []
    for item in spec.items:
        if isinstance(item, SubjectTo):
            named, count = _members(item.constraints, "", taken, count)
            item = item.changed(constraints=named)
        items.append(item)
    return spec.changed(items=tuple(items))


def chain_parts(relation: Expr) -> tuple[str, ...]:
    """What the constraints of a chain are called behind its label; empty where it is none.

    `lo`, `hi` of an expression between two bounds, else the numbers of the links.
    """
    match relation:
        case Compare(operators=("<=" | ">=", "<=" | ">=")) | Membership(set=Interval()):
            return ("lo", "hi")
        case Compare(operators=(_, _, *_) as operators):
            return tuple(str(place) for place in range(1, len(operators) + 1))
    return ()


def _members(
    members: tuple[Constraint | Group, ...], prefix: str, taken: set[str], count: int
) -> tuple[tuple[Constraint | Group, ...], int]:
    named: list[Constraint | Group] = []
    for member in members:
        label = member.label
        if label is None:
            count += 1
            while f"c{count}" in taken:
                count += 1
            label = f"c{count}"
        path = prefix + label
        update: dict[str, object] = {"label": path}
        if isinstance(member, Group):
            inside = {m.label for m in member.constraints if m.label is not None}
            update["constraints"], _ = _members(member.constraints, path + ".", inside, 0)
        named.append(member.model_copy(update=update))
    return tuple(named), count
