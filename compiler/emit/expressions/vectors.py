"""Vectors as Python: as they are typed, and the slices and tensors that `vectorize` makes.

Sets are constants of the module as well: `STIEFEL = operators.get("stiefel")`.
"""

import ast

from cspec.compiler.algebra.matrices import is_large
from cspec.compiler.algebra.vectorize import slice_of
from cspec.compiler.emit.expressions.base import Translator, translates
from cspec.compiler.emit.expressions.examples import numbers
from cspec.compiler.emit.pieces import (
    attribute,
    constant,
    literal,
    method,
    packed,
    parsed,
    subscript,
)
from cspec.compiler.expressions.vectors import (
    Bounds,
    Constants,
    Entries,
    Places,
    Repeated,
    Sized,
    Total,
)
from cspec.compiler.records.problem import SetMember
from cspec.dsl.tree.constants import CONSTANTS
from cspec.dsl.tree.nodes import Call, Expr, Name, Number, Vector, shape, walk


@translates(Entries, Constants, Sized, Total)
def translate_vectors(t: Translator, expr: Constants | Entries | Sized | Total) -> ast.expr:
    """The Python of a form that only `vectorize` makes."""
    match expr:
        case Total(body=body):
            return method(t.translate(body), "sum")
        case Sized(body=body):
            return t.translate(body)
        case Constants():
            return _constant(expr, t)
        case Entries(name=name, dimensions=dimensions, places=places):
            value = t.translate(Name(id=name))
            if dimensions > 1:
                value = method(value, "reshape", ast.Constant(-1))
            between = slice_of(places)
            if between is not None:
                return subscript(value, _between(*between))
            key, listed = ("places", places), repr(list(places))
            made = t.module_constant(
                key, "PLACES", lambda: method("torch", "tensor", parsed(listed))
            )
            return subscript(value, made)


def _between(start: int, stop: int, step: int) -> ast.expr:
    """`start:stop:step`."""
    lower, upper = ast.Constant(start), ast.Constant(stop)
    return ast.Slice(lower=lower, upper=upper, step=ast.Constant(step) if step > 1 else None)


@translates(Bounds)
def bounds(t: Translator, expr: Bounds) -> ast.expr:
    """A number for each member: a constant of the module, unless it needs a tensor of params."""
    inside, t.at_module_level = t.at_module_level, True
    try:
        items = [_PlainEntries().visit(t.translate(item)) for item in expr.items]
    finally:
        t.at_module_level = inside
    rows = {"rows": ast.Constant(True)} if expr.rows else {}
    wanted = "ROWS" if expr.rows else "BOUNDS"
    key = ("bounds", expr.rows, *map(ast.unparse, items))
    names = (node.id for item in items for node in ast.walk(item) if isinstance(node, ast.Name))
    if "array" in names:
        items = [t.translate(item) for item in expr.items]
        return t.local(key, wanted.lower(), t.call("Numbers", *items, **rows))
    return t.module_constant(key, wanted, lambda: t.call("Numbers", *items, **rows))


@translates(Places)
def places(t: Translator, expr: Places) -> ast.expr:
    """What each example has at the place of each member, one row a member."""
    rows: ast.expr = ast.Attribute(value=t.translate(expr.first.value), attr="T")
    found = slice_of(expr.places)
    if found is None:
        return in_order(expr.places, rows, t)
    size = (t.axes(expr.first.value).shape or (0,))[0]
    return rows if found == (0, size, 1) else subscript(rows, _between(*found))


class _PlainEntries(ast.NodeTransformer):
    """`array(*y)[3]` as `y[3]`: the number as it is written, in double precision."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        match node:
            case ast.Subscript(
                value=ast.Call(
                    func=ast.Name(id="array"), args=[ast.Starred(value=ast.Name() as name)]
                ),
                slice=ast.Constant(value=int()) as place,
            ):
                return ast.Subscript(value=name, slice=place)
        return node


@translates(Vector)
def vector(t: Translator, expr: Vector) -> ast.expr:
    """`[a, b, c]`: a param of two dimensions, one vector an example, or a tensor."""
    if expr.param:
        return param_vector(t, expr.param, _matrix_constant(expr, t))
    if t.axes(expr).each is not None:
        return t.call("side_by_side", *numbers(t, expr.items))
    entries = [t.translate(item) for item in expr.items]
    # `[cos(pi/6), 0]` is made of numbers, too, whatever type its functions give.
    called = {node.function for node in walk(expr) if isinstance(node, Call)}
    free = {n.id for n in walk(expr) if isinstance(n, Name) and n not in called}
    fixed = free <= CONSTANTS.keys() | t.scope.params.keys()
    plain = fixed or all(t.is_number(item) for item in entries)
    return t.call("array", *entries, **(t.alike() if plain else {}))


def param_vector(t: Translator, name: str, value: ast.expr) -> ast.expr:
    """A param of several numbers as a tensor."""
    made = t.call("array", ast.Starred(value=value), **t.alike())
    if t.at_module_level:
        return made
    return t.local(("param", name), f"{name}_values", made)


def in_order(order: tuple[int, ...], value: ast.expr, t: Translator) -> ast.expr:
    """The entries of a vector in the order of the problem."""
    held = t.module_constant(("places", order), "PLACES", lambda: literal(order))
    return t.call("at_places", value, held)


def _matrix_constant(rows: Vector, t: Translator) -> ast.expr:
    """The module constant with the rows of a param of two dimensions."""
    shown = tuple(
        tuple(item.value for item in row.items if isinstance(item, Number))
        for row in rows.items
        if isinstance(row, Vector)
    )
    return t.module_constant(("param", rows.param), rows.param, lambda: parsed(repr(shown)))


def _constant(expr: Constants, t: Translator) -> ast.expr:
    """The module constant with numbers: of a large param made of it, other large ones packed."""
    key = ("constants", expr.values, expr.sizes)
    if not is_large(len(expr.values)):
        listed = repr(list(expr.values))
        return t.module_constant(key, "NUMBERS", lambda: _tensor(parsed(listed), expr, t))
    param = t.scope.params.get(expr.name)
    if param is not None:
        values = ast.Name(id=param)
        wanted = f"{param}_values"
        return t.module_constant(("tensor", param), wanted, lambda: _tensor(values, expr, t))
    t.used.add("numbers")
    wanted = expr.name or "NUMBERS"
    return t.module_constant(key, wanted, lambda: _tensor(packed(expr.values), expr, t))


def _tensor(values: ast.expr, expr: Constants, t: Translator) -> ast.expr:
    kind = attribute(ast.Name(id="torch"), t.scope.precision)
    made = method("torch", "tensor", values, dtype=kind)
    several = len(expr.sizes) > 1
    return method(made, "reshape", *map(ast.Constant, expr.sizes)) if several else made


@translates(Repeated)
def repeated(t: Translator, expr: Repeated) -> ast.expr:
    """One number in the place of several entries, so that they share its gradient."""
    return t.call("repeated", t.translate(expr.body), constant(expr.size))


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
    return operator(word, made, parsed(repr(places)))


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
