"""Sums, products and powers, comparisons and what joins them, as Python, node by node."""

import ast
import math
from collections.abc import Sequence

from cspec.compiler.emit.expressions.base import Translator, translates
from cspec.compiler.emit.expressions.examples import compared, events, numbers, product, truth
from cspec.compiler.emit.pieces import OPERATORS, RELATIONS, constant, joined, method
from cspec.compiler.expressions.not_compiled import form, not_compiled
from cspec.compiler.expressions.rewrite import signed
from cspec.compiler.records.problem import ParameterRef
from cspec.compiler.surrogates.words import is_temperature
from cspec.dsl.explicit.measured_on import measured_on
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import value_or_none

LONGEST = 200
"""Terms of a sum that stand in one Python expression: more would nest too deep for its parser."""


@translates(nodes.Negate, nodes.Sum, nodes.Product, nodes.Power)
def arithmetic(
    t: Translator, expr: nodes.Negate | nodes.Sum | nodes.Product | nodes.Power
) -> ast.expr:
    """The Python of a sum, a product, a power, a negative."""
    match expr:
        case nodes.Negate(operand=operand):
            return ast.UnaryOp(op=ast.USub(), operand=numbers(t, (operand,))[0])
        case nodes.Power(base=base, exponent=exponent):
            left, right = numbers(t, (base, exponent))
            if value_or_none(exponent, {}) == 0.5 and not t.is_number(left):
                return t.call("sqrt", left)  # which has a gradient at 0
            return ast.BinOp(left, ast.Pow(), right)
        case nodes.Sum(operands=operands) if len(operands) > LONGEST:
            return _long(t, expr)
        case nodes.Product(operands=(_, below), operators=("/",)) if is_temperature(below):
            # Every surrogate of the same outputs is one of the same quotient.
            value = _in_order(t, expr.operands, expr.operators)
            return t.local(("softened", t.dataset, nodes.shape(expr)), "softened", value)
        case nodes.Product(operators=operators) if "@" in operators:
            return _matrix_product(t, expr)
        case nodes.Sum() | nodes.Product():
            return _in_order(t, expr.operands, expr.operators)


def _in_order(
    t: Translator, operands: tuple[nodes.Expr, ...], operators: tuple[str, ...]
) -> ast.expr:
    """Operands joined from left to right."""
    if _beside_matrix(t, operands):
        result, *rest = [matrix(t, operand) for operand in operands]
    else:
        result, *rest = numbers(t, operands)
    for operator, value, operand in zip(operators, rest, operands[1:], strict=True):
        result = _binary(t, result, operator, value, operand)
    return result


def _binary(
    t: Translator, left: ast.expr, operator: str, right: ast.expr, operand: nodes.Expr
) -> ast.expr:
    """`left operator right`; a quotient of means is not measured where its denominator is 0."""
    if operator == "/" and any(True for _ in measured_on(operand)):
        return t.call("quotient", left, right)
    return ast.BinOp(left, OPERATORS[operator], right)


def _long(t: Translator, expr: nodes.Sum) -> ast.expr:
    """A sum too long for one Python expression, as a sum of shorter ones."""
    terms = [
        nodes.Negate(operand=operand) if operator == "-" else operand
        for operator, operand in signed(expr)
    ]
    width = max(LONGEST, math.isqrt(len(terms)) + 1)
    pieces = [terms[i : i + width] for i in range(0, len(terms), width)]
    parts = [nodes.Sum(operands=tuple(p), operators=("+",) * (len(p) - 1)) for p in pieces]
    added = list(map(t.translate, parts))
    if t.axes(expr).each is not None:
        return t.call("added", *added)
    together = t.call("array", *added)
    return all_of(together) if t.strict else t.call("total", together)


def all_of(tensor: ast.expr) -> ast.expr:
    """A sum that leaves nothing out."""
    return method(tensor, "sum")


# --- matrices ------------------------------------------------------------------------------------


def _matrix_product(t: Translator, expr: nodes.Product) -> ast.expr:
    if t.dataset is not None and t.axes(expr).each is not None:
        return product(t, expr)
    result = matrix(t, expr.operands[0])
    for operator, operand in zip(expr.operators, expr.operands[1:], strict=True):
        result = ast.BinOp(result, OPERATORS[operator], matrix(t, operand))
    return result


def matrix(t: Translator, expr: nodes.Expr) -> ast.expr:
    """A factor of `@`, or what is transposed: kernels are read as (outputs, rest)."""
    value = t.translate(expr)
    if isinstance(expr, ParameterRef) and len(expr.shape) > 2:
        return method(value, "flatten", constant(1))
    return value


def _beside_matrix(t: Translator, operands: Sequence[nodes.Expr]) -> bool:
    """Whether kernels stand beside matrices: `W - W.T` of a kernel is of (outputs, rest)."""
    kernels = any(isinstance(o, ParameterRef) and len(o.shape) > 2 for o in operands)
    return kernels and any(len(t.axes(o).shape or ()) == 2 for o in operands)


def sides(t: Translator, left: nodes.Expr, right: nodes.Expr) -> list[ast.expr]:
    """Both sides of a relation, a kernel beside a matrix as (outputs, rest)."""
    if _beside_matrix(t, (left, right)):
        return [matrix(t, left), matrix(t, right)]
    return [t.translate(left), t.translate(right)]


@translates(nodes.Compare, nodes.And, nodes.Or, nodes.Not, nodes.Implies, nodes.Membership)
def translate_event(
    t: Translator,
    expr: nodes.Compare | nodes.And | nodes.Or | nodes.Not | nodes.Implies | nodes.Membership,
) -> ast.expr:
    """The Python of an event.

    Raises:
        SpecError: a membership in a set that is no interval and not listed.
    """
    match expr:
        case nodes.Compare(operands=operands, operators=operators):
            with t.with_digits(*operands):
                sides = compared(t, operands)
            links: list[ast.expr] = [
                ast.Compare(left=a, ops=[RELATIONS[o]], comparators=[b])
                for a, o, b in zip(sides, operators, sides[1:], strict=False)
            ]
            return joined(ast.BitAnd(), links)
        case nodes.And(operands=operands):
            return joined(ast.BitAnd(), events(t, operands))
        case nodes.Or(operands=operands):
            return joined(ast.BitOr(), events(t, operands))
        case nodes.Not(operand=operand):
            return ast.UnaryOp(op=ast.Invert(), operand=truth(t, operand))
        case nodes.Implies(condition=condition, consequence=consequence):
            return t.call("implies", *events(t, (condition, consequence)))
        case nodes.Membership(element=element, set=within):
            return _membership(t, element, within)


def _membership(t: Translator, element: nodes.Expr, within: nodes.Expr) -> ast.expr:
    match within:
        case nodes.Interval(lower=lower, upper=upper):
            inside = nodes.Compare(operands=(lower, element, upper), operators=("<=", "<="))
            return translate_event(t, inside)
        case nodes.FiniteSet(items=items):
            equal = tuple(nodes.Compare(operands=(element, i), operators=("==",)) for i in items)
            return translate_event(t, nodes.Or(operands=equal) if len(equal) > 1 else equal[0])
        case _:
            raise not_compiled(form(within), within)
