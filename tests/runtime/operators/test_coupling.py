"""Blocks of entries: a set is a product over them, and no finer than it has to be where it says."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from cspec.runtime import operators
from cspec.runtime.operators import Operator

COUNTS = (operators.Sparse, operators.NM, operators.ChannelSparse, operators.Grid)


def test_what_other_blocks_are_changes_nothing_within_one(case: Any) -> None:
    operator: Operator = case.make()
    if isinstance(operator, COUNTS) or operator.counts:
        pytest.skip("counts choose among all entries")
    x = case.random(torch.float64, 0)
    other = case.random(torch.float64, 1, scale=0.7)
    labels = operator.coupling(x.shape)
    assert labels.shape == x.shape
    projected = operator.project(x)
    for label in labels.unique().tolist():
        mine = labels == label
        mixed = operator.project(torch.where(mine, x, other))
        assert torch.allclose(mixed[mine], projected[mine], atol=1e-7), label


@pytest.mark.parametrize(
    ("operator", "shape", "sizes"),
    [
        (operators.Simplex(), (3, 4), [4, 4, 4]),
        (operators.Simplex(), (3, 2, 2), [4, 4, 4]),
        (operators.Sphere(whole=True), (3, 4), [12]),
        (operators.Sphere(), (3, 4), [4, 4, 4]),
        (operators.Ball(1.0, 1), (3, 4), [12]),
        (operators.Ball(1.0, 2, rows=True), (3, 4), [4, 4, 4]),
        (operators.Ball(1.0, "inf"), (2, 2), [1, 1, 1, 1]),
        (operators.Symmetric(), (3, 3), [1, 1, 1, 2, 2, 2]),
        (operators.Monotone(), (2, 3), [3, 3]),
        (operators.OnPart(operators.Simplex(), ((0, 2), 1)), (2, 3), [1, 1, 1, 1, 2]),
        (operators.OnRows(operators.Simplex(), [(1,)]), (3, 2), [1, 1, 1, 1, 2]),
        (operators.Box(0.0, 1.0), (2, 2), [1, 1, 1, 1]),
        (operators.Affine([(0.0, [((0,), 1.0), ((1,), 1.0)])], [0.0]), (3,), [1, 2]),
        (operators.Combination((1.0, 1.0), 0.0, 1.0, (2, 2)), (8,), [2, 2, 2, 2]),
    ],
)
def test_blocks(operator: Operator, shape: tuple[int, ...], sizes: list[int]) -> None:
    found = operator.coupling(torch.Size(shape)).unique(return_counts=True)[1]
    assert sorted(found.tolist()) == sizes
