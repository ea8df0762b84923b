"""Many scalar terms of one form as a few operations on vectors.

    (x[1] - x[0]^2)^2 + ... + (x[999] - x[998]^2)^2   ->   sum((x[1:1000] - x[0:999]^2)^2)

A sum over `range(n)` is written out by `expand`; torch would then build a graph of thousands of
scalars at every evaluation. Terms that differ only in the entries they read and in their numbers
are put together again: entries become a slice (or are gathered), numbers a constant vector. Rows of
a matrix in `A[i] @ x` become one product.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from cspec.compiler.algebra.shapes import numbers_of, param_entry, place_in
from cspec.compiler.algebra.structure import ENTRYWISE, Reader
from cspec.compiler.algebra.sympy import Space
from cspec.compiler.expressions.rewrite import (
    function_name,
    operands_of,
    signed,
    signed_sum,
    with_operands,
)
from cspec.compiler.expressions.vectors import Constants, Entries, Repeated, Sized, Total
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.rebuild import rebuild

FEWEST = 8
"""Terms of one form from which they are put together."""


class Placed(NamedTuple):
    """Functions put together, and where each entry of the result goes."""

    functions: tuple[nodes.Expr, ...]
    order: tuple[int, ...] | None
    """Entry i of the functions as they were is entry order[i] of the new ones; None: in order."""


class Vectorizer:
    """Puts the terms and functions of one problem together.

    What is below is for expressions of decision variables, whatever evaluates them; `Members` adds
    what steps of training see.
    """

    fewest = FEWEST

    def __init__(self, space: Space) -> None:
        self._space = space
        self._reader = Reader(space)
        self._skeletons: dict[int, tuple[nodes.Node, object]] = {}

    def expression(self, expr: nodes.Expr) -> nodes.Expr:
        """The expression with sums of many terms of one form as sums of vectors."""
        if (constants := self._constants(expr)) is not None:
            return constants
        if isinstance(expr, nodes.Sum) and len(expr.operands) >= FEWEST:
            return self._sum(expr)
        return rebuild(expr, self._node)

    def _node(self, node: nodes.Node) -> nodes.Node:
        return self.expression(node) if isinstance(node, nodes.Expr) else rebuild(node, self._node)

    def _sum(self, expr: nodes.Sum) -> nodes.Expr:
        groups: dict[tuple[str, object], list[nodes.Expr]] = {}
        for sign, term in signed(expr):
            groups.setdefault((sign, self._form(term)), []).append(term)
        terms: list[tuple[str, nodes.Expr]] = []
        for (sign, _), members in groups.items():
            if len(members) < FEWEST or not self._scalar(members[0]):
                terms.extend((sign, self.expression(member)) for member in members)
            else:
                terms.append((sign, Total(body=self._together(members), span=expr.span)))
        return signed_sum(terms, expr.span)

    def functions(self, parts: Sequence[nodes.Expr]) -> Placed:
        """Scalar functions of one form together; vectors stay as they are."""
        starts = [0]
        for part in parts:
            starts.append(starts[-1] + (part.size if isinstance(part, Sized) else 1))
        made: list[nodes.Expr] = []
        order = [0] * starts[-1]
        filled = 0
        for places in self.groups(parts):
            if len(places) > 1:
                made.append(self.together([parts[place] for place in places]))
            else:
                made.append(self.expression(parts[places[0]]))
            for place in places:
                for entry in range(starts[place], starts[place + 1]):
                    order[entry] = filled
                    filled += 1
        return Placed(tuple(made), None if order == list(range(filled)) else tuple(order))

    def groups(self, parts: Sequence[nodes.Expr]) -> list[list[int]]:
        """Places of functions that are put together, and of those that stay alone."""
        forms: dict[object, list[int]] = {}
        for place, part in enumerate(parts):
            key = ("alone", place) if self._stands_alone(part) else self._form(part)
            forms.setdefault(key, []).append(place)
        found: list[list[int]] = []
        for places in forms.values():
            many = len(places) >= self.fewest and self._scalar(parts[places[0]])
            found += [places] if many else [[place] for place in places]
        return found

    def _stands_alone(self, part: nodes.Expr) -> bool:
        """Whether a function is put together with no other, as is seen before its form is known."""
        return isinstance(part, Sized)

    def together(self, members: Sequence[nodes.Expr]) -> nodes.Expr:
        """One expression of as many entries as there are scalar functions, all of one form."""
        if len({nodes.shape(member) for member in members}) == 1:
            return Repeated(body=self.expression(members[0]), size=len(members))
        return self._together(members)

    def _scalar(self, expr: nodes.Expr) -> bool:
        form = self._reader.known(expr)
        return form is not None and form.shape == ()

    # --- forms ---

    def _form(self, node: nodes.Expr) -> object:
        """What terms of one form share: all but the entries they read and their numbers.

        Only entry by entry operations may differ below; everything else has to be the same.
        """
        known = self._skeletons.get(id(node))
        if known is None:
            known = self._skeletons[id(node)] = (node, self._skeleton(node))
        return known[1]

    def _skeleton(self, node: nodes.Expr) -> object:
        match node:
            case nodes.Number():
                return "number"
            case nodes.Index():
                if (place := self._place(node)) is not None:
                    return ("entry", place[0])
                return "number" if self._number(node) is not None else nodes.shape(node)
            case nodes.Negate(operand=operand):
                return ("-", self._form(operand))
            case nodes.Sum(operands=operands, operators=operators):
                return ("sum", operators, *map(self._form, operands))
            case nodes.Product(operands=(left, right), operators=("@",)):
                row = self._row(left)
                return nodes.shape(node) if row is None else ("row", len(row), nodes.shape(right))
            case nodes.Product(operands=operands, operators=operators) if "@" not in operators:
                return ("product", operators, *map(self._form, operands))
            case nodes.Power(base=base, exponent=exponent):
                return ("power", self._form(base), nodes.shape(exponent))
            case nodes.Call(arguments=arguments) if entrywise(node):
                return ("call", function_name(node), *map(self._form, arguments))
        return nodes.shape(node)

    def _place(self, node: nodes.Index) -> tuple[str, int] | None:
        """Name and flat place of the entry `x[3]`, `W[1, 2]` of a decision variable."""
        if not isinstance(node.value, nodes.Name):
            return None
        sizes = self._space.shapes.get(node.value.id)
        if sizes is None or len(sizes) != len(node.indices):
            return None
        flat = 0
        for index, length in zip(node.indices, sizes, strict=True):
            place = place_in(index, length, self._space.params)
            if place is None:
                return None
            flat = flat * length + place
        return node.value.id, flat

    def _indexed(self, node: nodes.Index) -> nodes.Expr | None:
        """What constant indices take of a vector or matrix that is written out."""
        value: nodes.Expr = node.value
        for index in node.indices:
            if not isinstance(value, Constants | nodes.Vector):
                return None
            length = value.sizes[0] if isinstance(value, Constants) else len(value.items)
            place = place_in(index, length, self._space.params)
            if place is None:
                return None
            value = _row_of(value, place) if isinstance(value, Constants) else value.items[place]
        return value

    def _number(self, node: nodes.Expr) -> float | None:
        """The number that a constant, or an entry of constants, is."""
        if isinstance(node, nodes.Number):
            return node.value
        if not isinstance(node, nodes.Index):
            return None
        known = param_entry(node, self._space.params)
        value = None if known is not None else self._indexed(node)
        return known if value is None else value_or_none(value, self._space.params)

    def _row(self, node: nodes.Expr) -> tuple[float, ...] | None:
        """The numbers of a constant row: `A[3]`, `[1, 2, 3]`."""
        value = self._indexed(node) if isinstance(node, nodes.Index) else node
        if isinstance(value, Constants) and len(value.sizes) == 1:
            return value.values
        return numbers_of(value, self._space.params) if isinstance(value, nodes.Vector) else None

    # --- together ---

    def _together(self, members: Sequence[nodes.Expr]) -> nodes.Expr:
        """One expression whose entries are the members', all of one form."""
        first = members[0]
        numbers = map(self._number, members)
        values = tuple(number for number in numbers if number is not None)
        if len(values) == len(members):
            if len(set(values)) == 1:
                return nodes.Number(text=repr(values[0]), value=values[0], span=first.span)
            return Constants(values=values, sizes=(len(values),), span=first.span)
        match first:
            case nodes.Index() if (place := self._place(first)) is not None:
                found = [self._place(m) for m in members if isinstance(m, nodes.Index)]
                places = tuple(p[1] for p in found if p is not None)
                count = len(self._space.shapes[place[0]])
                return Entries(name=place[0], dimensions=count, places=places, span=first.span)
            case nodes.Product(operands=(left, right), operators=("@",)) if (
                self._row(left) is not None
            ):
                rows = [
                    self._row(m.operands[0]) or () for m in members if isinstance(m, nodes.Product)
                ]
                flat = tuple(value for row in rows for value in row)
                sizes = (len(rows), len(rows[0]))
                matrix = Constants(values=flat, sizes=sizes, span=left.span)
                operands = (matrix, self.expression(right))
                return first.model_copy(update={"operands": operands})
            case nodes.Power(exponent=exponent):
                bases = [m.base for m in members if isinstance(m, nodes.Power)]
                return nodes.Power(base=self._together(bases), exponent=exponent, span=first.span)
            case nodes.Negate() | nodes.Sum() | nodes.Product():
                return self._columns(first, members)
            case nodes.Call() if entrywise(first):
                return self._columns(first, members)
        return self.expression(first)

    def _columns(self, first: nodes.Expr, members: Sequence[nodes.Expr]) -> nodes.Expr:
        columns = zip(*map(operands_of, members), strict=True)
        return with_operands(first, [self._together(column) for column in columns])

    def _constants(self, expr: nodes.Expr) -> Constants | None:
        """A vector or matrix of numbers as one constant."""
        if isinstance(expr, Constants):
            return expr
        if isinstance(expr, nodes.Name):
            known = self._space.params.get(expr.id)
            if isinstance(known, tuple):
                return Constants(values=known, sizes=(len(known),), span=expr.span)
        if not isinstance(expr, nodes.Vector) or not expr.items:
            return None
        nested = isinstance(expr.items[0], nodes.Vector)
        found = [self._row(item) for item in (expr.items if nested else (expr,))]
        rows = [row for row in found if row is not None]
        if len(rows) < len(found) or len({len(row) for row in rows}) != 1:
            return None
        flat = tuple(value for row in rows for value in row)
        sizes = (len(rows), len(rows[0])) if nested else (len(flat),)
        return Constants(values=flat, sizes=sizes, span=expr.span)


def _row_of(constants: Constants, place: int) -> Constants | nodes.Number:
    """One row of a tensor of numbers, of a vector one number."""
    values = constants.row(place)
    if len(constants.sizes) == 1:
        return nodes.Number(text=repr(values[0]), value=values[0])
    return Constants(values=values, sizes=constants.sizes[1:])


def entrywise(node: nodes.Call) -> bool:
    """Whether a function acts entry by entry: `exp(a)`, `max(a, b)`."""
    name = function_name(node)
    if node.keywords:
        return False
    if name in ("max", "min"):
        return len(node.arguments) > 1
    return name in ENTRYWISE and len(node.arguments) == 1


def slice_of(places: Sequence[int]) -> tuple[int, int, int] | None:
    """Start, stop and step where places are equally spaced and rise; None elsewhere."""
    step = places[1] - places[0] if len(places) > 1 else 1
    if step < 1 or any(b - a != step for a, b in pairwise(places)):
        return None
    return places[0], places[-1] + 1, step
