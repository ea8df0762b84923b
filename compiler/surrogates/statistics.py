"""Surrogates of means, rates and tails: of what is averaged, and of conditions that move.

P[A | B]   ->   E[a b | ...]/E[b | ...]     where B moves; a, b the soft truths of A and B
"""

from __future__ import annotations

from cspec.compiler.expressions.rewrite import same
from cspec.compiler.records.problem import PerExample
from cspec.compiler.surrogates.arithmetic import ONE, times
from cspec.compiler.surrogates.atoms import over_data, share
from cspec.compiler.surrogates.base import SoftenerBase
from cspec.dsl.tree.nodes import And, Call, Expectation, Expr, Product


def statistic(s: SoftenerBase, expr: Expr, sign: int) -> Expr:
    """A mean, a rate, a tail or what each example has, with a gradient."""
    match expr:
        case Expectation():
            return _expectation(s.over(expr.dataset), expr, sign)
        case PerExample(body=body):
            inner = s.over(over_data(expr, s.dataset))
            return expr.model_copy(update={"body": inner.mean(body, sign)})
        case Call(arguments=(body, *rest)):
            inner = s.over(over_data(expr, s.dataset))
            return expr.model_copy(update={"arguments": (inner.mean(body, sign), *rest)})
    return expr


def _expectation(s: SoftenerBase, expr: Expectation, sign: int) -> Expr:
    selecting = [condition for condition in expr.conditions if s.flat(condition)]
    if not selecting:
        return expr.model_copy(update={"kind": "E", "body": s.mean(expr.body, sign)})
    fixed = tuple(condition for condition in expr.conditions if not s.flat(condition))
    if not s.varies(expr.body):
        return expr.model_copy(update={"kind": "E", "conditions": fixed})
    both = And(operands=tuple(selecting), span=selecting[0].span)
    selected = selecting[0] if len(selecting) == 1 else both
    weight = s.mean(selected, 0)
    if share(expr.body, selected, s.moving):
        joint = Product(operands=(expr.body, selected), operators=("*",), span=expr.body.span)
        body = s.mean(joint, 0)
    else:
        body = times(s.mean(expr.body, sign), weight)
    if same(body, weight):
        return ONE
    parts = tuple(
        expr.model_copy(update={"kind": "E", "body": part, "conditions": fixed})
        for part in (body, weight)
    )
    return Product(operands=parts, operators=("/",), span=expr.span)
