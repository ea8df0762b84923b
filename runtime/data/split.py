"""Random splits that depend on the seed only."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from cspec.runtime.data.dataset import Dataset
from cspec.runtime.data.errors import DataError
from cspec.runtime.data.order import generator_for

_NAMES = {1: ("train",), 2: ("train", "test"), 3: ("train", "val", "test")}


def part_names(count: int) -> tuple[str, ...]:
    """Names of the parts of a split: train; train, test; train, val, test; then part4, ..."""
    return _NAMES.get(count) or (*_NAMES[3], *(f"part{i}" for i in range(4, count + 1)))


def split_indices(n: int, split: Sequence[float], seed: int) -> list[Tensor]:
    """Disjoint random positions, one tensor a fraction; the fractions may leave a rest unused.

    Part k holds the rounded positions between the cumulated fractions times n.

    Raises:
        DataError: fractions that are not positive or sum to more than 1, or an empty part.
    """
    if not split or any(not share > 0 for share in split) or sum(split) > 1 + 1e-9:
        raise DataError(
            f"split={list(split)} must hold positive fractions that sum to at most 1",
            "for example split=[0.6, 0.2, 0.2]",
        )
    order = torch.randperm(n, generator=generator_for("split", seed))
    edges = [0, *(min(n, round(n * sum(split[: k + 1]))) for k in range(len(split)))]
    parts = [order[low:high] for low, high in itertools.pairwise(edges)]
    for share, part in zip(split, parts, strict=True):
        if not len(part):
            raise DataError(f"split={list(split)} leaves no row for the part {share}: n is {n}")
    return parts


def split_dataset(
    data: Dataset, split: Sequence[float] | None, seed: int, names: Sequence[str] | None = None
) -> dict[str, Dataset]:
    """The dataset cut into named parts, each of which says in its provenance how it was cut.

    Without a split all of it is `train`.
    """
    if split is None:
        return {"train": data.renamed("train")}
    indices = split_indices(len(data), split, seed)
    parts: dict[str, Dataset] = {}
    for name, share, rows in zip(names or part_names(len(split)), split, indices, strict=True):
        cut = f"{name}: {len(rows)} of {len(data)} rows (split {share:g}, seed {seed})"
        parts[name] = replace(data.select(rows), name=name, provenance=f"{data.provenance}; {cut}")
    return parts
