"""One entry of a vector expression, written as people would: `(-w)[0]` is `-w[0]`."""

from itertools import product

from cspec.compiler.algebra.shapes import Shapes, shape_of
from cspec.compiler.algebra.sympy import Space
from cspec.compiler.expressions.rewrite import number
from cspec.compiler.expressions.vectors import Constants
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.values.shapes import Shape


def entry_of(
    expr: nodes.Expr, index: tuple[int, ...], shapes: Shapes, params: Values
) -> nodes.Expr:
    """Entry `index` of an expression: the index moves inside, to what is added or multiplied.

    A @ x with a param A gives `A[i] @ x`. What is not taken apart keeps its index behind it.
    `shapes` are those of decision variables.
    """

    def inner(part: nodes.Expr) -> nodes.Expr:
        """The entry of one operand: its axes are the last ones, and one of length 1 is repeated."""
        shape = shape_of(part, shapes, params)
        if shape is None:
            return entry_of(part, index, shapes, params)
        own = zip(shape, index[len(index) - len(shape) :], strict=True)
        places = tuple(0 if size == 1 else place for size, place in own)
        return entry_of(part, places, shapes, params)

    if not index:
        return expr
    operands = expr.operands if isinstance(expr, nodes.Sum | nodes.Product) else ()
    known = all(shape_of(part, shapes, params) is not None for part in operands)
    match expr:
        case nodes.Vector(items=items) if index[0] < len(items):
            return entry_of(items[index[0]], index[1:], shapes, params)
        case nodes.Negate(operand=operand):
            return expr.model_copy(update={"operand": inner(operand)})
        case nodes.Power(base=base):
            return expr.model_copy(update={"base": inner(base)})
        case nodes.Attribute(value=value, name="T") if len(index) == 2:
            return entry_of(value, index[::-1], shapes, params)
        case nodes.Sum(operators=operators) | nodes.Product(operators=operators) if (
            known and "@" not in operators
        ):
            return expr.model_copy(update={"operands": tuple(map(inner, operands))})
        case nodes.Product(
            operands=(Constants() | nodes.Vector() as rows, right), operators=("@",)
        ) if len(index) == 1:
            row: nodes.Expr = nodes.Index(value=rows, indices=(number(index[0]),), span=rows.span)
            if isinstance(rows, nodes.Vector) and not rows.param:
                row = rows.items[index[0]]
            return expr.model_copy(update={"operands": (row, right)})
        case nodes.Index(indices=before) if (places := _behind(before, index, params)) is not None:
            return expr.model_copy(update={"indices": places})
        case nodes.Call(function=nodes.Name(id="abs" | "relu"), arguments=(inside,)) if len(
            index
        ) == len(shape_of(inside, shapes, params) or ()):
            return expr.model_copy(update={"arguments": (inner(inside),)})
        case nodes.Call(function=nodes.Name(id="max" | "min"), arguments=(_, _, *_) as several) if (
            all(shape_of(one, shapes, params) is not None for one in several)
        ):
            return expr.model_copy(update={"arguments": tuple(map(inner, several))})
        case nodes.Call(function=nodes.Name(id="diag"), arguments=(matrix,)) if len(index) == 1:
            return entry_of(matrix, (*index, *index), shapes, params)
    return nodes.Index(value=expr, indices=tuple(map(number, index)), span=expr.span)


def entries_of(expr: nodes.Expr, shape: Shape, space: Space) -> list[nodes.Expr]:
    """All entries of an expression of this shape, row by row; of a number itself."""
    places = product(*map(range, shape))
    return [entry_of(expr, place, space.shapes, space.params) for place in places]


def _behind(
    before: tuple[nodes.Expr, ...], index: tuple[int, ...], params: Values
) -> tuple[nodes.Expr, ...] | None:
    """The indices of entry `index` of `value[before]`; None where a slice begins nowhere known."""
    places = list(index)
    found: list[nodes.Expr] = []
    for given in before:
        if isinstance(given, nodes.Slice) and places:
            start = 0 if given.lower is None else value_or_none(given.lower, params)
            if start is None:
                return None
            given = number(int(start) + places.pop(0))
        found.append(given)
    return (*found, *map(number, places))
