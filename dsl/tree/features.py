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


def column_of_variable(variable: Expr) -> str | None:
    """The column that a variable is, or is a feature of: `x`, `x.age`, `x[3]`."""
    match variable:
        case Name(id=name) | Attribute(value=Name(id=name)) | Index(value=Name(id=name)):
            return name
    return None
