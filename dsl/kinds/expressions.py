"""Kinds of expressions, and what is wrong with them.

kind_of(parse("ce(f(x), y)"), symbols, scope)  ->  a number, one an example, with a gradient
"""

from __future__ import annotations

from cspec.dsl.kinds.calls import call_kind
from cspec.dsl.kinds.means import comprehension_kind, expectation_kind
from cspec.dsl.kinds.names import name_kind
from cspec.dsl.kinds.operands import arithmetic_kind
from cspec.dsl.kinds.parts import attribute_kind, index_kind
from cspec.dsl.kinds.relations import compare_kind, logic_kind, membership_kind
from cspec.dsl.kinds.typer import OUTSIDE, Scope, Typer
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.text.source import Source
from cspec.dsl.tree.nodes import (
    And,
    Attribute,
    Call,
    Compare,
    Comprehension,
    Expectation,
    Expr,
    FiniteSet,
    Implies,
    Index,
    Interval,
    Membership,
    Name,
    Negate,
    Not,
    Number,
    Or,
    Power,
    Product,
    String,
    Sum,
    Vector,
)
from cspec.dsl.words.kind import CONSTANT, UNKNOWN, Kind, joined


class ExpressionTyper(Typer):
    """Hands each form of an expression to the file that knows its kind."""

    def kind(self, expr: Expr, scope: Scope) -> Kind:
        """The kind of an expression; its mistakes are reported, each once."""
        match expr:
            case Number():
                return CONSTANT
            case String():
                return Kind("string")
            case Name():
                return name_kind(self, expr, scope)
            case Call():
                return call_kind(self, expr, scope)
            case Sum(operands=operands) | Product(operands=operands):
                return arithmetic_kind(self, expr, operands, scope)
            case Negate(operand=operand):
                return arithmetic_kind(self, expr, (operand,), scope)
            case Power(base=base, exponent=exponent):
                return arithmetic_kind(self, expr, (base, exponent), scope)
            case Compare():
                return compare_kind(self, expr, scope)
            case And(operands=operands) | Or(operands=operands):
                return logic_kind(self, operands, scope)
            case Not(operand=operand):
                return logic_kind(self, (operand,), scope)
            case Implies(condition=condition, consequence=consequence):
                return logic_kind(self, (condition, consequence), scope)
            case Membership():
                return membership_kind(self, expr, scope)
            case Expectation():
                return expectation_kind(self, expr, scope)
            case Comprehension():
                return comprehension_kind(self, expr, scope)
        return self._structure(expr, scope)

    def _structure(self, expr: Expr, scope: Scope) -> Kind:
        """The kind of what is made of parts, or is a part."""
        match expr:
            case Vector(items=items):
                return joined("tensor", *(self.kind(item, scope) for item in items))
            case Interval(lower=lower, upper=upper):
                return joined("set", self.kind(lower, scope), self.kind(upper, scope))
            case FiniteSet(items=items):
                return joined("set", *(self.kind(item, scope) for item in items))
            case Index(value=value, indices=indices):
                return index_kind(self, value, indices, scope)
            case Attribute():
                return attribute_kind(self, expr, scope)
        return UNKNOWN


def kind_of(
    expr: Expr, symbols: Symbols, scope: Scope = OUTSIDE, source: Source | None = None
) -> Kind:
    """The kind of an expression in a scope; unknown where it has mistakes."""
    return ExpressionTyper(symbols, source or Source(text="")).kind(expr, scope)
