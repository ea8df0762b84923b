"""Comparisons, memberships and what joins them, as Python: true or false of each example."""

from __future__ import annotations

import ast

from cspec.compiler.emit.expressions.base import TranslatorBase
from cspec.compiler.emit.expressions.examples import compared, events, truth
from cspec.compiler.emit.pieces import RELATIONS, joined
from cspec.compiler.expressions.not_compiled import form, not_compiled
from cspec.dsl.tree.nodes import (
    And,
    Compare,
    Expr,
    FiniteSet,
    Implies,
    Interval,
    Membership,
    Not,
    Or,
)


def translate_event(
    t: TranslatorBase, expr: Compare | And | Or | Not | Implies | Membership
) -> ast.expr:
    """The Python of an event.

    Raises:
        SpecError: a membership in a set that is no interval and not listed.
    """
    match expr:
        case Compare(operands=operands, operators=operators):
            sides = compared(t, operands)
            links: list[ast.expr] = [
                ast.Compare(left=a, ops=[RELATIONS[o]], comparators=[b])
                for a, o, b in zip(sides, operators, sides[1:], strict=False)
            ]
            return joined(ast.BitAnd(), links)
        case And(operands=operands):
            return joined(ast.BitAnd(), events(t, operands))
        case Or(operands=operands):
            return joined(ast.BitOr(), events(t, operands))
        case Not(operand=operand):
            return ast.UnaryOp(op=ast.Invert(), operand=truth(t, operand))
        case Implies(condition=condition, consequence=consequence):
            return t.call("implies", *events(t, (condition, consequence)))
        case Membership(element=element, set=within):
            return _membership(t, element, within)


def _membership(t: TranslatorBase, element: Expr, within: Expr) -> ast.expr:
    match within:
        case Interval(lower=lower, upper=upper):
            inside = Compare(operands=(lower, element, upper), operators=("<=", "<="))
            return translate_event(t, inside)
        case FiniteSet(items=items):
            equal = tuple(Compare(operands=(element, i), operators=("==",)) for i in items)
            return translate_event(t, Or(operands=equal) if len(equal) > 1 else equal[0])
        case _:
            raise not_compiled(form(within), within)
