"""Shapes of expressions, read from their trees: () is a number, (n,) a vector, (m, n) a matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cspec.dsl.names.symbols import Symbol
from cspec.dsl.tree.constants import CONSTANTS, Values, is_whole, value_or_none
from cspec.dsl.tree.nodes import (
    And,
    Attribute,
    Call,
    Compare,
    Expr,
    Index,
    Interval,
    Let,
    Membership,
    Name,
    Negate,
    Not,
    Number,
    Or,
    Power,
    Product,
    Sum,
    Vector,
)
from cspec.dsl.tree.rebuild import substitute
from cspec.dsl.values.slices import Unfit, indexed
from cspec.dsl.values.tensor_words import Shape, as_matrix, broadcast, word_shape
from cspec.dsl.words.functions import SIGNATURES

__all__ = ["Shape", "as_matrix"]

Leaf = Callable[[Expr], Shape | None]
"""The shape of a name, or of another expression that stands for a tensor; None if unknown."""

ONE_NUMBER = frozenset(
    {"norm", "l1", "l2", "sumsq", "sum", "spectral", "nuclear", "gap", "ratio", "density"}
)
"""Functions that make one number of a tensor; `max` and `min` do so of one argument."""


def shape_of(expr: Expr, leaf: Leaf, values: Values) -> Shape | None:
    """The shape of an expression; None where it is not read here.

    Weights of more than two dimensions are (outputs, rest) inside products and transposes, as
    `.T` and `@` read them. `values` are those of params.
    """

    def of(inner: Expr) -> Shape | None:
        return shape_of(inner, leaf, values)

    match expr:
        case Number():
            return ()
        case Name(id=name) if name in CONSTANTS:
            return ()
        case Negate(operand=operand) | Power(base=operand) | Not(operand=operand):
            return of(operand)
        case Compare(operands=operands) | And(operands=operands) | Or(operands=operands):
            return together([of(operand) for operand in operands])
        case Membership(element=element, set=Interval()):
            return of(element)
        case Attribute(value=value, name="T"):
            inner = of(value)
            return None if inner is None else as_matrix(inner)[::-1]
        case Sum(operands=operands):
            return together([of(operand) for operand in operands])
        case Product(operands=operands, operators=operators):
            total = of(operands[0])
            for operator, operand in zip(operators, operands[1:], strict=True):
                factor = of(operand)
                total = matmul(total, factor) if operator == "@" else together([total, factor])
            return total
        case Vector(items=items):
            inner = together([of(item) for item in items])
            return None if inner is None else (len(items), *inner)
        case Index(value=value, indices=indices):
            inner = of(value)
            return None if inner is None else indexed(inner, indices, values)
        case Call(arguments=arguments):
            shape = _called(expr, [of(argument) for argument in arguments], values)
            return leaf(expr) if shape is None else shape
    return leaf(expr)


def matmul(left: Shape | None, right: Shape | None) -> Shape | None:
    """The shape of `left @ right`; None where one is unknown or they do not go together."""
    if not left or not right:
        return None
    left, right = as_matrix(left), as_matrix(right)
    if left[-1] != right[0]:
        return None
    return (*left[:-1], *right[1:])


def together(shapes: list[Shape | None]) -> Shape | None:
    """The shape of operands entry by entry, as torch broadcasts them; None where it is unknown."""
    known = [shape for shape in shapes if shape is not None]
    if len(known) < len(shapes):
        return None
    return broadcast(known)


def _called(expr: Call, arguments: list[Shape | None], values: Values) -> Shape | None:
    name = expr.function.id if isinstance(expr.function, Name) else None
    if name == "eye":
        size = value_or_none(expr.arguments[0], values) if expr.arguments else None
        return (int(size), int(size)) if size is not None and is_whole(size) else None
    known = [shape for shape in arguments if shape is not None]
    if name is not None and len(known) == len(arguments):
        found = word_shape(name, known, [value_or_none(a, values) for a in expr.arguments])
        if isinstance(found, tuple) and not isinstance(found, Unfit):
            return found
    if name in ("max", "min", "pow"):
        return () if len(arguments) == 1 else together(arguments)
    signature = SIGNATURES.get(name or "")
    if signature is not None and signature.family == "elementary" and len(arguments) == 1:
        return arguments[0]
    return () if name in ONE_NUMBER and not expr.keywords else None


def declared(table: Mapping[str, Symbol], values: Values) -> Leaf:
    """The shapes of variables and params as a spec declares them, of lets as their values have.

    Of other names None, and of a let that is defined by itself.
    """
    lets: dict[str, Shape | None] = {}
    called: list[str] = []

    def written_out(item: Let, call: Call) -> Shape | None:
        if item.name in called:
            return None
        called.append(item.name)
        given = dict(zip(item.parameters or (), call.arguments, strict=False))
        body = substitute(item.value, given)
        shape = shape_of(body, leaf, values)
        called.pop()
        return shape

    def leaf(expr: Expr) -> Shape | None:
        name = expr.function if isinstance(expr, Call) else expr
        symbol = table.get(name.id) if isinstance(name, Name) else None
        if symbol is None:
            return None
        item = symbol.item
        if isinstance(expr, Call):
            return written_out(item, expr) if isinstance(item, Let) and item.parameters else None
        if isinstance(item, Let) and not item.parameters:
            if item.name not in lets:
                lets[item.name] = None
                lets[item.name] = shape_of(item.value, leaf, values)
            return lets[item.name]
        if symbol.role not in ("var", "param"):
            return None
        sizes = [value_or_none(d, values) for d in getattr(item, "dimensions", ())]
        known = [int(size) for size in sizes if size is not None and is_whole(size)]
        return tuple(known) if len(known) == len(sizes) else None

    return leaf
