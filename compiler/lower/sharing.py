"""Which parameters a set is on, and sets that share them."""

from __future__ import annotations

from collections.abc import Sequence

from cspec.compiler.methods.projection import projections
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.lowered import SetAction
from cspec.compiler.records.problem import ParameterRef
from cspec.dsl.messages.wording import listing
from cspec.dsl.tree.nodes import Expr, Name


def targets(action: SetAction, facts: Facts) -> list[Expr]:
    """The parameters an action is on: those named, or all the prunable weights of its model."""
    if action.targets:
        return list(action.targets)
    assert action.set.model is not None
    return [
        ParameterRef(model=action.set.model, name=p.name, shape=p.shape)
        for p in facts.models[action.set.model].parameters
        if p.prunable
    ]


def name_of(target: Expr) -> str:
    """What tells the parameters of sets apart."""
    match target:
        case ParameterRef(model=model, name=name):
            return f"{model}.{name}"
        case Name(id=name):
            return name
        case _:
            return repr(target)


def sharing(actions: Sequence[SetAction], facts: Facts) -> list[list[SetAction]]:
    """The actions in groups, in order: two are in one group where they share a parameter."""
    groups: list[list[SetAction]] = []
    for action in actions:
        names = _names(action, facts)
        near = [g for g in groups if any(names & _names(other, facts) for other in g)]
        apart = [g for g in groups if g not in near]
        groups = [*apart, [*(other for g in near for other in g), action]]
    ordered = [sorted(group, key=actions.index) for group in groups]
    return sorted(ordered, key=lambda group: actions.index(group[0]))


def sharing_notes(actions: Sequence[SetAction], facts: Facts) -> tuple[str, ...]:
    """What to know of projections onto several sets on the same parameters."""
    projected = projections(actions)
    return tuple(
        f"{listing(families, 'and')} share parameters: each step "
        "projects in turn until all hold. For convex sets that is the nearest common point "
        "(Dykstra); for others a common point, if there is one near, but not the nearest"
        for group in sharing(projected, facts)
        if len(families := dict.fromkeys(action.family for action in group)) > 1
    )


def _names(action: SetAction, facts: Facts) -> frozenset[str]:
    named = (item for item in targets(action, facts) if isinstance(item, ParameterRef | Name))
    return frozenset(map(name_of, named))
