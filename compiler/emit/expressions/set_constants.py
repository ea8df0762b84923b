"""Sets as constants of the module: `STIEFEL = operators.get("stiefel")`."""

from __future__ import annotations

import ast

from cspec.compiler.emit.expressions.base import TranslatorBase
from cspec.compiler.records.problem import SetMember
from cspec.dsl.tree.nodes import Expr, Number, shape


def set_constant(t: TranslatorBase, member: SetMember) -> ast.expr:
    """The module constant of a set, one for all that are equal."""
    arguments = shape(tuple(member.arguments.items()))
    key = (member.word, arguments, member.rows, member.part, member.together)
    return t.module_constant(key, member.word.upper(), lambda: _made(t, member))


def _made(t: TranslatorBase, member: SetMember) -> ast.expr:
    """The call `operators.get(word, arguments)`."""
    positional: list[ast.expr] = [ast.Constant(member.word)]
    keywords: list[ast.keyword] = []
    for key, value in member.arguments.items():
        translated = _argument(t, member, value)
        if key.isdigit():
            positional.append(translated)
        else:
            keywords.append(ast.keyword(arg=key, value=translated))
    get = ast.Attribute(value=ast.Name(id="operators"), attr="get")
    made = ast.Call(func=get, args=positional, keywords=keywords)
    if member.together:
        return ast.Call(func=get, args=[ast.Constant("jointly"), made], keywords=[])
    if not member.partial:
        return made
    word, places = ("on_rows", list(member.rows)) if member.rows else ("on_part", member.part)
    where = ast.parse(repr(places), mode="eval").body
    return ast.Call(func=get, args=[ast.Constant(word), made, where], keywords=[])


def _argument(t: TranslatorBase, member: SetMember, value: Expr | float | str) -> ast.expr:
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
