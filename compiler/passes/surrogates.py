"""Give the model's step something to differentiate where the true constraint is flat.

    P[pred == 1 | sex == a]  ->  E[class_prob(f(x), 1) | sex == a]      (softmax / sigmoid, T = 1)
    P[u > v]                 ->  E[sigmoid_event(u - v)]
    P[y == 1 | pred == 1]    ->  weighted mean of 1{y == 1} by class_prob(f(x), 1)

Multipliers and verdict always use the true expression (LANGUAGE 3).
"""

from __future__ import annotations

from typing import NamedTuple

from cspec.compiler.ir import Category, Constraint, Problem
from cspec.compiler.passes.canonical import minus, parts_of
from cspec.compiler.rewrite import call, function_name, number, rewrite, same
from cspec.dsl.constants import value_or_none
from cspec.dsl.nodes import (
    And,
    Call,
    Compare,
    Expectation,
    Expr,
    Implies,
    Membership,
    Name,
    Not,
    Or,
    walk,
)

WORDS = ("sigmoid", "hinge", "ramp", "product", "dl2")
"""Surrogates by name; anything else behind `with surrogate` is an expression."""

_EVENTS = (Compare, And, Or, Not, Implies, Membership)


class Softener(NamedTuple):
    """How an event becomes differentiable, and what it has to be differentiable in."""

    moving: frozenset[str]
    """Models and variables that move: an event without them is data and stays as it is."""
    word: str = "sigmoid"
    temperature: float = 1.0


def surrogates(problem: Problem, moving: frozenset[str]) -> Problem:
    """The problem with `gradient_parts` where they differ from `parts`.

    `moving` are the trainable models and variables.
    """
    constraints = tuple(_surrogate(c, moving) for c in problem.constraints)
    objective = soften(problem.objective, Softener(moving))
    return problem.model_copy(update={"constraints": constraints, "objective": objective})


def _surrogate(c: Constraint, moving: frozenset[str]) -> Constraint:
    softener = Softener(moving)
    if c.surrogate is not None:
        named = _named(c.surrogate, moving)
        if named is None:
            parts = parts_of(c.surrogate, c.bound, c.relation, c.whole)
            return c.model_copy(update={"gradient_parts": parts})
        softener = named
    parts = tuple(soften(part, softener) for part in c.parts)
    if all(same(a, b) for a, b in zip(parts, c.parts, strict=True)):
        return c
    text = c.surrogate_text or describe(softener)
    return c.model_copy(update={"gradient_parts": parts, "surrogate_text": text})


def _named(surrogate: Expr, moving: frozenset[str]) -> Softener | None:
    match surrogate:
        case Name(id=word) if word in WORDS:
            return Softener(moving, word)
        case Call(function=Name(id=word), arguments=(), keywords=keywords) if word in WORDS:
            values = {k.name: value_or_none(k.value, {}) for k in keywords}
            return Softener(moving, word, values.get("temperature") or values.get("width") or 1.0)
        case _:
            return None


def describe(softener: Softener) -> str:
    """What stands in for the true expression, for people."""
    return f"{softener.word} of temperature {softener.temperature:g}"


def soften(expr: Expr, softener: Softener) -> Expr:
    """`expr` with every event of a moving model inside E and P made differentiable."""

    def step(node: Expr) -> Expr:
        if isinstance(node, Expectation):
            return _soft_expectation(node, softener)
        return node

    return rewrite(expr, step)


def _moves(expr: Expr, softener: Softener) -> bool:
    return any(isinstance(n, Name) and n.id in softener.moving for n in walk(expr))


def _soft_expectation(node: Expectation, softener: Softener) -> Expr:
    body, conditions = node.body, node.conditions
    if isinstance(body, _EVENTS) and _moves(body, softener):
        body = event(body, softener)
    if any(_moves(condition, softener) for condition in conditions):
        conditions = (_soft_condition(conditions, softener),)
    if body is node.body and conditions is node.conditions:
        return node
    return node.model_copy(update={"kind": "E", "body": body, "conditions": conditions})


def _soft_condition(conditions: tuple[Expr, ...], softener: Softener) -> Expr:
    """`soft(weight, mask)`: what moves becomes a weight, what is data stays a mask."""
    operands = tuple(
        operand
        for condition in conditions
        for operand in (condition.operands if isinstance(condition, And) else (condition,))
    )
    weights = [event(o, softener) for o in operands if _moves(o, softener)]
    masks = tuple(o for o in operands if not _moves(o, softener))
    weight = weights[0]
    for other in weights[1:]:
        weight = call("product_and", weight, other)
    if not masks:
        return call("soft", weight)
    return call("soft", weight, masks[0] if len(masks) == 1 else And(operands=masks))


def event(expr: Expr, softener: Softener) -> Expr:
    """The differentiable truth of an event, in [0, 1] (for `hinge`, a bound of it)."""
    match expr:
        case Not(operand=operand):
            return call("product_not", event(operand, softener))
        case And(operands=operands) | Or(operands=operands):
            combine = "product_and" if isinstance(expr, And) else "product_or"
            result = event(operands[0], softener)
            for operand in operands[1:]:
                result = call(combine, result, event(operand, softener))
            return result
        case Implies(condition=condition, consequence=consequence):
            return call("product_implies", event(condition, softener), event(consequence, softener))
        case Compare(operands=(left, right), operators=(operator,)):
            return _comparison(left, operator, right, softener)
        case Compare(operands=operands, operators=operators):
            pairs = zip(operands, operators, operands[1:], strict=False)
            links = [Compare(operands=(a, b), operators=(o,)) for a, o, b in pairs]
            return event(And(operands=tuple(links)), softener)
        case _:
            return call("as_weight", expr)


def _comparison(left: Expr, operator: str, right: Expr, softener: Softener) -> Expr:
    if not _moves(left, softener) and not _moves(right, softener):
        truth: Expr = Compare(operands=(left, right), operators=(operator,), span=left.span)
        return call("as_weight", truth)
    if function_name(right) == "pred":
        left, right = right, left
    if function_name(left) == "pred" and operator in ("==", "!="):
        truth = _prediction(left, right, softener)
        return truth if operator == "==" else call("product_not", truth)
    if operator in ("==", "!="):
        truth = call("soft_equal", left, right, number(softener.temperature))
        return truth if operator == "==" else call("product_not", truth)
    margin = minus(left, right) if operator in (">", ">=") else minus(right, left)
    return _margin_event(margin, softener)


def _margin_event(margin: Expr, softener: Softener) -> Expr:
    match softener.word:
        case "hinge":
            return call("hinge_event", margin)
        case "ramp":
            return call("ramp_event", margin, number(softener.temperature))
        case _:
            return call("sigmoid_event", margin, number(softener.temperature))


def _prediction(prediction: Expr, other: Expr, softener: Softener) -> Expr:
    """`pred(z) == k` for a class k, or `pred(z) == y` for a column of labels."""
    assert isinstance(prediction, Call)
    logits = prediction.arguments[0]
    is_class = value_or_none(other, {}) is not None or isinstance(other, Category)
    kind = "class" if is_class else "label"
    if softener.word in ("hinge", "ramp"):
        return _margin_event(call(f"{kind}_margin", logits, other), softener)
    temperature = [number(softener.temperature)] if softener.temperature != 1 else []
    return call(f"{kind}_prob", logits, other, *temperature)
