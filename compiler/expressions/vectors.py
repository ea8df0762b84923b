"""Expressions that only the compiler makes: on vectors of many variables, and in surrogates."""

from __future__ import annotations

from cspec.dsl.tree.nodes import Expr


class Entries(Expr):
    """Entries of one decision variable: `name[places]`, places counted row by row."""

    name: str
    dimensions: int
    places: tuple[int, ...]


class Constants(Expr):
    """A tensor of numbers, row by row: a constant of the emitted module."""

    values: tuple[float, ...]
    sizes: tuple[int, ...]


class Total(Expr):
    """The sum of all entries. What is undefined stays so: a line search has to see it."""

    body: Expr


class Sized(Expr):
    """A canonical function with more than one entry, and how many."""

    body: Expr
    size: int


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
