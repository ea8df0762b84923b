"""Rows of coefficients over the entries of a tensor, written without its shape.

A row is a tensor with the entries' coefficients, a number (the same on every entry: <1, x> is the
sum), or that number with (index, number) pairs to add to single entries.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from cspec.runtime.operators.base import ShapeError

Entries = Sequence[tuple[tuple[int, ...], float]]
Row = Tensor | float | tuple[float, Entries]


def coupled(rows: Sequence[Row], shape: torch.Size, name: str) -> Tensor:
    """Entries that rows connect have the same number; an entry of no row has one of its own."""
    numbers = torch.arange(shape.numel())
    for row in rows:
        held = dense(row, shape, name).flatten() != 0
        joined = torch.isin(numbers, numbers[held])
        numbers = torch.where(joined, numbers[held].min(), numbers) if bool(held.any()) else numbers
    return numbers.reshape(shape)


def dense(row: Row, shape: torch.Size, name: str) -> Tensor:
    """The row as a float64 tensor of a shape.

    Raises:
        ShapeError: a tensor of another size, or an index that the shape does not have.
    """
    if isinstance(row, Tensor):
        if row.numel() != shape.numel():
            raise ShapeError(f"{name}: a has {row.numel()} entries, x has {shape.numel()}")
        return row.double().reshape(shape)
    every, entries = row if isinstance(row, tuple) else (row, ())
    found = torch.full(tuple(shape), float(every), dtype=torch.float64)
    for index, value in entries:
        inside = len(index) == len(shape) and all(
            0 <= i < n for i, n in zip(index, shape, strict=True)
        )
        if not inside:
            raise ShapeError(f"{name}: shape {tuple(shape)} has no entry {list(index)}")
        found[tuple(index)] += value
    return found
