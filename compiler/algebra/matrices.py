"""Matrices of numbers: params of two dimensions with their values, and large ones as one constant.

`param A[2, 2]` stands for the rows it is given. Where only decision variables move, a matrix of
many numbers stays one constant (`Constants`) from here to the emitted module, whether a param or
a `let` spells it out: no pass walks over its entries.
"""

import math
from collections.abc import Mapping
from functools import partial

from cspec.compiler.algebra.shapes import numbers_of
from cspec.compiler.algebra.variables import space_of
from cspec.compiler.expressions.rewrite import changed
from cspec.compiler.expressions.vectors import Constants
from cspec.dsl.check import Checked
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import Expr, Let, Node, Number, Param, Vector, walk
from cspec.dsl.tree.rebuild import rebuild

LEAST = 400
"""Entries from which a matrix is one constant."""


def is_large(entries: int) -> bool:
    """Whether so many numbers are kept as one constant, not as an expression each."""
    return entries >= LEAST


def has_matrices(*trees: Node) -> bool:
    """Whether a matrix that is kept as one constant stands in one of the trees."""
    return any(
        isinstance(node, Constants) and len(node.sizes) > 1 for tree in trees for node in walk(tree)
    )


def matrices(checked: Checked) -> dict[str, Expr]:
    """Each param of two dimensions: `[[a, b], [c, d]]`, or one constant.

    Raises:
        SpecError: another number of entries than the dimensions say.
    """
    whole = whole_params(checked)
    found: dict[str, Expr] = {}
    for name, item in matrix_params(checked).items():
        value = checked.params[name]
        assert isinstance(value, tuple)
        sizes = _sizes(checked, item, value)
        if name in whole:
            found[name] = Constants(values=value, sizes=sizes, name=name)
        else:
            found[name] = _rows(item, value, sizes[1])
    return found


def matrix_params(checked: Checked) -> dict[str, Param]:
    """The params of two dimensions that have a value."""
    return {
        name: item
        for name, item in checked.symbols.params().items()
        if len(item.dimensions) == 2 and isinstance(checked.params.get(name), tuple)
    }


def whole_params(checked: Checked) -> frozenset[str]:
    """The params of two dimensions that are kept as one constant."""
    if space_of(checked) is None:
        return frozenset()
    sizes = {name: checked.params[name] for name in matrix_params(checked)}
    return frozenset(k for k, v in sizes.items() if isinstance(v, tuple) and is_large(len(v)))


def _sizes(checked: Checked, item: Param, value: tuple[float, ...]) -> tuple[int, ...]:
    sizes = [int(value_or_none(d, checked.params) or 0) for d in item.dimensions]
    if math.prod(sizes) != len(value):
        size = " x ".join(map(str, sizes))
        message = f"param `{item.name}` is {size}, and {len(value)} numbers were given"
        count = f"give {math.prod(sizes)} numbers, row by row"
        helps = (f"{count}, or another size in `{item.name}[...]`",)
        raise Diagnostic(code="CS326", message=message, span=item.name_span, helps=helps).error()
    return tuple(sizes)


def _rows(item: Param, value: tuple[float, ...], width: int) -> Vector:
    numbers = [Number(text=repr(v), value=v) for v in value]
    starts = range(0, len(value), width)
    rows = tuple(Vector(items=tuple(numbers[start : start + width])) for start in starts)
    return Vector(items=rows, param=item.name)


def whole_matrices(named: Mapping[str, Let], params: Values) -> dict[str, Let]:
    """The `let`s with each large matrix of numbers that they spell out as one constant.

    let A = [[0.1, ...], ...]   ->   let A = the numbers of A
    """
    found = {}
    for name, item in named.items():
        value = changed(item.value, partial(_whole, params=params, name=name))
        found[name] = item if value is item.value else item.model_copy(update={"value": value})
    return found


def _whole(node: Node, params: Values, name: str) -> Node:
    if isinstance(node, Vector) and (found := _constant(node, params, name)) is not None:
        return found
    return rebuild(node, lambda inner: _whole(inner, params, ""))


def _constant(node: Vector, params: Values, name: str) -> Constants | None:
    """The constant of a large matrix that is spelled out; None for anything else."""
    rows = node.items
    if not rows or not isinstance(rows[0], Vector) or not is_large(len(rows) * len(rows[0].items)):
        return None
    sizes = (len(rows), len(rows[0].items))
    even = (row for row in rows if isinstance(row, Vector) and len(row.items) == sizes[1])
    values = tuple(value for row in even for value in numbers_of(row, params) or ())
    if len(values) < math.prod(sizes):
        return None
    return Constants(values=values, sizes=sizes, name=name, span=node.span)
