"""One way to write what may be typed in two: comparisons with `true` and `false`, whole slices.

(f(x) > 0) == true       ->   f(x) > 0
(f(x) > 0) == false      ->   not (f(x) > 0)
q == true                ->   as it is: what column `q` holds is known when data are bound
W[0, :]                  ->   W[0], a slice that leaves an axis whole, where nothing is behind it
"""

from cspec.compiler.expressions.rewrite import rewrite
from cspec.compiler.passes.mapping import map_expressions
from cspec.compiler.records.problem import Problem
from cspec.dsl.tree.constants import TRUTHS
from cspec.dsl.tree.nodes import EVENTS, Compare, Expr, Index, Name, Not, Slice


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


def whole_slices(problem: Problem) -> Problem:
    """The problem without them, so that a row is seen as one however it is written."""
    return map_expressions(problem, lambda expr: rewrite(expr, _without))


def _without(expr: Expr) -> Expr:
    if not isinstance(expr, Index):
        return expr
    indices = list(expr.indices)
    while indices and isinstance(last := indices[-1], Slice) and last.lower is last.upper is None:
        indices.pop()
    if len(indices) == len(expr.indices):
        return expr
    return expr.model_copy(update={"indices": tuple(indices)}) if indices else expr.value
