"""Sets as constants of the module: `STIEFEL = operators.get("stiefel")`."""

from __future__ import annotations

import ast

from cspec.compiler.emit.expressions.base import Translator
from cspec.compiler.emit.pieces import method
from cspec.compiler.records.problem import SetMember
from cspec.dsl.tree.nodes import Expr, Number, shape


def set_constant(t: Translator, member: SetMember) -> ast.expr:
    """The module constant of a set, one for all that are equal."""
    arguments = shape(tuple(member.arguments.items()))
    key = (member.word, arguments, member.rows, member.part, member.together)
    return t.module_constant(key, member.word.upper(), lambda: _made(t, member))


def _made(t: Translator, member: SetMember) -> ast.expr:
    """The call `operators.get(word, arguments)`."""
    arguments = {key: _argument(t, member, value) for key, value in member.arguments.items()}
    positional = [value for key, value in arguments.items() if key.isdigit()]
    named = {key: value for key, value in arguments.items() if not key.isdigit()}
    made = operator(member.word, *positional, **named)
    if member.together:
        return operator("jointly", made)
    if not member.partial:
        return made
    word, places = ("on_rows", list(member.rows)) if member.rows else ("on_part", member.part)
    return operator(word, made, ast.parse(repr(places), mode="eval").body)


def operator(word: str, /, *arguments: ast.expr, **keywords: ast.expr) -> ast.expr:
    """`operators.get("stiefel", arguments)`."""
    return method("operators", "get", ast.Constant(word), *arguments, **keywords)


def _argument(t: Translator, member: SetMember, value: Expr | float | str) -> ast.expr:
    """Shares (`10%`, a density) stay floats: whole numbers are counts to a set."""
    if not isinstance(value, Expr):
        return ast.Constant(value)
    if isinstance(value, Number) and (member.model is not None or "%" in value.text):
        return ast.Constant(float(value.value))
    t.at_module_level = True
    try:
        return t.translate(value)
    finally:
        t.at_module_level = False
