"""Rules and bare events as requirements: `A => B`, `x > 1 or y < 2`, `not (x <= 1)`.

rule: x > 1 => y >= 2   ->   rule: relu(min(x - 1, 2 - y)) <= 0
side: not (x <= 1)      ->   side: x >= 1

The value of a rule is its violation: 0 where it holds, else the least change of a comparison that
makes it hold. A comparison is violated by [left - right]+, all of several by the largest violation
among them, any of several by the smallest. What multipliers act on goes on below 0, where that is
the room that is left.
"""

from __future__ import annotations

from cspec.compiler.expressions.rewrite import call, number
from cspec.compiler.expressions.text import text
from cspec.compiler.passes.canonical import with_parts
from cspec.compiler.passes.logic import Atom, Decided, Truth, formula, margin
from cspec.compiler.passes.sides import sides
from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.tree.nodes import Expr, Implies, Or


def rules(problem: Problem, known: Decided) -> Problem:
    """The problem with its rules as violations, what is decided already left out of them."""
    sign = problem.objective_sign
    constraints = tuple(
        c if c.event is None else with_parts(_stated(c, c.event, known), sign, known.params)
        for c in problem.constraints
    )
    return problem.model_copy(update={"constraints": constraints})


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
