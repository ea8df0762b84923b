"""Features in units so different that one step size does not suit them all.

Weights of features with spread 0.001 are a million times those of features with spread 1000: at any
rate some have not arrived when others rattle. So is a target that lies far from 0 for its spread.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from cspec.runtime.data.dataset import Dataset

APART = 1e3
"""Ratio of the largest spread of a feature to the least half range, from which it is told."""
ROWS = 20_000
CHUNK = 500
"""Rows that are looked at together: what is worked on stays in the cache."""


def scale_notes(data: Dataset | None) -> Iterator[str]:
    """What is said of the columns that models are trained on, at the start."""
    if data is None or data.stream is not None:
        return
    for name, column in data.columns.items():
        ratio = _ratio(column)
        if ratio is not None:
            yield (
                f"features of `{name}` differ in spread by a factor of {ratio:.0e}: no step size "
                "suits them all; give them in units of their spread (subtract the mean, divide by "
                "the standard deviation)"
            )


def _ratio(column: Tensor) -> float | None:
    """Largest over least spread of features in different units; None of anything else.

    A pixel at the rim that few images reach has a small spread in the units of the others: it is
    half of its range that counts, its spread if it were seldom at rest.
    """
    if not column.is_floating_point() or column.ndim != 2 or column.shape[1] < 2:
        return None
    rows = column[:ROWS]
    spread = spreads(rows)
    moving = spread > 0
    if int(moving.sum()) < 2:
        return None
    half = (rows.amax(0) - rows.amin(0)).double()[moving] / 2
    if float(spread.max() / half.min()) <= APART:
        return None
    return float(spread.max() / spread[moving].min())


def spreads(column: Tensor) -> Tensor:
    """The standard deviation of each feature, about its first value: 0 of one that is constant."""
    first = column[0].double()
    total, squares = torch.zeros_like(first), torch.zeros_like(first)
    for rows in torch.split(column, CHUNK):
        apart = rows.double() - first
        total += apart.sum(0)
        squares += apart.square_().sum(0)
    count = len(column)
    return ((squares - total.square() / count) / max(1, count - 1)).clamp(min=0).sqrt()
