"""Surrogates of means, rates and tails: of what is averaged, and of conditions that move.

P[A | B]   ->   E[a b | ...]/E[b | ...]     where B moves; a, b the soft truths of A and B

A bound of a rate whose condition moves is one of two rates, without a quotient:

80% - P[y == 1 | pred == 1]   ->   80% P[pred == 1 and not y == 1] - 20% P[pred == 1 and y == 1]
"""

from cspec.compiler.expressions.rewrite import number, same
from cspec.compiler.records.problem import PerExample
from cspec.compiler.surrogates.arithmetic import ONE, terms_of, times, total
from cspec.compiler.surrogates.atoms import moves, over_data, share
from cspec.compiler.surrogates.base import SoftenerBase
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import EVENTS, And, Call, Expectation, Expr, Negate, Not, Product


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


def is_rate(expr: Expr, s: SoftenerBase) -> bool:
    """Whether a side is one rate of a moving event among examples that do not move, signed."""
    match expr:
        case Negate(operand=operand):
            return is_rate(operand, s)
        case Expectation(body=body, conditions=conditions):
            still = not any(moves(c, s.moving) for c in conditions)
            return isinstance(body, EVENTS) and s.flat(expr) and still and not expr.grouped
    return False


def of_two_rates(part: Expr, s: SoftenerBase) -> Expr | None:
    """What is <= 0 as rates without conditions that move; None where it is made of something else.

    b + c P[A | B] of data A is <= 0 as b P[B and not A] + (b + c) P[B and A] is.
    """
    terms = terms_of(part)
    numbers = [value_or_none(term, {}) for _, term in terms]
    rates = [pair for pair, value in zip(terms, numbers, strict=True) if value is None]
    if any(value is None for value in numbers) and len(rates) != 1:
        return part if all(is_rate(_plain(rate), s) for _, rate in rates) else None
    (sign, rate), *_ = rates or [("+", part)]
    if is_rate(_plain(rate), s):
        return part
    if not isinstance(rate, Expectation) or rate.grouped or not isinstance(rate.body, EVENTS):
        return None
    here = s.over(rate.dataset)
    moving = tuple(c for c in rate.conditions if moves(c, s.moving))
    if moves(rate.body, s.moving) or not moving or not all(map(here.flat, moving)):
        return None
    values = zip(terms, numbers, strict=True)
    bound = sum((v if side == "+" else -v for (side, _), v in values if v is not None), 0.0)
    fixed = tuple(c for c in rate.conditions if not moves(c, s.moving))

    def share(data: Expr) -> Expr:
        both = And(operands=(*moving, data), span=rate.span)
        return rate.model_copy(update={"kind": "P", "body": both, "conditions": fixed})

    other = Not(operand=rate.body, span=rate.body.span)
    held = round(bound + (1.0 if sign == "+" else -1.0), 12)  # 0.8 - 1 is -0.19999999999999996
    return total(
        [
            ("+" if bound >= 0 else "-", times(number(abs(bound)), share(other))),
            ("+" if held >= 0 else "-", times(number(abs(held)), share(rate.body))),
        ]
    )


def _plain(expr: Expr) -> Expr:
    """A rate without the number that it is multiplied by."""
    match expr:
        case Product(operands=operands, operators=operators) if "/" not in operators:
            left = [o for o in operands if value_or_none(o, {}) is None]
            return left[0] if len(left) == 1 else expr
    return expr
