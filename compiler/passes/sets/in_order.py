"""Chains of entries in order among affine rows: W[i, j] <= W[i, j+1] for all of them.

Along every row of the weight they are `monotone`; along other paths (columns, a bias, part of a
row) `ordered`. Entries that are compared with more than one on either side are no paths.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

from cspec.compiler.records.problem import Coefficients
from cspec.dsl.values.shapes import Shape

Place = tuple[int, ...]
Paths = list[list[Place]]


def in_order(rows: Sequence[tuple[Coefficients, float, float]]) -> Paths | None:
    """The paths, from the smallest entry on, of rows `lo <= a . x <= hi`; None if they are none."""
    after: dict[Place, Place] = {}
    before: dict[Place, Place] = {}
    for row in rows:
        pair = _pair(*row)
        if pair is None or pair[0] in after or pair[1] in before:
            return None
        after[pair[0]], before[pair[1]] = pair[1], pair[0]
    paths = []
    for start in after.keys() - before.keys():
        path = [start]
        while path[-1] in after:
            path.append(after[path[-1]])
        paths.append(path)
    # What no path reaches is a circle: all of its entries are equal.
    return sorted(paths) if sum(map(len, paths)) == len(after) + len(paths) else None


def _pair(a: Coefficients, low: float, high: float) -> tuple[Place, Place] | None:
    """The entries of `x[first] <= x[second]`."""
    match a:
        case (0.0, ((one, up), (other, down))) if up == -down:
            if (low, high) == (-math.inf, 0.0):
                return (one, other) if up > 0 else (other, one)
            if (low, high) == (0.0, math.inf):
                return (other, one) if up > 0 else (one, other)
    return None


def ordered_set(paths: Paths, size: Shape | None) -> tuple[str, dict[str, Any]]:
    """The word and arguments of entries in order along paths."""
    if size is not None and (found := _whole_rows(paths, size)) is not None:
        return "monotone", {} if found else {"increasing": False}
    return "ordered", {"0": tuple(map(tuple, paths))}


def _whole_rows(paths: Paths, size: Shape) -> bool | None:
    """Whether all rows of (outputs, rest) rise (True) or fall (False); None where it is else."""
    starts = [(i,) for i in range(size[0])] if len(size) > 1 else [()]
    rest = size[1:] if len(size) > 1 else size
    rows: Paths = [[(*start, *place) for place in product(*map(range, rest))] for start in starts]
    if paths == rows:
        return True
    return False if sorted(paths) == sorted([row[::-1] for row in rows]) else None
