"""Sums over all entries of a vector, as sums of vectors.

    sum(x[j] for j in range(250))                        ->   sum(x)             x has 250 entries
    sum(A[i, j]*exp(x[j]) for j in range(250))           ->   sum(A[i]*exp(x))
    sum(x[i]*sum(x[j] for j in range(250)) for i in ..)  ->   sum(x*sum(x))

Written out, each of them has 250 terms, and a body that sums over all has that many for each of
its members. Short sums are left as they are typed.
"""

from typing import NamedTuple

from cspec.compiler.algebra.shapes import Shapes, shape_of
from cspec.compiler.algebra.sympy import ELEMENTARY
from cspec.compiler.expressions.rewrite import call, number
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import Values, is_whole, value_or_none
from cspec.dsl.tree.rebuild import mentions

LEAST = 32
"""Members from which on a sum is taken as a whole."""
_WORDS = frozenset({*ELEMENTARY, "abs", "relu"})
"""Functions applied entry by entry."""


class _NotWholeError(Exception):
    """A body that is no expression of whole vectors."""


def whole_sum(node: nodes.Comprehension, shapes: Shapes, params: Values) -> nodes.Expr | None:
    """A `sum`, `max` or `min` over all entries of vectors without an index; None of others."""
    if node.function not in ("sum", "max", "min"):
        return None
    *outer, last = node.binders
    size = _count(last, params)
    if size is None or size < LEAST:
        return None
    free = {name: () for binder in outer for name in binder.names}
    if not mentions(node.body, last.names):
        return None  # the same number again and again
    try:
        body = _Along(last.names[0], size, {**shapes, **free}, params).of(node.body)
    except _NotWholeError:
        return None
    whole = call(node.function, body)
    if not outer:
        return whole
    rest = node.model_copy(update={"body": whole, "binders": tuple(outer)})
    return whole_sum(rest, shapes, params) or rest


def _count(binder: nodes.Binder, params: Values) -> int | None:
    match binder.domain:
        case nodes.Call(function=nodes.Name(id="range"), arguments=(count,)) if (
            binder.condition is None
        ):
            size = value_or_none(count, params)
            return None if size is None or not is_whole(size) else int(size)
    return None


class _Along(NamedTuple):
    """The index that goes over whole vectors, and how many entries they have."""

    name: str
    size: int
    shapes: Shapes
    params: Values

    def of(self, expr: nodes.Expr) -> nodes.Expr:
        """A body with its index over all entries; raises where its own entries are not numbers."""
        if not self._moves(expr):
            if shape_of(expr, self.shapes, self.params) != ():
                raise _NotWholeError
            return expr
        match expr:
            case nodes.Name():
                return nodes.Vector(
                    items=tuple(number(i) for i in range(self.size)), span=expr.span
                )
            case nodes.Index(value=value, indices=indices):
                return self._entries(expr, value, indices)
            case nodes.Sum(operands=operands) | nodes.Product(operands=operands) if (
                "@" not in expr.operators
            ):
                return expr.model_copy(update={"operands": tuple(map(self.of, operands))})
            case nodes.Negate(operand=operand):
                return expr.model_copy(update={"operand": self.of(operand)})
            case nodes.Power(base=base, exponent=exponent) if not self._moves(exponent):
                self.of(exponent)
                return expr.model_copy(update={"base": self.of(base)})
            case nodes.Call(function=nodes.Name(id=word), arguments=(argument,), keywords=()) if (
                word in _WORDS and word not in self.shapes
            ):
                return expr.model_copy(update={"arguments": (self.of(argument),)})
        raise _NotWholeError

    def _moves(self, expr: nodes.Expr) -> bool:
        return mentions(expr, (self.name,))

    def _entries(
        self, expr: nodes.Index, value: nodes.Expr, indices: tuple[nodes.Expr, ...]
    ) -> nodes.Expr:
        """`x[j]` is x, `A[i, j]` row i of A, `A[j, k]` column k: all of its entries, in order."""
        shape = shape_of(value, self.shapes, self.params)
        places = [i for i, index in enumerate(indices) if self._moves(index)]
        if shape is None or len(shape) != len(indices) or len(places) != 1 or self._moves(value):
            raise _NotWholeError
        (place,) = places
        rest = [index for i, index in enumerate(indices) if i != place]
        one = isinstance(indices[place], nodes.Name) and shape[place] == self.size
        if not one or any(isinstance(index, nodes.Slice) for index in rest):
            raise _NotWholeError
        if not rest:
            return value
        if place == len(indices) - 1:
            return expr.model_copy(update={"indices": tuple(rest)})
        whole = (*indices[:place], nodes.Slice(span=indices[place].span), *indices[place + 1 :])
        return expr.model_copy(update={"indices": whole})
