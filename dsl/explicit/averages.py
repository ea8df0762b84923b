"""What has one value an example becomes its mean, where the spec leaves that implicit.

    minimize ce                      ->   E[ce(f(x), y)]
    minimize w*ce + 0.1*sumsq(W)     ->   E[w*ce(f(x), y)] + 0.1*sumsq(W)
    s.t. 2*ce <= 1                   ->   2*E[ce(f(x), y)] <= 1
    s.t. ce^2 <= 4                   ->   one value an example: the mean, or each? (a check asks)
    minimize sqrt(mse)               ->   the mean of the roots, or the root of the mean?

A bare loss is one number an example until it is averaged: at the end, so that `w*ce` is the mean of
the products and never the product of the means. So are the sides of relations, and the surrogates
that stand behind them.
"""

from __future__ import annotations

from typing import Literal

from cspec.dsl.explicit.expressions import Elaborator, Surroundings
from cspec.dsl.explicit.questions import mean_of_which
from cspec.dsl.tree.nodes import (
    And,
    Call,
    Compare,
    Expectation,
    Expr,
    Implies,
    Membership,
    Name,
    Negate,
    Node,
    Not,
    Or,
    Product,
    Sum,
)
from cspec.dsl.tree.rebuild import calls_of, head_word, rebuild, substitute
from cspec.dsl.words.functions import SURROGATES
from cspec.dsl.words.losses import LOSSES

Place = Literal["objective", "metric", "side", "let"]

_OF_THE_MEAN = frozenset({"sqrt", "exp", "log", "expm1", "log1p"})
"""Functions that people mean of the mean: the root of `mse`, the perplexity `exp(ce)`."""


def average(worker: Elaborator, expr: Expr, context: Surroundings, place: Place) -> Expr:
    """An expression made explicit; one value an example is averaged where that has one reading."""
    if not _each(worker, expr, place):
        return worker.expression(expr, context)
    match expr:
        case Name(id=word) if worker.symbols.role(word) == "let":
            return average(worker, worker.symbols.lets()[word].value, context, place)
        case Name(id=word) if word in LOSSES:
            return worker.loss(expr, context)
        case Call(function=Name(id=word)) if worker.symbols.role(word) == "let":
            return average(worker, _written_out(worker, expr), context, place)
        case Sum(operands=operands) if place != "objective" or not _columns(worker, *operands):
            parts = tuple(average(worker, operand, context, place) for operand in operands)
            return expr.changed(operands=parts)
        case Negate(operand=operand) if place != "objective" or not _columns(worker, expr):
            return expr.changed(operand=average(worker, operand, context, place))
        case Product() if (factor := _only_factor(worker, expr, place)) is not None:
            return _scaled(worker, expr, factor, context, place)
    return _mean(worker, expr, context, place)


def _each(worker: Elaborator, expr: Expr, place: Place) -> bool:
    """Whether an expression has a value an example that is averaged here."""
    if worker.reach.holds_loss(expr):
        return True
    return place == "objective" and _columns(worker, expr)


def _columns(worker: Elaborator, *parts: Expr) -> bool:
    """Whether columns or predictions stand outside every expectation, in each of some parts."""
    return all(worker.reach.touches(part, frozenset()) for part in parts)


def _written_out(worker: Elaborator, call: Call) -> Expr:
    """The value of a let function with its arguments."""
    assert isinstance(call.function, Name)
    item = worker.symbols.lets()[call.function.id]
    parameters = item.parameters or ()
    if len(parameters) != len(call.arguments):
        return item.value  # a finding of the checks
    return substitute(item.value, dict(zip(parameters, call.arguments, strict=True)))


def _only_factor(worker: Elaborator, expr: Product, place: Place) -> int | None:
    """The place of the one factor that has a value an example; None of several, or of a divisor."""
    if "@" in expr.operators:
        return None
    each = [_each(worker, o, place) or _columns(worker, o) for o in expr.operands]
    found = [i for i, one in enumerate(each) if one]
    divides = len(found) == 1 and found[0] > 0 and expr.operators[found[0] - 1] == "/"
    one = len(found) == 1 and not divides
    return found[0] if one and not _columns(worker, expr.operands[found[0]]) else None


def _scaled(
    worker: Elaborator, expr: Product, factor: int, context: Surroundings, place: Place
) -> Expr:
    """A multiple of what is averaged: the mean of the multiple is the multiple of the mean."""
    operands = tuple(
        average(worker, operand, context, place)
        if index == factor
        else worker.expression(operand, context)
        for index, operand in enumerate(expr.operands)
    )
    return expr.changed(operands=operands)


def _mean(worker: Elaborator, expr: Expr, context: Surroundings, place: Place) -> Expr:
    data = worker.default(expr.span, context, None)
    inside = worker.expression(expr, context._replace(data=data))
    if place in ("let", "side"):
        return inside  # one value an example: its use, or a check, says what becomes of it
    if _of_the_mean(worker, expr):
        worker.ask(mean_of_which(worker.source, expr))
        return inside
    written = " ".join(worker.source.slice(expr.span).split())
    worker.notes.append((expr.span, written, f"E[{written} on {data}]"))
    return Expectation(kind="E", body=inside, dataset=data, span=expr.span)


def _of_the_mean(worker: Elaborator, expr: Expr) -> bool:
    """Whether a function of a bare loss is one that people mean of its mean."""
    return any(
        worker.reach.holds_loss(argument)
        for node in calls_of(expr, _OF_THE_MEAN)
        for argument in node.arguments
    )


def explicit_relation(worker: Elaborator, expr: Expr, context: Surroundings) -> Expr:
    """The relation of a constraint; outside of each example its sides are numbers."""
    if context.data is not None:
        return worker.expression(expr, context)
    match expr:
        case Compare(operands=operands):
            sides = tuple(average(worker, side, context, "side") for side in operands)
            return expr.changed(operands=sides)
        case Membership(element=element, set=within):
            inner = average(worker, element, context, "side")
            members = worker.expression(within, context)
            return expr.changed(element=inner, set=members)
        case And() | Or() | Not() | Implies():
            return rebuild(expr, lambda part: _atom(worker, part, context))
    return worker.expression(expr, context)


def _atom(worker: Elaborator, node: Node, context: Surroundings) -> Node:
    """A relation inside a rule."""
    return explicit_relation(worker, node, context) if isinstance(node, Expr) else node


def explicit_surrogate(worker: Elaborator, expr: Expr, context: Surroundings) -> Expr:
    """What stands behind `with surrogate`: a word of its own, or an expression."""
    positional = isinstance(expr, Call) and bool(expr.arguments)
    if head_word(expr) in SURROGATES and not positional:
        return expr
    if context.data is not None:
        return worker.expression(expr, context)
    return average(worker, expr, context, "objective")
