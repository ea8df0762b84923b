"""Indices, slices and names behind a value as Python."""

from __future__ import annotations

import ast

from cspec.compiler.emit.expressions.arithmetic import matrix
from cspec.compiler.emit.expressions.base import TranslatorBase
from cspec.compiler.emit.expressions.examples import part, place_of_each
from cspec.compiler.emit.expressions.outputs import weights
from cspec.compiler.emit.pieces import attribute, subscript
from cspec.compiler.expressions.not_compiled import form, not_compiled
from cspec.compiler.expressions.rewrite import method_name
from cspec.dsl.tree.nodes import Attribute, Expr, Index, Slice
from cspec.dsl.values.shapes import declared, shape_of


def translate_attribute(t: TranslatorBase, expr: Attribute) -> ast.expr:
    """The Python of `value.name`: weights of a model, a transpose, a part or a feature.

    Raises:
        SpecError: a name that is none of these.
    """
    method = method_name(expr)
    if method is not None and method[0] in t.scope.facts.models:
        return weights(t, method[0], method[1], ("*",))
    if expr.name == "T" and (_is_vector(t, expr.value) or t.axes(expr.value).each):
        return t.translate(expr.value)  # A vector is its own transpose.
    if expr.name == "T":
        return attribute(matrix(t, expr.value), "T")
    found = part(t, expr)
    if found is None:
        raise not_compiled(form(expr), expr)
    return found


def translate_index(t: TranslatorBase, expr: Index) -> ast.expr:
    """The Python of `value[index]`; of what has an axis of examples only the last axes."""
    found = part(t, expr)
    if found is not None:
        return found
    indices = [_place(t, index) for index in expr.indices]
    if t.axes(expr.value).each is not None:
        every: list[ast.expr] = [ast.Constant(...), *indices]
        return subscript(t.translate(expr.value), ast.Tuple(elts=every))
    index = indices[0] if len(indices) == 1 else ast.Tuple(elts=indices)
    return subscript(t.translate(expr.value), index)


def _place(t: TranslatorBase, index: Expr) -> ast.expr:
    """An index, or a slice."""
    if not isinstance(index, Slice):
        return place_of_each(t, index)
    ends = [None if e is None else t.translate(e) for e in (index.lower, index.upper)]
    return ast.Slice(lower=ends[0], upper=ends[1])


def _is_vector(t: TranslatorBase, expr: Expr) -> bool:
    shape = shape_of(expr, declared(t.scope.symbols.table, {}), {})
    return shape is not None and len(shape) == 1
