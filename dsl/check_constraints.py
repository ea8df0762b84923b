"""Checks of constraints: their form, their kinds, their modifiers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from cspec.dsl.check_forms import check_relation
from cspec.dsl.check_items import Settled
from cspec.dsl.check_modifiers import Modifiers, check_modifiers
from cspec.dsl.check_verify import check_labels, check_verify
from cspec.dsl.nodes import Constraint, Group, Spec, Verify
from cspec.dsl.settings.methods import Method, Soft
from cspec.dsl.typecheck import OUTSIDE, Scope, Typer


class Limits(BaseModel):
    """What modifiers say, by label path."""

    model_config = ConfigDict(frozen=True)

    methods: dict[str, Method] = {}
    soft: dict[str, Soft] = {}
    within: dict[str, float] = {}


def check_constraints(typer: Typer, spec: Spec, settled: Settled) -> Limits:
    """Check every constraint of an elaborated spec; findings go to the typer."""
    check_labels(typer, spec)
    methods: dict[str, Method] = {}
    soft: dict[str, Soft] = {}
    within: dict[str, float] = {}
    sound: set[str] = set()
    stack: list[tuple[Constraint | Group, Scope]] = [
        (constraint, OUTSIDE) for constraint in reversed(list(spec.constraints()))
    ]
    while stack:
        current, scope = stack.pop()
        before = len(typer.found)
        inner = typer.bind(current.binders, scope)
        if isinstance(current, Group):
            stack.extend((member, inner) for member in reversed(current.constraints))
            continue
        label = current.label or ""
        found = check_modifiers(typer, current, inner, settled)
        check_relation(typer, current, inner, found)
        _collect(label, found, methods, soft, within)
        if len(typer.found) == before:
            sound.add(label)
    check_verify(typer, [i for i in spec.items if isinstance(i, Verify)], spec, settled)
    return Limits(methods=methods, soft=soft, within=within)


def _collect(
    label: str,
    found: Modifiers,
    methods: dict[str, Method],
    soft: dict[str, Soft],
    within: dict[str, float],
) -> None:
    if found.method is not None:
        methods[label] = found.method
    if found.soft is not None:
        soft[label] = found.soft
    if found.within is not None:
        within[label] = found.within
