"""Expressions that only the compiler makes: on vectors of many variables, and in surrogates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from math import prod

from cspec.dsl.tree.nodes import Attribute, Expectation, Expr, Index, Name


class Entries(Expr):
    """Entries of one decision variable: `name[places]`, places counted row by row."""

    name: str
    dimensions: int
    places: tuple[int, ...]


class Constants(Expr):
    """A tensor of numbers, row by row: a constant of the emitted module.

    `name` is what the spec calls it: a param, or a `let`; empty where it has no name.
    """

    values: tuple[float, ...]
    sizes: tuple[int, ...]
    name: str = ""

    @cached_property
    def ends(self) -> tuple[float, float]:
        """The least and the largest of the numbers."""
        return min(self.values), max(self.values)

    @property
    def shown(self) -> str:
        """What stands for it in an expression: its name, or how many numbers it has."""
        return self.name or f"[{' x '.join(map(str, self.sizes))} numbers]"

    def rows(self) -> list[Constants]:
        """The rows of a matrix as vectors."""
        places = range(self.sizes[0])
        return [Constants(values=self.row(place), sizes=self.sizes[1:]) for place in places]

    def row(self, place: int) -> tuple[float, ...]:
        """The numbers of one row, of a vector the number at that place."""
        width = len(self.values) // self.sizes[0]
        return self.values[place * width : (place + 1) * width]


class Bounds(Expr):
    """A number for each of many functions of one form, which stands beside a value as one number
    does; with `rows` beside values of examples."""

    items: tuple[Expr, ...]
    """Constants: numbers, params, arithmetic on them."""
    rows: bool = False


class Places(Expr):
    """An output, class or feature of each example for each of many functions of one form, a row
    each: `f(x)[0]`, `f(x)[1]`, ..."""

    first: Index | Attribute
    """That of the first of them."""
    places: tuple[int, ...]


class ByMember(Expr):
    """A mean for each of many functions of one form: over the examples of its own group, of values
    or under conditions that differ in numbers."""

    mean: Expectation
    """Without the comparisons that tell the groups apart."""
    columns: tuple[Name, ...]
    """What these comparisons look at, and ..."""
    held: tuple[tuple[int, ...], ...]
    """... what the columns hold for each member."""
    rows: bool
    """Whether values or conditions differ, too."""


class Total(Expr):
    """The sum of all entries. What is undefined stays so: a line search has to see it."""

    body: Expr


class Sized(Expr):
    """A canonical function with more than one entry, and how many."""

    body: Expr
    size: int


def with_size(function: Expr, shape: tuple[int, ...]) -> Expr:
    """A canonical function of this shape with its number of entries, where it is a vector."""
    if isinstance(function, Sized) or not shape:
        return function
    return Sized(body=function, size=prod(shape), span=function.span)


def placed(functions: Iterable[Expr]) -> Iterator[tuple[Expr, range]]:
    """Canonical functions, each with the places of its entries in the vector of all of them."""
    start = 0
    for function in functions:
        stop = start + (function.size if isinstance(function, Sized) else 1)
        yield function, range(start, stop)
        start = stop


class Repeated(Expr):
    """One number in the place of each of several entries: what they share as a gradient."""

    body: Expr
    size: int


class Extreme(Expr):
    """The surrogate of the largest (smallest) of several numbers, or of one vector's entries."""

    word: str
    """`max` or `min`."""
    soft: tuple[Expr, ...]
    true: tuple[Expr, ...]
