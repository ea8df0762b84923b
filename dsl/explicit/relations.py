"""Make relations of constraints explicit, and the surrogates that stand behind them."""

from __future__ import annotations

from cspec.dsl.explicit.averages import average
from cspec.dsl.explicit.expressions import Elaborator, Surroundings
from cspec.dsl.tree.nodes import And, Call, Compare, Expr, Implies, Membership, Node, Not, Or
from cspec.dsl.tree.rebuild import head_name, rebuild
from cspec.dsl.words.functions import SURROGATES


def explicit_relation(worker: Elaborator, expr: Expr, context: Surroundings) -> Expr:
    """The relation of a constraint; outside of each example its sides are numbers."""
    if context.data is not None:
        return worker.expression(expr, context)
    match expr:
        case Compare(operands=operands):
            sides = tuple(average(worker, side, context, "side") for side in operands)
            return expr.model_copy(update={"operands": sides})
        case Membership(element=element, set=within):
            inner = average(worker, element, context, "side")
            members = worker.expression(within, context)
            return expr.model_copy(update={"element": inner, "set": members})
        case And() | Or() | Not() | Implies():
            return rebuild(expr, lambda part: _atom(worker, part, context))
        case _:
            return worker.expression(expr, context)


def _atom(worker: Elaborator, node: Node, context: Surroundings) -> Node:
    """A relation inside a rule."""
    return explicit_relation(worker, node, context) if isinstance(node, Expr) else node


def explicit_surrogate(worker: Elaborator, expr: Expr, context: Surroundings) -> Expr:
    """What stands behind `with surrogate`: a word of its own, or an expression."""
    head = head_name(expr)
    positional = isinstance(expr, Call) and bool(expr.arguments)
    if head is not None and head.id in SURROGATES and not positional:
        return expr
    if context.data is not None:
        return worker.expression(expr, context)
    return average(worker, expr, context, "objective")
