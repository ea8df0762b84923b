"""Expressions as text: canonical spelling, and only the parentheses that the tree needs."""

import re
from collections.abc import Callable
from typing import Any

from cspec.dsl.parsing.expressions import quote
from cspec.dsl.tree import nodes

IMPLIES, OR, AND, NOT, COMPARE, SUM, PRODUCT, UNARY, POWER, POSTFIX = range(10)
"""Binding strength of what a text is, loosest first."""


def format_expression(expr: nodes.Expr) -> str:
    """The text of an expression; `parse` gives back a tree of the same shape."""
    return _at(expr, IMPLIES)


def format_keyword(keyword: nodes.Keyword) -> str:
    """`name=value`."""
    return f"{keyword.name}={_at(keyword.value, IMPLIES)}"


def format_binder(binder: nodes.Binder) -> str:
    """`(a, b) in S where c`."""
    names = binder.names[0] if len(binder.names) == 1 else f"({', '.join(binder.names)})"
    text = f"{names} in {_at(binder.domain, SUM)}"
    if binder.condition is not None:
        text += f" where {_at(binder.condition, OR)}"
    return text


def format_sum(expr: nodes.Expr) -> str:
    """What stands where a comparison may not: after `=` of `param`, after `in`, after `within`."""
    return _at(expr, SUM)


def _at(expr: nodes.Expr, strength: int) -> str:
    """The text, in parentheses if it binds more loosely than `strength`."""
    text, own = _WRITERS[type(expr)](expr)
    return text if own >= strength else f"({text})"


def _listed(items: tuple[nodes.Expr, ...], between: str = ", ", strength: int = IMPLIES) -> str:
    """Plain loops here: each level of nesting costs few frames, so that 200 levels fit."""
    parts = []
    for item in items:
        parts.append(_at(item, strength))
    return between.join(parts)


def _base(expr: nodes.Expr, opener: str) -> str:
    """What a call, an index or an attribute stands on; `5.T` and `E[0]` would be something else."""
    text = _at(expr, POSTFIX)
    average = opener == "[" and isinstance(expr, nodes.Name) and expr.id in {"E", "P"}
    return f"({text})" if isinstance(expr, nodes.Number) or average else text


def _joined(e: Any, strength: int) -> str:
    """An n-ary operation: nested ones of the same kind keep their parentheses."""
    text = _at(e.operands[0], strength + 1)
    for operator, operand in zip(e.operators, e.operands[1:], strict=True):
        blank = "" if operator in {"*", "/"} else " "
        text += f"{blank}{operator}{blank}{_at(operand, strength + 1)}"
    return text


def _product(e: nodes.Product) -> tuple[str, int]:
    text = _joined(e, PRODUCT)
    if any(isinstance(operand, nodes.Power) for operand in e.operands[:-1]):
        text = _OF_ONE.sub(r"^(\1)/", text)  # `x^1/2` would have two readings
    return text, PRODUCT


_OF_ONE = re.compile(r"\^(-?1)/(?=\d)")


def _call(e: nodes.Call) -> tuple[str, int]:
    parts = [_listed(e.arguments)] if e.arguments else []
    for keyword in e.keywords:
        parts.append(format_keyword(keyword))
    return f"{_base(e.function, '(')}({', '.join(parts)})", POSTFIX


def _slice(e: nodes.Slice) -> tuple[str, int]:
    ends = ("" if end is None else _at(end, IMPLIES) for end in (e.lower, e.upper))
    return ":".join(ends), IMPLIES


def _expectation(e: nodes.Expectation) -> tuple[str, int]:
    text = _at(e.body, IMPLIES)
    if e.conditions:
        text += f" | {', '.join(_at(condition, OR) for condition in e.conditions)}"
    if e.dataset is not None:
        text += f" on {e.dataset}"
    return f"{e.kind}[{text}{_over(e.binders)}]", POSTFIX


def _over(binders: tuple[nodes.Binder, ...]) -> str:
    return "".join(f" for {format_binder(binder)}" for binder in binders)


_WRITERS: dict[type[nodes.Expr], Callable[[Any], tuple[str, int]]] = {
    nodes.Number: lambda e: (e.text, POSTFIX),
    nodes.String: lambda e: (quote(e.value), POSTFIX),
    nodes.Name: lambda e: (e.id, POSTFIX),
    nodes.Vector: lambda e: (e.param or f"[{_listed(e.items)}]", POSTFIX),
    nodes.Interval: lambda e: (f"[{_at(e.lower, IMPLIES)}, {_at(e.upper, IMPLIES)}]", POSTFIX),
    nodes.FiniteSet: lambda e: (f"{{{_listed(e.items)}}}", POSTFIX),
    nodes.Negate: lambda e: (f"-{_at(e.operand, UNARY)}", UNARY),
    nodes.Not: lambda e: (f"not {_at(e.operand, NOT)}", NOT),
    nodes.Sum: lambda e: (_joined(e, SUM), SUM),
    nodes.Product: _product,
    nodes.Power: lambda e: (f"{_at(e.base, POSTFIX)}^{_at(e.exponent, UNARY)}", POWER),
    nodes.Compare: lambda e: (_joined(e, COMPARE), COMPARE),
    nodes.Membership: lambda e: (f"{_at(e.element, SUM)} in {_at(e.set, SUM)}", COMPARE),
    nodes.And: lambda e: (_listed(e.operands, " and ", NOT), AND),
    nodes.Or: lambda e: (_listed(e.operands, " or ", AND), OR),
    nodes.Implies: lambda e: (f"{_at(e.condition, OR)} => {_at(e.consequence, IMPLIES)}", IMPLIES),
    nodes.Call: _call,
    nodes.Index: lambda e: (f"{_base(e.value, '[')}[{_listed(e.indices)}]", POSTFIX),
    nodes.Slice: _slice,
    nodes.Attribute: lambda e: (f"{_base(e.value, '.')}.{e.name}", POSTFIX),
    nodes.Expectation: _expectation,
    nodes.Comprehension: lambda e: (
        f"{e.function}({_at(e.body, IMPLIES)}{_over(e.binders)})",
        POSTFIX,
    ),
}
"""What is written for each form of an expression, and how strongly that binds."""
