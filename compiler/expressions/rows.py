"""Affine rows as people write them: `halfspace(sum(W) <= 1)` for coefficients and a bound."""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from cspec.compiler.expressions.rewrite import call, number, signed_number, signed_sum
from cspec.compiler.records.problem import Coefficients, SetMember
from cspec.dsl.tree.nodes import Attribute, Compare, Expr, Index, Name, Product, Vector
from cspec.dsl.words.sets import COEFFICIENTS, OF_SEVERAL

T = TypeVar("T")
SHOWN = 6
"""Rows of a set, and terms of a row, that are shown."""


def rows_of(member: SetMember) -> tuple[tuple[Coefficients, float], ...]:
    """Coefficients and bound of each row, of a set that is made of affine rows."""
    rows, bounds = member.arguments["0"], member.arguments["1"]
    one = member.word == "halfspace"
    return ((rows, bounds),) if one else tuple(zip(rows, bounds, strict=True))


def without_rows(member: SetMember) -> dict[str, Any]:
    """The arguments of a set with its rows as relations, for people: `sum(W) <= 1`."""
    arguments = dict(member.arguments)
    if member.word in COEFFICIENTS:
        relation = "==" if member.word == "affine" else "<="
        return _first(rows_of(member), lambda row: _relation(member, *row, relation))
    if member.word == "separate":
        rows = list(zip(arguments["0"], arguments["1"], arguments["2"], strict=True))
        return _first(rows, lambda row: _bounded(_left(member, row[0]), *row[1:]))
    if member.word in OF_SEVERAL:
        return {"0": _combined(member)}
    if member.word == "ordered":
        return _first(arguments["0"], lambda path: _chain(member, path))
    arguments.pop("rows", None)
    if member.word == "box_row":
        relation = "==" if arguments.pop("equals", False) else "<="
        arguments["2"] = _relation(member, arguments["2"], arguments.pop("3"), relation)
    return arguments


def _first(items: Sequence[T], shown: Callable[[T], Expr]) -> dict[str, Expr]:
    """The first items as arguments, dots behind them where there are more."""
    parts = [*map(shown, items[:SHOWN]), *_dots(items)]
    return {str(i): part for i, part in enumerate(parts)}


def _dots(items: Sequence[object]) -> list[Expr]:
    return [Name(id="...")] if len(items) > SHOWN else []


def _chain(member: SetMember, path: Sequence[tuple[int, ...]]) -> Compare:
    """W[0, 0] <= W[0, 1] <= ..."""
    subject = member.subject or Name(id="W")
    operands = (*(_entry(subject, index) for index in path[:SHOWN]), *_dots(path))
    return Compare(operands=operands, operators=("<=",) * (len(operands) - 1))


def _combined(member: SetMember) -> Compare:
    """0 <= A + B <= 1, sum(A) == sum(B) as sum(A) - sum(B) == 0."""
    assert isinstance(member.subject, Vector)
    turned = member.arguments.get("4", ())
    terms: list[tuple[float, Expr]] = []
    for place, item in enumerate(member.subject.items):
        part = Attribute(value=item, name="T") if turned and turned[place] else item
        term = call("sum", part) if member.word == "totals" else part
        terms.append((member.arguments["0"][place], term))
    return _bounded(_linear(terms), member.arguments["1"], member.arguments["2"])


def _bounded(left: Expr, low: float, high: float) -> Compare:
    if low == high or math.isinf(low):
        return _compared(left, "==" if low == high else "<=", high)
    if math.isinf(high):
        return _compared(left, ">=", low)
    operands = (signed_number(low), left, signed_number(high))
    return Compare(operands=operands, operators=("<=", "<="))


def _relation(member: SetMember, row: Coefficients, bound: float, relation: str) -> Compare:
    return _compared(_left(member, row), relation, bound)


def _compared(left: Expr, relation: str, bound: float) -> Compare:
    return Compare(operands=(left, signed_number(bound)), operators=(relation,))


def _left(member: SetMember, row: Coefficients) -> Expr:
    subject = member.subject or Name(id="W")
    every, entries = row if isinstance(row, tuple) else (row, ())
    terms: list[tuple[float, Expr]] = [(every, call("sum", subject))] if every else []
    terms += [(value, _entry(subject, index)) for index, value in entries]
    return _linear(terms)


def _entry(subject: Expr, index: Sequence[int]) -> Index:
    return Index(value=subject, indices=tuple(number(float(i)) for i in index))


def _linear(terms: Sequence[tuple[float, Expr]]) -> Expr:
    shown: list[tuple[str, Expr]] = []
    for value, term in terms[:SHOWN]:
        if abs(value) != 1:
            term = Product(operands=(number(abs(value)), term), operators=("*",))
        shown.append(("-" if value < 0 else "+", term))
    return signed_sum([*shown, *(("+", dots) for dots in _dots(terms))])
