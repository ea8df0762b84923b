"""Features of the input by name, `x.age` and `x["age"]`, which are columns of their own."""

from __future__ import annotations

from cspec.dsl.tree.nodes import Attribute, Expr, Index, Name, String


def column_of(expr: Expr) -> str | None:
    """The name under which the column behind an expression is bound: `sex`, `x.age`; else None."""
    match expr:
        case Name(id=name):
            return name
        case Attribute(value=Name(id=column), name=name):
            return f"{column}.{name}"
        case Index(value=Name(id=column), indices=(String(value=name),)):
            return f"{column}.{name}"
    return None
