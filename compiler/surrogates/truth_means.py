"""Means over random truth values: h(u > v) becomes p*h(1) + (1 - p)*h(0), p the soft truth."""

from __future__ import annotations

from cspec.compiler.expressions.rewrite import changed, same
from cspec.compiler.surrogates.arithmetic import ONE, ZERO, complement, is_number, plus, times
from cspec.compiler.surrogates.atoms import events, is_closed, outside_means, predictions, reduces
from cspec.compiler.surrogates.base import SoftenerBase
from cspec.compiler.surrogates.class_means import over_classes
from cspec.compiler.surrogates.folding import replaced
from cspec.dsl.tree.nodes import Call, Expr, Node, Number
from cspec.dsl.tree.rebuild import rebuild

MOST_EVENTS = 6
"""Events at most whose truth values are combined with one another."""


def over_atoms(s: SoftenerBase, expr: Expr, sign: int) -> Expr:
    """The mean over the predictions and events outside of the means in an expression."""
    expr = s.opened(expr)
    if predictions(expr, s.moving):
        return over_classes(s, expr, sign)
    smooth = _entries_first(s, expr)
    if smooth is not expr:
        return s.mean(smooth, sign)
    inside = events(expr, s.moving)
    if not inside:
        calls = (n for n in outside_means(expr) if isinstance(n, Call) and s.is_flat(n))
        label = "constant almost everywhere, or cut off from its arguments"
        return s.remarks.refuse(next(calls, expr), label)
    if len(inside) > MOST_EVENTS:
        return s.remarks.refuse(expr, f"more than {MOST_EVENTS} events in one function")
    with_, without = (s.mean(replaced(expr, inside[0], v), sign) for v in (ONE, ZERO))
    if same(with_, without):
        return with_
    chance = s.mean(inside[0], sign * _direction(s, with_, without))
    return plus(times(chance, with_), times(complement(chance), without))


def _entries_first(s: SoftenerBase, expr: Expr) -> Expr:
    """Reductions of events with their mean: `sum(f(x) > 0)` counts entries, each for itself."""

    def visit(node: Node) -> Node:
        if node is not expr and isinstance(node, Expr) and reduces(node) and s.open_flat(node):
            return s.mean(node, 0)
        return node if is_closed(node) else rebuild(node, visit)

    return changed(expr, visit)


def _direction(s: SoftenerBase, with_: Expr, without: Expr) -> int:
    """1 where a value grows with an event, -1 where it falls, 0 where that is not known."""
    if isinstance(with_, Number) and isinstance(without, Number):
        return 1 if with_.value > without.value else -1
    if is_number(without, 0):
        return s.side(with_)
    return -s.side(without) if is_number(with_, 0) else 0
