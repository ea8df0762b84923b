"""Features in units so different that one step size does not suit them all.

Weights of features with spread 0.001 are a million times those of features with spread 1000: at any
rate some have not arrived when others rattle. So is a target that lies far from 0 for its spread.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from cspec.runtime.data.dataset import Dataset

APART = 1e3
"""Ratio of the largest spread of a feature to the least, from which it is told."""
ROWS = 20_000


def scale_notes(data: Dataset | None) -> Iterator[str]:
    """What is said of the columns that models are trained on, at the start."""
    if data is None or data.stream is not None:
        return
    for name, column in data.columns.items():
        ratio = _ratio(column)
        if ratio is not None and ratio > APART:
            yield (
                f"features of `{name}` differ in spread by a factor of {ratio:.0e}: no step size "
                "suits them all; give them in units of their spread (subtract the mean, divide by "
                "the standard deviation)"
            )


def _ratio(column: Tensor) -> float | None:
    """Largest over least spread of the features of each example; None of anything else."""
    if not column.is_floating_point() or column.ndim != 2 or column.shape[1] < 2:
        return None
    spread = torch.std(column[:ROWS].double(), dim=0)
    spread = spread[spread > 0]
    return float(spread.max() / spread.min()) if len(spread) > 1 else None
