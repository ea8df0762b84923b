"""Functions of matrices in closed form: nested tuples of sympy expressions."""

from typing import Any, TypeAlias

import sympy as sp

Value: TypeAlias = Any
"""A sympy expression (sympy has no types), or nested tuples of them."""

LARGEST = 3
"""Rows up to which determinants and inverses are written out: n! terms each."""


def matrix_function(name: str, value: Value) -> Value | None:
    """trace, det, logdet, inv, diag, cumsum; None where there is no short closed form."""
    if not isinstance(value, tuple) or not value:
        return None
    vector = not isinstance(value[0], tuple)
    if name == "cumsum" and vector:
        return tuple(sp.Add(*value[: place + 1]) for place in range(len(value)))
    if name == "diag":
        return _diagonal(value) if not vector else _spread(value)
    if vector or len(value) != len(value[0]) or isinstance(value[0][0], tuple):
        return None
    if name == "trace":
        return sp.Add(*_diagonal(value))
    if len(value) > LARGEST or name not in ("det", "logdet", "inv"):
        return None
    found = determinant(value)
    if name == "det":
        return found
    if name == "logdet":
        return None if found.is_number and not found.is_positive else sp.log(found)
    return None if found == 0 else _inverse(value, found)


def _diagonal(rows: Value) -> Value:
    return tuple(rows[i][i] for i in range(min(len(rows), len(rows[0]))))


def _spread(values: Value) -> Value:
    places = range(len(values))
    return tuple(tuple(values[i] if i == j else sp.S.Zero for j in places) for i in places)


def determinant(rows: Value) -> sp.Expr:
    """The determinant, expanded along the first row."""
    if len(rows) == 1:
        return rows[0][0]
    terms = [
        (-1) ** column * rows[0][column] * determinant(_without(rows, 0, column))
        for column in range(len(rows))
    ]
    return sp.Add(*terms)


def _without(rows: Value, row: int, column: int) -> Value:
    return tuple(
        tuple(entry for j, entry in enumerate(entries) if j != column)
        for i, entries in enumerate(rows)
        if i != row
    )


def _inverse(rows: Value, det: sp.Expr) -> Value:
    """The adjugate by the determinant."""
    places = range(len(rows))
    if len(rows) == 1:
        return ((1 / det,),)
    return tuple(
        tuple((-1) ** (i + j) * determinant(_without(rows, j, i)) / det for j in places)
        for i in places
    )
