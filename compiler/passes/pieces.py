"""The pieces of a function with kinks where a larger value of the kink may be better.

    1 - abs(x) <= 0             ->   any(1 - x <= 0, 1 + x <= 0)
    min(x, y) + 1 <= 0          ->   any(x + 1 <= 0, y + 1 <= 0)
    1 - norm([x, y], 1) <= 0    ->   one comparison for each choice of signs
    abs(x) - 1 == 0             ->   any(all(x - 1 == 0, x >= 0), all(-x - 1 == 0, x <= 0))

A function that is the smallest of its pieces is <= 0 where one of them is. Elsewhere (equalities,
factors of either sign) each piece stands with where it is the value of the kink. Kinks that are the
largest of their pieces stay where a smaller value is better: the epigraph form takes them.
"""

import math
from itertools import product
from typing import NamedTuple

from cspec.compiler.algebra.entries import entries_of
from cspec.compiler.algebra.forms import UnknownForm
from cspec.compiler.algebra.structure import RISING, Reader, norm_order
from cspec.compiler.algebra.sympy import NotSymbolicError, Space, scalar
from cspec.compiler.expressions.rewrite import call, function_name, number, signed, sum_of
from cspec.compiler.passes.canonical import minus, negate
from cspec.compiler.passes.logic import Atom, Formula, together
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import Call, Expr, Negate, Power, Product, Sum

REDUCED = frozenset({"sum", "mean", "max", "min"})


class NoPieces(Exception):  # noqa: N818
    """A kink in a form that is not read, or more pieces than are tried."""


class _Piece(NamedTuple):
    value: Expr
    where: tuple[Expr, ...] = ()
    """Functions that are <= 0 where it is the value."""


def pieces(atom: Atom, space: Space, most: int) -> Formula:
    """A comparison of numbers by the pieces of its kinks, at most so many; itself if it has one.

    Raises:
        NoPieces: a kink that is not read, or too many pieces.
    """
    reader = _Pieces(space, most)
    try:
        found = reader.of(atom.function, 0 if atom.equal else 1)
    except UnknownForm as unknown:
        raise NoPieces from unknown
    if len(found) == 1:
        return atom
    operator, zero = "==" if atom.equal else "<=", number(0)
    ways: list[Formula] = []
    for piece in found:
        if _never(piece.value, space):
            continue  # `1 - (x[0] - x[0])`, of max(x) - min(x)
        bounds = [Atom(where, "<=", zero) for where in piece.where]
        ways.append(together([Atom(piece.value, operator, zero), *bounds], True))
    return together(ways, False)


def _never(function: Expr, space: Space) -> bool:
    """Whether a function is a positive constant: nothing makes it <= 0."""
    try:
        found = scalar(function, space)
    except NotSymbolicError:
        return False
    return bool(found.is_number and found > 0)


class _Pieces:
    def __init__(self, space: Space, most: int) -> None:
        self._space, self._most = space, most
        self._reader = Reader(space, opaque=True)

    def of(self, expr: Expr, side: int) -> list[_Piece]:
        """`side` 1: smaller is better, -1: larger is, 0: neither."""
        if self._reader.form(expr).smooth:
            return [_Piece(expr)]
        match expr:
            case Negate(operand=operand):
                return [p._replace(value=negate(p.value)) for p in self.of(operand, -side)]
            case Sum():
                sides = [-side if sign == "-" else side for sign, _ in signed(expr)]
                return self._joined(expr, expr.operands, sides)
            case Product() if "@" not in expr.operators:
                return self._joined(expr, expr.operands, self._of_factors(expr, side))
            case Power(base=base):
                rises = self._reader.form(base).low >= 0 and (self._exponent(expr) or -1) > 0
                found = self.of(base, side if rises else 0)
                return [p._replace(value=expr.model_copy(update={"base": p.value})) for p in found]
            case Call() if not expr.keywords or norm_order(expr, self._space.params) is not None:
                return self._call(expr, side)
        raise NoPieces

    def _exponent(self, expr: Power) -> float | None:
        return value_or_none(expr.exponent, self._space.params)

    def _of_factors(self, expr: Product, side: int) -> list[int]:
        """The side of each factor: known of one with kinks beside factors of one sign each."""
        forms = [self._reader.form(operand) for operand in expr.operands]
        kinked = [place for place, form in enumerate(forms) if not form.smooth]
        others = [form for place, form in enumerate(forms) if place != kinked[0]]
        above = kinked[0] == 0 or expr.operators[kinked[0] - 1] == "*"
        known = all(form.low >= 0 or form.high <= 0 for form in others)
        if len(kinked) > 1 or not above or not known:
            return [0] * len(forms)
        return [side * (-1) ** sum(form.low < 0 for form in others)] * len(forms)

    def _call(self, expr: Call, side: int) -> list[_Piece]:
        name, arguments = function_name(expr), expr.arguments
        order = norm_order(expr, self._space.params)
        shape = self._reader.form(arguments[0]).shape
        numbers = list(arguments)
        if shape and (order in (1.0, math.inf) or (len(arguments) == 1 and name in REDUCED)):
            if math.prod(shape) > self._most:
                raise NoPieces
            numbers = entries_of(arguments[0], shape, self._space)
        if order in (1.0, math.inf):
            sizes = [call("abs", entry) for entry in (numbers if shape else arguments[:1])]
            return self.of(sum_of(sizes) if order == 1.0 else call("max", *sizes), side)
        match name:
            case "abs":
                return self._largest([numbers[0], negate(numbers[0])], side)
            case "relu":
                return self._largest([numbers[0], number(0)], side)
            case "max":
                return self._largest(numbers, side)
            case "min":
                found = self._largest([negate(one) for one in numbers], -side)
                return [p._replace(value=negate(p.value)) for p in found]
            case "sum" | "mean" if shape:
                total = sum_of(numbers)
                if name == "mean":
                    count = number(len(numbers))
                    total = Product(operands=(total, count), operators=("/",))
                return self.of(total, side)
            case "sumsq":
                squares = [Power(base=one, exponent=number(2)) for one in self._entries(expr)]
                return self.of(sum_of(squares), side)
            case str() if len(arguments) == 1 and not shape and self._bends_only(name):
                return self._joined(expr, arguments, [side if name in RISING else 0])
        raise NoPieces

    def _entries(self, expr: Call) -> list[Expr]:
        inner = expr.arguments[0]
        return entries_of(inner, self._reader.form(inner).shape, self._space)

    def _bends_only(self, name: str) -> bool:
        """Whether a function of one number has no kink of its own."""
        return self._reader.form(call(name, number(0.5))).smooth

    def _largest(self, numbers: list[Expr], side: int) -> list[_Piece]:
        """The largest of some numbers."""
        if side < 0:
            return self._few([piece for one in numbers for piece in self.of(one, side)])
        found = self._combined([self.of(one, side) for one in numbers])
        if side > 0:
            of_each = [call("max", *(piece.value for piece in chosen)) for chosen in found]
            return [_Piece(value, _where(c)) for value, c in zip(of_each, found, strict=True)]
        ways = []
        for chosen in found:
            for one in chosen:
                below = [minus(o.value, one.value) for o in chosen if o is not one]
                ways.append(_Piece(one.value, (*_where(chosen), *below)))
        return self._few(ways)

    def _joined(self, expr: Expr, operands: tuple[Expr, ...], sides: list[int]) -> list[_Piece]:
        """One piece for each choice of a piece of every operand."""
        each = [self.of(one, side) for one, side in zip(operands, sides, strict=True)]
        key = "arguments" if isinstance(expr, Call) else "operands"
        return [
            _Piece(expr.model_copy(update={key: tuple(p.value for p in chosen)}), _where(chosen))
            for chosen in self._combined(each)
        ]

    def _combined(self, each: list[list[_Piece]]) -> list[tuple[_Piece, ...]]:
        if math.prod(map(len, each)) > self._most:
            raise NoPieces
        return list(product(*each))

    def _few(self, found: list[_Piece]) -> list[_Piece]:
        if len(found) > self._most:
            raise NoPieces
        return found


def _where(chosen: tuple[_Piece, ...]) -> tuple[Expr, ...]:
    return tuple(where for piece in chosen for where in piece.where)
