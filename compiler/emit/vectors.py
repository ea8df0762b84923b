"""Slices, gathered entries and constant tensors as Python: what `vectorize` makes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from cspec.compiler.vectorize import slice_of
from cspec.compiler.vectors import Constants, Entries, Sized, Total
from cspec.dsl.nodes import Name, Number, Vector

if TYPE_CHECKING:
    from cspec.compiler.emit.expressions import Translator


def translate_vectors(
    expr: Constants | Entries | Sized | Total, translator: Translator
) -> ast.expr:
    """The Python of a form that only `vectorize` makes."""
    match expr:
        case Total(body=body):
            value = translator.translate(body)
            return ast.Call(func=ast.Attribute(value=value, attr="sum"), args=[], keywords=[])
        case Sized(body=body):
            return translator.translate(body)
        case Constants(values=values, sizes=sizes):
            return _constant(values, sizes, translator)
        case Entries(name=name, dimensions=dimensions, places=places):
            value = translator.translate(Name(id=name))
            if dimensions > 1:
                flat = ast.Attribute(value=value, attr="reshape")
                value = ast.Call(func=flat, args=[ast.Constant(-1)], keywords=[])
            found = slice_of(places)
            if found is None:
                return ast.Subscript(value=value, slice=_places(places, translator))
            start, stop, step = found
            between = ast.Slice(lower=ast.Constant(start), upper=ast.Constant(stop))
            if step > 1:
                between.step = ast.Constant(step)
            return ast.Subscript(value=value, slice=between)


def module_constant(key: object, wanted: str, call: str, translator: Translator) -> ast.expr:
    """The module constant that holds what `call` makes, once for equal keys."""
    if key not in translator.operators:
        name = translator.names.fresh(wanted)
        translator.operators[key] = (name, ast.parse(call, mode="eval").body)
    return ast.Name(id=translator.operators[key][0])


def matrix_constant(rows: Vector, translator: Translator) -> ast.expr:
    """The module constant with the rows of a param of two dimensions."""
    shown = tuple(
        tuple(item.value for item in row.items if isinstance(item, Number))
        for row in rows.items
        if isinstance(row, Vector)
    )
    return module_constant(("param", rows.param), rows.param, repr(shown), translator)


def _constant(
    values: tuple[float, ...], sizes: tuple[int, ...], translator: Translator
) -> ast.expr:
    shown = list(values)
    text = f"torch.tensor({shown!r}, dtype=torch.float64)"
    if len(sizes) > 1:
        text += f".reshape{sizes!r}"
    return module_constant(("constants", values, sizes), "NUMBERS", text, translator)


def _places(places: tuple[int, ...], translator: Translator) -> ast.expr:
    text = f"torch.tensor({list(places)!r})"
    return module_constant(("places", places), "PLACES", text, translator)


def in_order(order: tuple[int, ...], value: ast.expr, translator: Translator) -> ast.expr:
    """The entries of a vector in the order of the problem."""
    return ast.Subscript(value=value, slice=_places(order, translator))
