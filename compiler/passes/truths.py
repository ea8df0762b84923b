"""`true` and `false` in comparisons: what is compared with them, or its contrary.

(f(x) > 0) == true       ->   f(x) > 0
(f(x) > 0) == false      ->   not (f(x) > 0)
q == true                ->   as it is: what column `q` holds is known when data are bound
"""

from __future__ import annotations

from cspec.compiler.expressions.rewrite import rewrite
from cspec.compiler.passes.mapping import map_expressions
from cspec.compiler.records.problem import Problem
from cspec.dsl.tree.constants import TRUTHS
from cspec.dsl.tree.nodes import EVENTS, Compare, Expr, Name, Not


def truths(problem: Problem) -> Problem:
    """The problem in which no event is compared with `true` or `false`."""
    return map_expressions(problem, lambda expr: rewrite(expr, _plain))


def truth(expr: Expr) -> bool | None:
    """What `true` and `false` say; None for anything else."""
    return TRUTHS.get(expr.id) if isinstance(expr, Name) else None


def _plain(expr: Expr) -> Expr:
    match expr:
        case Compare(operands=(left, right), operators=("==" | "!=" as operator,)):
            event, said = (left, truth(right)) if truth(left) is None else (right, truth(left))
            if said is not None and isinstance(event, EVENTS):
                return event if said == (operator == "==") else Not(operand=event, span=expr.span)
    return expr
