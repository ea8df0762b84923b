"""Make everything that a spec leaves implicit explicit, in the same node classes.

    minimize ce s.t. density(model) <= 0.5

becomes, with spans of what was written kept on what was inferred,

    data data(x, y)
    model model
    minimize E[ce(model(x), y) on data]
    s.t. c1: density(model) <= 0.5
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from pydantic import BaseModel

from cspec.dsl.explicit.expressions import Elaborator, Surroundings
from cspec.dsl.explicit.parameters import with_var_sets
from cspec.dsl.explicit.points import on_average, point_set
from cspec.dsl.explicit.questions import mean_of_which
from cspec.dsl.explicit.worst_example import worst_of, worst_point
from cspec.dsl.format.expressions import format_expression
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.settings.methods import MAPS
from cspec.dsl.text.source import Source, Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import calls_of, head_word, labeled, rebuild, substitute
from cspec.dsl.words.functions import SURROGATES
from cspec.dsl.words.losses import LOSSES


class Note(BaseModel, frozen=True):
    """Something that elaboration made explicit: what was written, what it means."""

    span: Span
    written: str
    meaning: str


class Elaboration(NamedTuple):
    """The explicit spec, what was made explicit, and what could not be."""

    spec: nodes.Spec
    notes: tuple[Note, ...]
    diagnostics: tuple[Diagnostic, ...]


def elaborate(spec: nodes.Spec, source: Source, symbols: Symbols) -> Elaboration:
    """The spec with everything implicit made explicit."""
    worker = Elaborator(symbols, source)
    items: list[nodes.Item] = []
    for name in ("data", "model"):
        if name in symbols.implied:
            items.append(symbols.table[name].item)
    for item in with_var_sets(spec).items:
        items.append(_item(item, worker))
    explicit = labeled(spec.changed(items=tuple(items)))
    notes = tuple(Note(span=s, written=w, meaning=m) for s, w, m in worker.notes)
    return Elaboration(explicit, notes, tuple(worker.found))


def flatten(spec: nodes.Spec) -> Iterator[tuple[tuple[nodes.Binder, ...], nodes.Constraint]]:
    """Every constraint of an elaborated spec with all its binders, outer ones first."""
    stack: list[tuple[tuple[nodes.Binder, ...], nodes.Constraint | nodes.Group]] = [
        ((), constraint) for constraint in reversed(list(spec.constraints()))
    ]
    while stack:
        outer, current = stack.pop()
        binders = outer + current.binders
        if isinstance(current, nodes.Group):
            stack.extend((binders, inner) for inner in reversed(current.constraints))
        else:
            yield binders, current


def _item(item: nodes.Item, worker: Elaborator) -> nodes.Item:
    outside = Surroundings()
    match item:
        case nodes.Let(value=value, parameters=parameters):
            inner = outside._replace(local=frozenset(parameters or ()), let=True)
            return _with(item, "value", average(worker, value, inner, "let"))
        case nodes.Objective(expression=nodes.Expr() as value):
            return _with(item, "expression", average(worker, value, outside, "objective"))
        case nodes.Metric(value=value):
            return _with(item, "value", average(worker, value, outside, "metric"))
        case nodes.Verify(dataset=str(name)):
            return item.changed(dataset=worker.dataset(name))
        case nodes.SubjectTo(constraints=constraints):
            explicit = tuple(_constraint(c, outside, (), worker) for c in constraints)
            return item.changed(constraints=explicit)
    return item


def _with(item: nodes.Item, field: str, value: object) -> nodes.Item:
    return item.model_copy(update={field: value})


def _constraint(
    constraint: nodes.Constraint | nodes.Group,
    context: Surroundings,
    outer: tuple[nodes.Modifier, ...],
    worker: Elaborator,
) -> nodes.Constraint | nodes.Group:
    """A constraint with its modifiers made explicit; a group hands its own to its members."""
    own = {type(modifier) for modifier in constraint.modifiers}
    modifiers = (*constraint.modifiers, *(m for m in outer if type(m) not in own))
    if isinstance(constraint, nodes.Constraint):
        constraint, modifiers = _of_mean(constraint, modifiers, worker)
    binders, inner = worker.binders(constraint.binders, context)
    if isinstance(constraint, nodes.Group):
        members = tuple(_constraint(c, inner, modifiers, worker) for c in constraint.constraints)
        return constraint.changed(binders=binders, constraints=members, modifiers=())
    inside = context.data is not None
    each, kept_binders = worst_point(constraint.relation, constraint.binders, inside)
    if kept_binders != constraint.binders:
        constraint = constraint.changed(relation=each, binders=kept_binders)
        binders, inner = worker.binders(kept_binders, context)
    if not any(isinstance(modifier, nodes.Soft) for modifier in modifiers):
        symbols = worker.symbols
        of_points = any(point_set(b.domain, symbols.domains()) for b in binders)
        domains = {} if of_points else symbols.domains()
        each, over = worst_of(constraint.relation, symbols.datasets(), domains)
        constraint = constraint.changed(relation=each)
        more, inner = worker.binders(over, inner)
        binders = (*binders, *more)
    on = next((modifier for modifier in modifiers if isinstance(modifier, nodes.On)), None)
    if on is not None:
        name = worker.dataset(on.dataset)
        inner = inner._replace(on=name, on_span=on.span)
    before = worker.measured
    relation = explicit_relation(worker, constraint.relation, inner)
    if on is not None and worker.measured == before:
        worker.nothing_measured(on, constraint)
    twice = sum(isinstance(m, nodes.On) for m in modifiers) > 1  # a finding of `check_modifiers`
    kept = tuple(
        _modifier(m, inner, worker) for m in modifiers if twice or not isinstance(m, nodes.On)
    )
    return constraint.changed(binders=binders, relation=relation, modifiers=kept)


def _of_mean(
    constraint: nodes.Constraint, modifiers: tuple[nodes.Modifier, ...], worker: Elaborator
) -> tuple[nodes.Constraint, tuple[nodes.Modifier, ...]]:
    """A requirement on points that are drawn anew as the mean that it is about."""
    whole = constraint.changed(modifiers=modifiers)
    found = on_average(whole, worker.symbols.domains())
    if found is None:
        return constraint, modifiers
    written = " ".join(worker.source.slice(constraint.relation.span).split())
    worker.notes.append((constraint.relation.span, written, format_expression(found.relation)))
    return found, found.modifiers


def _modifier(
    modifier: nodes.Modifier, context: Surroundings, worker: Elaborator
) -> nodes.Modifier:
    match modifier:
        case nodes.By(method=nodes.Name(id=word, span=span)) if word in MAPS:
            setting = nodes.Keyword(
                name="map", value=nodes.Name(id=word, span=span), span=span, name_span=span
            )
            head = nodes.Name(id="parametrization", span=span)
            method = nodes.Call(function=head, keywords=(setting,), span=span)
            return modifier.changed(method=method)
        case nodes.WithSurrogate(surrogate=surrogate):
            explicit = explicit_surrogate(worker, surrogate, context)
            return modifier.changed(surrogate=explicit)
    return modifier


Place = Literal["objective", "metric", "side", "let"]

_OF_THE_MEAN = frozenset({"sqrt", "exp", "log", "expm1", "log1p"})
"""Functions that people mean of the mean: the root of `mse`, the perplexity `exp(ce)`."""


def average(
    worker: Elaborator, expr: nodes.Expr, context: Surroundings, place: Place
) -> nodes.Expr:
    """An expression made explicit; one value an example is averaged where that has one reading.

        minimize ce                      ->   E[ce(f(x), y)]
        minimize w*ce + 0.1*sumsq(W)     ->   E[w*ce(f(x), y)] + 0.1*sumsq(W)
        s.t. 2*ce <= 1                   ->   2*E[ce(f(x), y)] <= 1
        s.t. ce^2 <= 4                   ->   the mean, or each? (a check asks)
        minimize sqrt(mse)               ->   the mean of the roots, or the root of the mean?

    A bare loss is one number an example until it is averaged: at the end, so that `w*ce` is the
    mean of the products and never the product of the means. So are the sides of relations, and the
    surrogates that stand behind them.
    """
    if not _each(worker, expr, place):
        return worker.expression(expr, context)
    match expr:
        case nodes.Name(id=word) if worker.symbols.role(word) == "let":
            return average(worker, worker.symbols.lets()[word].value, context, place)
        case nodes.Name(id=word) if word in LOSSES:
            return worker.loss(expr, context)
        case nodes.Call(function=nodes.Name(id=word)) if worker.symbols.role(word) == "let":
            return average(worker, _written_out(worker, expr), context, place)
        case nodes.Sum(operands=operands) if place != "objective" or not _columns(
            worker, *operands
        ):
            parts = tuple(average(worker, operand, context, place) for operand in operands)
            return expr.changed(operands=parts)
        case nodes.Negate(operand=operand) if place != "objective" or not _columns(worker, expr):
            return expr.changed(operand=average(worker, operand, context, place))
        case nodes.Product() if (factor := _only_factor(worker, expr, place)) is not None:
            return _scaled(worker, expr, factor, context, place)
    return _mean(worker, expr, context, place)


def _each(worker: Elaborator, expr: nodes.Expr, place: Place) -> bool:
    """Whether an expression has a value an example that is averaged here."""
    if worker.reach.holds_loss(expr):
        return True
    return place == "objective" and _columns(worker, expr)


def _columns(worker: Elaborator, *parts: nodes.Expr) -> bool:
    """Whether columns or predictions stand outside every expectation, in each of some parts."""
    return all(worker.reach.touches(part, frozenset()) for part in parts)


def _written_out(worker: Elaborator, call: nodes.Call) -> nodes.Expr:
    """The value of a let function with its arguments."""
    assert isinstance(call.function, nodes.Name)
    item = worker.symbols.lets()[call.function.id]
    parameters = item.parameters or ()
    if len(parameters) != len(call.arguments):
        return item.value  # a finding of the checks
    return substitute(item.value, dict(zip(parameters, call.arguments, strict=True)))


def _only_factor(worker: Elaborator, expr: nodes.Product, place: Place) -> int | None:
    """The place of the one factor that has a value an example; None of several, or of a divisor."""
    if "@" in expr.operators:
        return None
    each = [_each(worker, o, place) or _columns(worker, o) for o in expr.operands]
    found = [i for i, one in enumerate(each) if one]
    divides = len(found) == 1 and found[0] > 0 and expr.operators[found[0] - 1] == "/"
    one = len(found) == 1 and not divides
    return found[0] if one and not _columns(worker, expr.operands[found[0]]) else None


def _scaled(
    worker: Elaborator, expr: nodes.Product, factor: int, context: Surroundings, place: Place
) -> nodes.Expr:
    """A multiple of what is averaged: the mean of the multiple is the multiple of the mean."""
    operands = tuple(
        average(worker, operand, context, place)
        if index == factor
        else worker.expression(operand, context)
        for index, operand in enumerate(expr.operands)
    )
    return expr.changed(operands=operands)


def _mean(worker: Elaborator, expr: nodes.Expr, context: Surroundings, place: Place) -> nodes.Expr:
    data = worker.default(expr.span, context, None)
    inside = worker.expression(expr, context._replace(data=data))
    if place in ("let", "side"):
        return inside  # one value an example: its use, or a check, says what becomes of it
    if _of_the_mean(worker, expr):
        worker.ask(mean_of_which(worker.source, expr))
        return inside
    written = " ".join(worker.source.slice(expr.span).split())
    worker.notes.append((expr.span, written, f"E[{written} on {data}]"))
    return nodes.Expectation(kind="E", body=inside, dataset=data, span=expr.span)


def _of_the_mean(worker: Elaborator, expr: nodes.Expr) -> bool:
    """Whether a function of a bare loss is one that people mean of its mean."""
    return any(
        worker.reach.holds_loss(argument)
        for node in calls_of(expr, _OF_THE_MEAN)
        for argument in node.arguments
    )


def explicit_relation(worker: Elaborator, expr: nodes.Expr, context: Surroundings) -> nodes.Expr:
    """The relation of a constraint; outside of each example its sides are numbers."""
    if context.data is not None:
        return worker.expression(expr, context)
    match expr:
        case nodes.Compare(operands=operands):
            sides = tuple(average(worker, side, context, "side") for side in operands)
            return expr.changed(operands=sides)
        case nodes.Membership(element=element, set=within):
            inner = average(worker, element, context, "side")
            members = worker.expression(within, context)
            return expr.changed(element=inner, set=members)
        case nodes.And() | nodes.Or() | nodes.Not() | nodes.Implies():
            return rebuild(expr, lambda part: _atom(worker, part, context))
    return worker.expression(expr, context)


def _atom(worker: Elaborator, node: nodes.Node, context: Surroundings) -> nodes.Node:
    """A relation inside a rule."""
    return explicit_relation(worker, node, context) if isinstance(node, nodes.Expr) else node


def explicit_surrogate(worker: Elaborator, expr: nodes.Expr, context: Surroundings) -> nodes.Expr:
    """What stands behind `with surrogate`: a word of its own, or an expression."""
    positional = isinstance(expr, nodes.Call) and bool(expr.arguments)
    if head_word(expr) in SURROGATES and not positional:
        return expr
    if context.data is not None:
        return worker.expression(expr, context)
    return average(worker, expr, context, "objective")
