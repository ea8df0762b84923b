"""How many rows two datasets have in common, byte by byte in the columns of both."""

import numpy as np
import torch

from cspec.runtime.data.dataset import Dataset

MOST = 2**31
"""Bytes of a dataset beyond which nothing is compared: it is larger than memory has room for."""
DISTINCT = 0.9
"""Share of rows that are like no other, from which two that are alike are one and the same."""


def shared_rows(one: Dataset, other: Dataset) -> int:
    """Rows of one dataset that are rows of another one.

    Of data in which many rows are alike by chance only those count that are all of both, in order.
    """
    names = sorted(one.columns.keys() & other.columns.keys())
    if not names or max(_size(one, names), _size(other, names)) > MOST:
        return 0
    if len(one) == len(other) and all(torch.equal(one[n], other[n]) for n in names):
        return len(one)
    mine, theirs = _rows(one, names), set(_rows(other, names))
    if len(set(mine)) < DISTINCT * len(mine):
        return 0
    return sum(row in theirs for row in mine)


def _size(data: Dataset, names: list[str]) -> int:
    return sum(data[name].numel() * data[name].element_size() for name in names)


def _rows(data: Dataset, names: list[str]) -> list[bytes]:
    """The bytes of each row."""
    parts = (data[name].detach().cpu().reshape(len(data), -1) for name in names)
    found = (part.float() if part.dtype is torch.bfloat16 else part for part in parts)
    arrays = [np.ascontiguousarray(part.numpy()) for part in found]
    joined = np.hstack([array.view(np.uint8).reshape(len(data), -1) for array in arrays])
    return [row.tobytes() for row in joined]
