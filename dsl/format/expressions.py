"""Expressions as text: canonical spelling, and only the parentheses that the tree needs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from cspec.dsl.parsing.expressions import quote
from cspec.dsl.tree.nodes import (
    And,
    Attribute,
    Binder,
    Call,
    Compare,
    Comprehension,
    Expectation,
    Expr,
    FiniteSet,
    Implies,
    Index,
    Interval,
    Keyword,
    Membership,
    Name,
    Negate,
    Not,
    Number,
    Or,
    Power,
    Product,
    Slice,
    String,
    Sum,
    Vector,
)

IMPLIES, OR, AND, NOT, COMPARE, SUM, PRODUCT, UNARY, POWER, POSTFIX = range(10)
"""Binding strength of what a text is, loosest first."""


def format_expression(expr: Expr) -> str:
    """The text of an expression; `parse` gives back a tree of the same shape."""
    return _at(expr, IMPLIES)


def format_keyword(keyword: Keyword) -> str:
    """`name=value`."""
    return f"{keyword.name}={_at(keyword.value, IMPLIES)}"


def format_binder(binder: Binder) -> str:
    """`(a, b) in S where c`."""
    names = binder.names[0] if len(binder.names) == 1 else f"({', '.join(binder.names)})"
    text = f"{names} in {_at(binder.domain, SUM)}"
    if binder.condition is not None:
        text += f" where {_at(binder.condition, OR)}"
    return text


def format_set(domain: Expr) -> str:
    """What stands after `in`."""
    return _at(domain, SUM)


def format_sum(expr: Expr) -> str:
    """What stands where a comparison may not: after `=` of `param`, after `within`."""
    return _at(expr, SUM)


def _at(expr: Expr, strength: int) -> str:
    """The text, in parentheses if it binds more loosely than `strength`."""
    text, own = _WRITERS[type(expr)](expr)
    return text if own >= strength else f"({text})"


def _all(items: tuple[Expr, ...]) -> str:
    """Plain loops here: each level of nesting costs few frames, so that 200 levels fit."""
    parts = []
    for item in items:
        parts.append(_at(item, IMPLIES))
    return ", ".join(parts)


def _base(expr: Expr, opener: str) -> str:
    """What a call, an index or an attribute stands on; `5.T` and `E[0]` would be something else."""
    text = _at(expr, POSTFIX)
    average = opener == "[" and isinstance(expr, Name) and expr.id in {"E", "P"}
    return f"({text})" if isinstance(expr, Number) or average else text


def _number(e: Number) -> tuple[str, int]:
    return e.text, POSTFIX


def _string(e: String) -> tuple[str, int]:
    return quote(e.value), POSTFIX


def _name(e: Name) -> tuple[str, int]:
    return e.id, POSTFIX


def _vector(e: Vector) -> tuple[str, int]:
    return e.param or f"[{_all(e.items)}]", POSTFIX


def _interval(e: Interval) -> tuple[str, int]:
    return f"[{_at(e.lower, IMPLIES)}, {_at(e.upper, IMPLIES)}]", POSTFIX


def _finite(e: FiniteSet) -> tuple[str, int]:
    return f"{{{_all(e.items)}}}", POSTFIX


def _negate(e: Negate) -> tuple[str, int]:
    return f"-{_at(e.operand, UNARY)}", UNARY


def _not(e: Not) -> tuple[str, int]:
    return f"not {_at(e.operand, NOT)}", NOT


def _joined(e: Any, strength: int) -> str:
    """An n-ary operation: nested ones of the same kind keep their parentheses."""
    text = _at(e.operands[0], strength + 1)
    for operator, operand in zip(e.operators, e.operands[1:], strict=True):
        blank = "" if operator in {"*", "/"} else " "
        text += f"{blank}{operator}{blank}{_at(operand, strength + 1)}"
    return text


def _sum(e: Sum) -> tuple[str, int]:
    return _joined(e, SUM), SUM


def _product(e: Product) -> tuple[str, int]:
    text = _joined(e, PRODUCT)
    if any(isinstance(operand, Power) for operand in e.operands[:-1]):
        text = _OF_ONE.sub(r"^(\1)/", text)  # `x^1/2` would have two readings
    return text, PRODUCT


_OF_ONE = re.compile(r"\^(-?1)/(?=\d)")


def _compare(e: Compare) -> tuple[str, int]:
    return _joined(e, COMPARE), COMPARE


def _power(e: Power) -> tuple[str, int]:
    return f"{_at(e.base, POSTFIX)}^{_at(e.exponent, UNARY)}", POWER


def _membership(e: Membership) -> tuple[str, int]:
    return f"{_at(e.element, SUM)} in {_at(e.set, SUM)}", COMPARE


def _and(e: And) -> tuple[str, int]:
    return _words(e.operands, " and ", NOT), AND


def _or(e: Or) -> tuple[str, int]:
    return _words(e.operands, " or ", AND), OR


def _words(operands: tuple[Expr, ...], word: str, strength: int) -> str:
    parts = []
    for operand in operands:
        parts.append(_at(operand, strength))
    return word.join(parts)


def _implies(e: Implies) -> tuple[str, int]:
    return f"{_at(e.condition, OR)} => {_at(e.consequence, IMPLIES)}", IMPLIES


def _call(e: Call) -> tuple[str, int]:
    parts = [_all(e.arguments)] if e.arguments else []
    for keyword in e.keywords:
        parts.append(format_keyword(keyword))
    return f"{_base(e.function, '(')}({', '.join(parts)})", POSTFIX


def _index(e: Index) -> tuple[str, int]:
    return f"{_base(e.value, '[')}[{_all(e.indices)}]", POSTFIX


def _slice(e: Slice) -> tuple[str, int]:
    ends = ("" if end is None else _at(end, IMPLIES) for end in (e.lower, e.upper))
    return ":".join(ends), IMPLIES


def _attribute(e: Attribute) -> tuple[str, int]:
    return f"{_base(e.value, '.')}.{e.name}", POSTFIX


def _expectation(e: Expectation) -> tuple[str, int]:
    text = _at(e.body, IMPLIES)
    if e.conditions:
        text += f" | {', '.join(_at(condition, OR) for condition in e.conditions)}"
    if e.dataset is not None:
        text += f" on {e.dataset}"
    text += "".join(f" for {format_binder(binder)}" for binder in e.binders)
    return f"{e.kind}[{text}]", POSTFIX


def _comprehension(e: Comprehension) -> tuple[str, int]:
    binders = "".join(f" for {format_binder(binder)}" for binder in e.binders)
    return f"{e.function}({_at(e.body, IMPLIES)}{binders})", POSTFIX


_WRITERS: dict[type[Expr], Callable[[Any], tuple[str, int]]] = {
    Number: _number,
    String: _string,
    Name: _name,
    Vector: _vector,
    Interval: _interval,
    FiniteSet: _finite,
    Negate: _negate,
    Not: _not,
    Sum: _sum,
    Product: _product,
    Power: _power,
    Compare: _compare,
    Membership: _membership,
    And: _and,
    Or: _or,
    Implies: _implies,
    Call: _call,
    Index: _index,
    Slice: _slice,
    Attribute: _attribute,
    Expectation: _expectation,
    Comprehension: _comprehension,
}
