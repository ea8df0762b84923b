"""How many axes an expression over declared vectors has: `c @ x` and `x @ Q @ x` are numbers."""

from __future__ import annotations

from collections.abc import Mapping

from cspec.dsl.nodes import (
    Attribute,
    Expr,
    Index,
    Name,
    Negate,
    Number,
    Power,
    Product,
    Sum,
    Vector,
)
from cspec.dsl.symbols import Symbol


def axes(expr: Expr, table: Mapping[str, Symbol]) -> int | None:
    """0 for a number, 1 for a vector, 2 for a matrix; None where the text does not tell.

    Only variables and params have axes that are declared; weights and columns do not.
    """
    match expr:
        case Number():
            return 0
        case Name(id=name):
            symbol = table.get(name)
            if symbol is None or symbol.role not in ("var", "param"):
                return None
            return len(getattr(symbol.item, "dimensions", ()))
        case Negate(operand=operand) | Power(base=operand) | Attribute(value=operand, name="T"):
            return axes(operand, table)
        case Sum(operands=operands):
            return _most([axes(operand, table) for operand in operands])
        case Vector(items=items):
            inner = _most([axes(item, table) for item in items])
            return None if inner is None else inner + 1
        case Index(value=value, indices=indices):
            whole = axes(value, table)
            return None if whole is None else max(0, whole - len(indices))
        case Product(operands=operands, operators=operators):
            total = axes(operands[0], table)
            for operator, operand in zip(operators, operands[1:], strict=True):
                factor = axes(operand, table)
                if total is None or factor is None:
                    return None
                total = total + factor - 2 if operator == "@" else max(total, factor)
            return total
    return None


def _most(found: list[int | None]) -> int | None:
    known = [count for count in found if count is not None]
    return max(known, default=0) if len(known) == len(found) else None
