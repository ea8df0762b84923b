"""Affine rows as people write them: `halfspace(sum(W) <= 1)` for coefficients and a bound."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cspec.compiler.expressions.rewrite import call, number
from cspec.compiler.records.problem import Coefficients, SetMember
from cspec.dsl.tree.nodes import (
    Attribute,
    Compare,
    Expr,
    Index,
    Name,
    Negate,
    Product,
    Sum,
    Vector,
)
from cspec.dsl.words.sets import COEFFICIENTS, OF_SEVERAL

SHOWN = 6
"""Rows of a set, and terms of a row, that are shown."""


def without_rows(member: SetMember) -> dict[str, Any]:
    """The arguments of a set with its rows as relations, for people: `sum(W) <= 1`."""
    arguments = dict(member.arguments)
    if member.word in COEFFICIENTS:
        rows, bounds = arguments["0"], arguments["1"]
        if member.word == "halfspace":
            rows, bounds = (rows,), (bounds,)
        relation = "==" if member.word == "affine" else "<="
        pairs = list(zip(rows, bounds, strict=True))
        shown = [_relation(member, *pair, relation) for pair in pairs[:SHOWN]]
        return {str(i): part for i, part in enumerate([*shown, *_dots(pairs)])}
    if member.word == "separate":
        rows = list(zip(arguments["0"], arguments["1"], arguments["2"], strict=True))
        shown = [_between(member, *row) for row in rows[:SHOWN]]
        return {str(i): part for i, part in enumerate([*shown, *_dots(rows)])}
    if member.word in OF_SEVERAL:
        return {"0": _combined(member)}
    if member.word == "ordered":
        paths = arguments["0"]
        shown = [_chain(member, path) for path in paths[:SHOWN]]
        return {str(i): part for i, part in enumerate([*shown, *_dots(paths)])}
    arguments.pop("rows", None)
    if member.word == "box_row":
        relation = "==" if arguments.pop("equals", False) else "<="
        arguments["2"] = _relation(member, arguments["2"], arguments.pop("3"), relation)
    return arguments


def _dots(items: Sequence[object]) -> list[Expr]:
    return [Name(id="...")] if len(items) > SHOWN else []


def _chain(member: SetMember, path: Sequence[tuple[int, ...]]) -> Compare:
    """W[0, 0] <= W[0, 1] <= ..."""
    subject = member.subject or Name(id="W")
    entries: list[Expr] = [
        Index(value=subject, indices=tuple(number(float(i)) for i in index))
        for index in path[:SHOWN]
    ]
    operands = (*entries, *_dots(path))
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


def _between(member: SetMember, row: Coefficients, low: float, high: float) -> Compare:
    return _bounded(_left(member, row), low, high)


def _bounded(left: Expr, low: float, high: float) -> Compare:
    if low == high:
        return Compare(operands=(left, _signed(high)), operators=("==",))
    if math.isinf(low):
        return Compare(operands=(left, _signed(high)), operators=("<=",))
    if math.isinf(high):
        return Compare(operands=(left, _signed(low)), operators=(">=",))
    return Compare(operands=(_signed(low), left, _signed(high)), operators=("<=", "<="))


def _relation(member: SetMember, row: Coefficients, bound: float, relation: str) -> Compare:
    return Compare(operands=(_left(member, row), _signed(bound)), operators=(relation,))


def _left(member: SetMember, row: Coefficients) -> Expr:
    subject = member.subject or Name(id="W")
    every, entries = row if isinstance(row, tuple) else (row, ())
    terms: list[tuple[float, Expr]] = [(every, call("sum", subject))] if every else []
    for index, value in entries:
        places = tuple(number(float(i)) for i in index)
        terms.append((value, Index(value=subject, indices=places)))
    return _linear(terms)


def _linear(terms: Sequence[tuple[float, Expr]]) -> Expr:
    operands = tuple(_scaled(abs(value), term) for value, term in terms[:SHOWN])
    if len(terms) > SHOWN:
        terms, operands = [*terms[:SHOWN], (1.0, Name(id="..."))], (*operands, Name(id="..."))
    first = Negate(operand=operands[0]) if terms[0][0] < 0 else operands[0]
    signs = tuple("-" if value < 0 else "+" for value, _ in terms[1:])
    return Sum(operands=(first, *operands[1:]), operators=signs) if signs else first


def _signed(bound: float) -> Expr:
    right = number(abs(bound))
    return Negate(operand=right) if bound < 0 else right


def _scaled(value: float, term: Expr) -> Expr:
    return term if value == 1 else Product(operands=(number(value), term), operators=("*",))
