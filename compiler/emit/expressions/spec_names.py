"""Names of a spec as Python: columns, params, variables, models, imported functions, constants."""

from __future__ import annotations

import ast

from cspec.compiler.emit.expressions.base import TranslatorBase
from cspec.compiler.emit.expressions.vectors import param_vector
from cspec.compiler.emit.pieces import constant, entry, subscript
from cspec.compiler.expressions.not_compiled import form, not_compiled
from cspec.dsl.tree.constants import CONSTANTS, TRUTHS
from cspec.dsl.tree.nodes import Name


def translate_name(t: TranslatorBase, expr: Name) -> ast.expr:
    """The Python of a name; a column hides all else where examples are in reach.

    Raises:
        SpecError: a name that stands for nothing that can be computed.
    """
    name, symbols = expr.id, t.scope.symbols
    if t.dataset is not None and name in t.scope.columns(t.dataset):
        return _column_as_number(t, t.dataset, name)
    if name in t.scope.params:
        constant_ = ast.Name(id=t.scope.params[name])
        return param_vector(t, name, constant_) if name in t.scope.vectors else constant_
    if name == t.scope.auxiliary:
        return t.local(("auxiliary", name), name, entry("primal", name))
    match symbols.role(name):
        case "var":
            return _variable(t, name)
        case "model":
            return t.model(name)
        case "given":
            value = subscript(entry(t.container, "given"), ast.Constant(name))
            return t.local(("given", name), name, value)
        case "import" | "function" if name in t.scope.functions:
            return ast.Name(id=t.scope.functions[name])
    if name in CONSTANTS:
        return constant(CONSTANTS[name])
    if name in TRUTHS:
        return ast.Constant(TRUTHS[name])
    raise not_compiled(form(expr), expr)


def _column_as_number(t: TranslatorBase, dataset: str, name: str) -> ast.expr:
    """A column; one that models take as rows of one number is a number in expressions."""
    value = t.column(dataset, name)
    known = t.inference.known.column(dataset, name)
    if known is not None and known.shape == (1,):
        index = ast.Tuple(elts=[ast.Slice(), ast.Constant(0)])
        return t.local(("number", dataset, name), f"{name}_value", subscript(value, index))
    return value


def _variable(t: TranslatorBase, name: str) -> ast.expr:
    value: ast.expr = t.whole_variable(name)
    if not t.scope.symbols.vars()[name].dimensions:
        value = subscript(value, ast.Constant(0))
    return t.local(("var", name), name, value)
