"""What becomes of an expression when a prediction or an event in it gets a value.

(pred == 1)*w     with pred := 1   ->  w
abs(pred - y)     with pred := 2   ->  abs(2 - y)
where(pred == 1, a, b)  pred := 0  ->  b
pred == 1 => e    with pred := 0   ->  1
"""

from cspec.compiler.expressions.rewrite import (
    as_comparisons,
    function_name,
    number,
    product_of,
    rewrite,
    same,
    signed,
)
from cspec.compiler.passes.expansion.where import COMPARISONS
from cspec.compiler.records.problem import Category, InBranch
from cspec.compiler.surrogates.arithmetic import ONE, ZERO, is_number, total
from cspec.compiler.surrogates.atoms import moves
from cspec.compiler.surrogates.domains import HARMLESS
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import value_or_none

_EXACT = frozenset({"abs", "max", "min"})
"""Functions whose value at a number is written in place of the call."""


def links(expr: nodes.Expr, moving: frozenset[str]) -> nodes.Expr:
    """Memberships and chains that move, as comparisons of two sides."""

    def step(node: nodes.Expr) -> nodes.Expr:
        relation = isinstance(node, nodes.Membership | nodes.Compare)
        return as_comparisons(node) if relation and moves(node, moving) else node

    return rewrite(expr, step)


def replaced(expr: nodes.Expr, old: nodes.Expr, new: nodes.Expr) -> nodes.Expr:
    """`expr` with every `old` as `new`, and what that decides left out."""
    return rewrite(expr, lambda node: new if same(node, old) else fold(node))


def fold(node: nodes.Expr) -> nodes.Expr:
    """One node whose operands are known to be numbers or true or false, as far as that tells."""
    match node:
        case nodes.Compare(operands=(left, right), operators=(operator,)):
            return _comparison(node, left, operator, right)
        case nodes.Not(operand=operand):
            return _negation(operand)
        case nodes.And():
            return _joined(node, ZERO, ONE)
        case nodes.Or():
            return _joined(node, ONE, ZERO)
        case nodes.Implies():
            return _implication(node)
        case nodes.Sum() | nodes.Product() | nodes.Power() | nodes.Negate():
            return _arithmetic(node)
        case nodes.Call(arguments=(nodes.Number(value=truth), first, other)) if (
            function_name(node) == "where"
        ):
            return first if truth else other
        case InBranch(value=value, event=nodes.Number(value=truth)):
            return value if truth else number(HARMLESS)
        case nodes.Call() if function_name(node) in _EXACT:
            return _constant(node) or node
    return node


def _constant(expr: nodes.Expr) -> nodes.Number | None:
    value = value_or_none(expr, {})
    return None if value is None else number(value)


def _arithmetic(node: nodes.Sum | nodes.Product | nodes.Power | nodes.Negate) -> nodes.Expr:
    if (known := _constant(node)) is not None:
        return node if isinstance(node, nodes.Negate) else known
    match node:
        case nodes.Sum(operands=operands):
            if any(is_number(operand, 0) for operand in operands):
                return total(signed(node))
        case nodes.Product(operators=operators) if "@" not in operators:
            if any(sign == "*" and is_number(operand, 0) for sign, operand in signed(node)):
                return ZERO
            return _without_ones(node)
        case nodes.Power(base=base, exponent=exponent):
            if is_number(exponent, 1) or (
                is_number(base, 1) and isinstance(exponent, nodes.Number)
            ):
                return base
    return node


def _without_ones(node: nodes.Product) -> nodes.Expr:
    kept = [(sign, operand) for sign, operand in signed(node) if not is_number(operand, 1)]
    if len(kept) == len(node.operands):
        return node
    if not kept or kept[0][0] == "/":
        kept.insert(0, ("*", ONE))
    return product_of(kept, node)


# --- events --------------------------------------------------------------------------------------


def _truth(value: bool) -> nodes.Number:
    return ONE if value else ZERO


def _comparison(
    node: nodes.Compare, left: nodes.Expr, operator: str, right: nodes.Expr
) -> nodes.Expr:
    if same(left, right):
        return _truth(operator in ("==", "<=", ">="))
    if isinstance(left, Category | nodes.String) and isinstance(right, Category | nodes.String):
        return _truth((text_of(left) == text_of(right)) == (operator == "=="))
    one, other = value_or_none(left, {}), value_or_none(right, {})
    if one is not None and other is not None:
        return _truth(holds(one, operator, other))
    if other is not None and isinstance(left, nodes.EVENTS):
        return _of_event(left, holds(0, operator, other), holds(1, operator, other))
    if one is not None and isinstance(right, nodes.EVENTS):
        return _of_event(right, holds(one, operator, 0), holds(one, operator, 1))
    return node


def holds(left: float, relation: str, right: float) -> bool:
    """Whether a comparison of two numbers is true."""
    return COMPARISONS[relation](left, right)


def text_of(value: nodes.Expr) -> str:
    """What a value of a column, a text or a number reads; empty of anything else."""
    match value:
        case Category(text=text) | nodes.String(value=text) | nodes.Number(text=text):
            return text
    return ""


def _of_event(event: nodes.Expr, without: bool, with_: bool) -> nodes.Expr:
    """What depends on an event alone, by its truth without and with it."""
    if without == with_:
        return _truth(with_)
    return event if with_ else _negation(event)


def _negation(event: nodes.Expr) -> nodes.Expr:
    match event:
        case nodes.Number(value=value):
            return _truth(not value)
        case nodes.Not(operand=operand):
            return operand
    return nodes.Not(operand=event, span=event.span)


def _joined(
    node: nodes.And | nodes.Or, decisive: nodes.Number, neutral: nodes.Number
) -> nodes.Expr:
    """`and` or `or` without operands that decide nothing; the one that decides all of it."""
    if any(is_number(operand, decisive.value) for operand in node.operands):
        return decisive
    kept = tuple(operand for operand in node.operands if not is_number(operand, neutral.value))
    if len(kept) < 2:
        return kept[0] if kept else neutral
    return node if kept == node.operands else node.model_copy(update={"operands": kept})


def _implication(node: nodes.Implies) -> nodes.Expr:
    condition, consequence = node.condition, node.consequence
    if is_number(condition, 0) or is_number(consequence, 1) or same(condition, consequence):
        return ONE
    if is_number(condition, 1):
        return consequence
    return _negation(condition) if is_number(consequence, 0) else node
