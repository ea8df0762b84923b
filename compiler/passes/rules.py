"""Rules and bare events as requirements: `A => B`, `x > 1 or y < 2`, `not (x <= 1)`.

rule: x > 1 => y >= 2   ->   rule: relu(min(x - 1, 2 - y)) <= 0
side: not (x <= 1)      ->   side: x >= 1

The value of a rule is its violation: 0 where it holds, else the least change of a comparison that
makes it hold. A comparison is violated by [left - right]+, all of several by the largest violation
among them, any of several by the smallest. What multipliers act on goes on below 0, where that is
the room that is left.
"""

from cspec.compiler.expressions.rewrite import call, number, rewrite
from cspec.compiler.expressions.text import text
from cspec.compiler.passes.canonical import negate, with_parts
from cspec.compiler.passes.expansion.each_example import over_examples, violated
from cspec.compiler.passes.logic import Atom, Decided, Truth, formula, margin
from cspec.compiler.passes.mapping import map_constraints, map_expressions
from cspec.compiler.passes.sides import sides
from cspec.compiler.records.problem import Constraint, PerExample, Problem, WorstCase
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.tree.nodes import EVENTS, Expr, Implies, Or


def rules(problem: Problem, known: Decided) -> Problem:
    """The problem with its rules as violations, what is decided already left out of them."""
    sign = problem.objective_sign
    changed = map_constraints(
        problem, lambda c: c if c.event is None else _of_rule(c, c.event, known, sign)
    )
    return map_expressions(changed, lambda expr: rewrite(expr, lambda node: _guided(node, known)))


def _guided(node: Expr, known: Decided) -> Expr:
    """A worst case of an event, whose search follows how near the event is."""
    if not isinstance(node, WorstCase) or not isinstance(node.body, EVENTS):
        return node
    moved = frozenset({node.column, *(one.column for one in node.also)})
    size = margin(formula(node.body, known._replace(rows=True, searched=moved)))
    return node.model_copy(update={"guide": negate(size)})


def _of_rule(c: Constraint, event: Expr, known: Decided, sign: float) -> Constraint:
    if c.each is not None:
        return _of_each_example(c, c.each, event, known)
    if any(over_examples(binder) and len(binder.names) > 1 for binder in c.binders):
        return c.model_copy(update={"parts": (violated(event),)})  # columns are not known yet
    return with_parts(_stated(c, event, known), sign, known.params)


def _of_each_example(c: Constraint, each: PerExample, event: Expr, known: Decided) -> Constraint:
    """A rule on each example, its violation the least change of a comparison where there is one.

    A preference weighs the share of the examples that break it.
    """
    if c.soft is not None:
        return c
    try:
        size = margin(formula(event, known._replace(rows=True)))
    except SpecError:
        return c  # true or false of each example: nothing says how far it is from the other
    return c.model_copy(update={"parts": (each.model_copy(update={"body": size}),)})


def _stated(c: Constraint, event: Expr, known: Decided) -> Constraint:
    names = frozenset(name for binder in c.binders for name in binder.names)
    known = known._replace(open=names)
    found = formula(event, known)
    if isinstance(found, Atom) and found.entries != "any":
        operator = {"<": "<=", ">": ">="}.get(found.operator, found.operator)
        plain = sides(found.left, operator, found.right, known.params)
        return c.model_copy(update={"event": None, "cases": (), **plain._asdict()})
    part = margin(found)
    value = number(float(not found.value)) if isinstance(found, Truth) else call("relu", part)
    update = {"value": value, "bound": number(0), "relation": "<=", "parts": (part,)}
    return c.model_copy(update={**update, "cases": _cases(event, known)})


def _cases(event: Expr, known: Decided) -> tuple[tuple[str, Expr], ...]:
    """The ways in which an event can hold, in words: of a rule, that its condition does not."""
    match event:
        case Implies(condition=condition, consequence=consequence):
            vacuous = f"vacuously: its condition `{text(condition)}` does not hold"
            return (
                (vacuous, margin(formula(condition, known, False))),
                (f"by `{text(consequence)}`", margin(formula(consequence, known))),
            )
        case Or(operands=operands):
            found = ((o, margin(formula(o, known))) for o in operands)
            return tuple((f"by `{text(o)}`", where) for o, where in found)
    return ()
