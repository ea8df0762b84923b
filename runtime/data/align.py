"""One numbering of classes for a column that several datasets have.

`male` must be the same code in `train` and in `val`, whichever of its values each of them holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from cspec.runtime.data.dataset import Dataset
from cspec.runtime.data.errors import DataError


def aligned(data: Mapping[str, Dataset]) -> dict[str, Dataset]:
    """The datasets with the classes of each shared column numbered alike.

    The classes are the union: sorted where each dataset has them sorted, else in the order of the
    first one. Columns of whole numbers keep their values as codes.

    Raises:
        DataError: a column that holds text in one dataset and numbers in another.
    """
    found = dict(data)
    for column in dict.fromkeys(name for dataset in data.values() for name in dataset.columns):
        having = [d for d in found.values() if column in d.columns]
        if len(having) < 2 or not any(column in d.classes for d in having):
            continue
        for dataset in _alike(having, column):
            found[dataset.name] = dataset
    return found


def _alike(having: Sequence[Dataset], column: str) -> list[Dataset]:
    known = [_values(d, column) for d in having]
    if any(values is None for values in known):
        return []
    lists = [values for values in known if values is not None]
    texts = [d.name for d, values in zip(having, lists, strict=True) if isinstance(values[0], str)]
    if texts and len(texts) < len(having):
        other = next(d.name for d in having if d.name not in texts)
        raise DataError(
            f"column `{column}` holds text in `{texts[0]}` and numbers in `{other}`",
            "encode it in the same way in all datasets",
        )
    union = _union(lists)
    return [
        d if d.classes.get(column) == union else _recoded(d, column, values, union)
        for d, values in zip(having, lists, strict=True)
    ]


def _values(dataset: Dataset, column: str) -> tuple[Any, ...] | None:
    """The class of each code; None for a column of real numbers, or of other whole ones."""
    if column in dataset.classes:
        return tuple(dataset.classes[column])
    codes = dataset[column]
    if codes.is_floating_point() or codes.ndim != 1 or int(codes.min()) < 0:
        return None
    return tuple(range(int(codes.max()) + 1))


def _union(lists: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    every = tuple(dict.fromkeys(value for values in lists for value in values))
    return tuple(sorted(every)) if all(list(v) == sorted(v) for v in lists) else every


def _recoded(
    dataset: Dataset, column: str, values: tuple[Any, ...], union: tuple[Any, ...]
) -> Dataset:
    places = torch.tensor([union.index(value) for value in values])
    codes = dataset[column]
    moved = places.to(codes.device)[codes]
    return replace(
        dataset,
        columns={**dataset.columns, column: moved},
        classes={**dataset.classes, column: union},
    )
