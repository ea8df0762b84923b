"""Affine rows as people write them: `halfspace(sum(W) <= 1)` for coefficients and a bound."""

from __future__ import annotations

import math
from typing import Any

from cspec.compiler.ir import SetMember
from cspec.compiler.passes.rows import WORDS, Coefficients
from cspec.compiler.rewrite import call, number
from cspec.dsl.nodes import Compare, Expr, Index, Name, Negate, Product, Sum

SHOWN = 6
"""Rows of a set, and terms of a row, that are shown."""


def without_rows(member: SetMember) -> dict[str, Any]:
    """The arguments of a set with its rows as relations, for people: `sum(W) <= 1`."""
    arguments = dict(member.arguments)
    if member.word in WORDS:
        rows, bounds = arguments["0"], arguments["1"]
        if member.word == "halfspace":
            rows, bounds = (rows,), (bounds,)
        relation = "==" if member.word == "affine" else "<="
        pairs = list(zip(rows, bounds, strict=True))
        shown = [_relation(member, *pair, relation) for pair in pairs[:SHOWN]]
        dots = [Name(id="...")] if len(pairs) > SHOWN else []
        return {str(i): part for i, part in enumerate([*shown, *dots])}
    if member.word == "separate":
        rows = list(zip(arguments["0"], arguments["1"], arguments["2"], strict=True))
        shown = [_between(member, *row) for row in rows[:SHOWN]]
        dots = [Name(id="...")] if len(rows) > SHOWN else []
        return {str(i): part for i, part in enumerate([*shown, *dots])}
    arguments.pop("rows", None)
    if member.word == "box_row":
        relation = "==" if arguments.pop("equals", False) else "<="
        arguments["2"] = _relation(member, arguments["2"], arguments.pop("3"), relation)
    return arguments


def _between(member: SetMember, row: Coefficients, low: float, high: float) -> Compare:
    if low == high:
        return _relation(member, row, high, "==")
    if math.isinf(low):
        return _relation(member, row, high, "<=")
    above = _relation(member, row, low, ">=")
    if math.isinf(high):
        return above
    below = _relation(member, row, high, "<=")
    operands = (above.operands[1], *below.operands)
    return Compare(operands=operands, operators=("<=", "<="))


def _relation(member: SetMember, row: Coefficients, bound: float, relation: str) -> Compare:
    subject = member.subject or Name(id="W")
    every, entries = row if isinstance(row, tuple) else (row, ())
    terms: list[tuple[float, Expr]] = [(every, call("sum", subject))] if every else []
    for index, value in entries:
        places = tuple(number(float(i)) for i in index)
        terms.append((value, Index(value=subject, indices=places)))
    operands = tuple(_scaled(abs(value), term) for value, term in terms[:SHOWN])
    if len(terms) > SHOWN:
        terms, operands = [*terms[:SHOWN], (1.0, Name(id="..."))], (*operands, Name(id="..."))
    first = Negate(operand=operands[0]) if terms[0][0] < 0 else operands[0]
    signs = tuple("-" if value < 0 else "+" for value, _ in terms[1:])
    left = Sum(operands=(first, *operands[1:]), operators=signs) if signs else first
    right = number(abs(bound))
    ends = (left, Negate(operand=right) if bound < 0 else right)
    return Compare(operands=ends, operators=(relation,))


def _scaled(value: float, term: Expr) -> Expr:
    return term if value == 1 else Product(operands=(number(value), term), operators=("*",))
