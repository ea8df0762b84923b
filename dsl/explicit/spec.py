"""Make everything that a spec leaves implicit explicit, in the same node classes.

    minimize ce s.t. density(model) <= 0.5

becomes, with spans of what was written kept on what was inferred,

    data data(x, y)
    model model
    minimize E[ce(model(x), y) on data]
    s.t. c1: density(model) <= 0.5
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pydantic import BaseModel

from cspec.dsl.explicit.averages import average, explicit_relation, explicit_surrogate
from cspec.dsl.explicit.expressions import Elaborator, Surroundings
from cspec.dsl.explicit.points import on_average, point_set
from cspec.dsl.explicit.var_sets import with_var_sets
from cspec.dsl.explicit.worst_example import worst_of, worst_point
from cspec.dsl.format.expressions import format_expression
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.settings.methods import MAPS
from cspec.dsl.text.source import Source, Span
from cspec.dsl.tree.labels import labeled
from cspec.dsl.tree.nodes import (
    Binder,
    By,
    Call,
    Constraint,
    Expr,
    Group,
    Item,
    Keyword,
    Let,
    Metric,
    Modifier,
    Name,
    Objective,
    On,
    Soft,
    Spec,
    SubjectTo,
    Verify,
    WithSurrogate,
)


class Note(BaseModel, frozen=True):
    """Something that elaboration made explicit: what was written, what it means."""

    span: Span
    written: str
    meaning: str


class Elaboration(NamedTuple):
    """The explicit spec, what was made explicit, and what could not be."""

    spec: Spec
    notes: tuple[Note, ...]
    diagnostics: tuple[Diagnostic, ...]


def elaborate(spec: Spec, source: Source, symbols: Symbols) -> Elaboration:
    """The spec with everything implicit made explicit."""
    worker = Elaborator(symbols, source)
    items: list[Item] = []
    for name in ("data", "model"):
        if name in symbols.implied:
            items.append(symbols.table[name].item)
    for item in with_var_sets(spec).items:
        items.append(_item(item, worker))
    explicit = labeled(spec.changed(items=tuple(items)))
    notes = tuple(Note(span=s, written=w, meaning=m) for s, w, m in worker.notes)
    return Elaboration(explicit, notes, tuple(worker.found))


def flatten(spec: Spec) -> Iterator[tuple[tuple[Binder, ...], Constraint]]:
    """Every constraint of an elaborated spec with all its binders, outer ones first."""
    stack: list[tuple[tuple[Binder, ...], Constraint | Group]] = [
        ((), constraint) for constraint in reversed(list(spec.constraints()))
    ]
    while stack:
        outer, current = stack.pop()
        binders = outer + current.binders
        if isinstance(current, Group):
            stack.extend((binders, inner) for inner in reversed(current.constraints))
        else:
            yield binders, current


def _item(item: Item, worker: Elaborator) -> Item:
    outside = Surroundings()
    match item:
        case Let(value=value, parameters=parameters):
            inner = outside._replace(local=frozenset(parameters or ()), let=True)
            return _with(item, "value", average(worker, value, inner, "let"))
        case Objective(expression=Expr() as value):
            return _with(item, "expression", average(worker, value, outside, "objective"))
        case Metric(value=value):
            return _with(item, "value", average(worker, value, outside, "metric"))
        case Verify(dataset=str(name)):
            return item.changed(dataset=worker.dataset(name))
        case SubjectTo(constraints=constraints):
            explicit = tuple(_constraint(c, outside, (), worker) for c in constraints)
            return item.changed(constraints=explicit)
    return item


def _with(item: Item, field: str, value: object) -> Item:
    return item.model_copy(update={field: value})


def _constraint(
    constraint: Constraint | Group,
    context: Surroundings,
    outer: tuple[Modifier, ...],
    worker: Elaborator,
) -> Constraint | Group:
    """A constraint with its modifiers made explicit; a group hands its own to its members."""
    own = {type(modifier) for modifier in constraint.modifiers}
    modifiers = (*constraint.modifiers, *(m for m in outer if type(m) not in own))
    if isinstance(constraint, Constraint):
        constraint, modifiers = _of_mean(constraint, modifiers, worker)
    binders, inner = worker.binders(constraint.binders, context)
    if isinstance(constraint, Group):
        members = tuple(_constraint(c, inner, modifiers, worker) for c in constraint.constraints)
        return constraint.changed(binders=binders, constraints=members, modifiers=())
    inside = context.data is not None
    each, kept_binders = worst_point(constraint.relation, constraint.binders, inside)
    if kept_binders != constraint.binders:
        constraint = constraint.changed(relation=each, binders=kept_binders)
        binders, inner = worker.binders(kept_binders, context)
    if not any(isinstance(modifier, Soft) for modifier in modifiers):
        symbols = worker.symbols
        of_points = any(point_set(b.domain, symbols.domains()) for b in binders)
        domains = {} if of_points else symbols.domains()
        each, over = worst_of(constraint.relation, symbols.datasets(), domains)
        constraint = constraint.changed(relation=each)
        more, inner = worker.binders(over, inner)
        binders = (*binders, *more)
    on = next((modifier for modifier in modifiers if isinstance(modifier, On)), None)
    if on is not None:
        name = worker.dataset(on.dataset)
        inner = inner._replace(on=name, on_span=on.span)
    before = worker.measured
    relation = explicit_relation(worker, constraint.relation, inner)
    if on is not None and worker.measured == before:
        worker.nothing_measured(on, constraint)
    twice = sum(isinstance(m, On) for m in modifiers) > 1  # a finding of `check_modifiers`
    kept = tuple(_modifier(m, inner, worker) for m in modifiers if twice or not isinstance(m, On))
    return constraint.changed(binders=binders, relation=relation, modifiers=kept)


def _of_mean(
    constraint: Constraint, modifiers: tuple[Modifier, ...], worker: Elaborator
) -> tuple[Constraint, tuple[Modifier, ...]]:
    """A requirement on points that are drawn anew as the mean that it is about."""
    whole = constraint.changed(modifiers=modifiers)
    found = on_average(whole, worker.symbols.domains())
    if found is None:
        return constraint, modifiers
    written = " ".join(worker.source.slice(constraint.relation.span).split())
    worker.notes.append((constraint.relation.span, written, format_expression(found.relation)))
    return found, found.modifiers


def _modifier(modifier: Modifier, context: Surroundings, worker: Elaborator) -> Modifier:
    match modifier:
        case By(method=Name(id=word, span=span)) if word in MAPS:
            setting = Keyword(name="map", value=Name(id=word, span=span), span=span, name_span=span)
            head = Name(id="parametrization", span=span)
            method = Call(function=head, keywords=(setting,), span=span)
            return modifier.changed(method=method)
        case WithSurrogate(surrogate=surrogate):
            explicit = explicit_surrogate(worker, surrogate, context)
            return modifier.changed(surrogate=explicit)
    return modifier
