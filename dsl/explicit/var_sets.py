"""A variable that is declared in a set is held in it: `var z[3] in ball(1, norm=2)`.

It becomes a requirement of the variable's name, so that it is solved, measured and reported like
one: `z: z in ball(1, norm=2)`. Intervals stay with the variable.
"""

from __future__ import annotations

from cspec.dsl.text.source import Span
from cspec.dsl.tree.nodes import (
    By,
    Constraint,
    Expr,
    Item,
    Membership,
    Modifier,
    Name,
    Spec,
    SubjectTo,
    Using,
    Var,
)
from cspec.dsl.tree.rebuild import fresh, head_word
from cspec.dsl.words.functions import STRUCTURE

WHOLE = frozenset({"auto", "sqp", "spg"})
"""Methods that take a set along with the rest of the problem; beside others it is projected."""


def held_in(domain: Expr | None) -> bool:
    """Whether a set is one of tensors that has a projection, and no interval."""
    return head_word(domain) in STRUCTURE


def with_var_sets(spec: Spec) -> Spec:
    """The spec with a requirement for every variable that is declared in a set."""
    found = [item for item in spec.items if isinstance(item, Var) and held_in(item.domain)]
    if not found:
        return spec
    taken = {c.label for c in spec.constraints()}
    method = next((head_word(i.method) for i in spec.items if isinstance(i, Using)), "auto")
    modifiers = () if method in WHOLE else (By(method=Name(id="projection")),)
    made = tuple(_requirement(var, fresh(var.name, taken), modifiers) for var in found)
    items: list[Item] = [
        item.changed(domain=None) if item in found else item for item in spec.items
    ]
    place = next((i for i, item in enumerate(items) if isinstance(item, SubjectTo)), len(items))
    return spec.changed(items=(*items[:place], SubjectTo(constraints=made), *items[place:]))


def _requirement(var: Var, label: str, modifiers: tuple[Modifier, ...]) -> Constraint:
    assert var.domain is not None
    span = Span(var.name_span.start, var.domain.span.end)
    relation = Membership(element=Name(id=var.name, span=var.name_span), set=var.domain, span=span)
    return Constraint(label=label, relation=relation, modifiers=modifiers, span=span)
