"""Rows without a shape, polyhedra, boxes with a row, and balls around several tensors at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import LinearConstraint, minimize
from torch import Tensor

from cspec.runtime.operators import (
    Affine,
    Ball,
    BoxRow,
    EmptySetError,
    Halfspace,
    Polyhedron,
    ShapeError,
)
from cspec.runtime.operators.rows import dense
from cspec.runtime.steps.projection import project_all, project_together

SEEDS = range(8)


def random(*shape: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(*shape, generator=generator, dtype=torch.float64)


def nearest(x: Tensor, constraint: LinearConstraint, low: float, high: float) -> Tensor:
    """argmin ||s - x||^2 by scipy's SLSQP."""
    v = x.flatten().numpy()
    found = minimize(
        lambda s: 0.5 * float(((s - v) ** 2).sum()),
        np.clip(np.zeros_like(v), low, high),
        jac=lambda s: s - v,
        bounds=[(low, high)] * len(v),
        constraints=constraint,
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 1000},
    )
    return torch.from_numpy(found.x).reshape(x.shape)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (2.0, [[2, 2], [2, 2]]),
        ((0.0, (((0, 1), 3.0),)), [[0, 3], [0, 0]]),
        ((1.0, (((0, 1), 3.0), ((1, 1), -1.0))), [[1, 4], [1, 0]]),
        (torch.arange(4.0), [[0, 1], [2, 3]]),
    ],
)
def test_a_row_takes_the_shape_of_what_it_meets(row: object, expected: list[list[float]]) -> None:
    assert dense(row, torch.Size([2, 2]), "row").tolist() == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("index", [(0,), (2, 0), (0, -1)])
def test_entries_that_a_shape_does_not_have_are_refused(index: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="no entry"):
        dense((0.0, ((index, 1.0),)), torch.Size([2, 2]), "row")


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_without_a_shape_are_those_with_one(seed: int) -> None:
    x = random(2, 3, seed=seed)
    entry = (0.0, (((0, 1), 2.0),))
    written = torch.tensor([[1.0] * 6, [0, 2, 0, 0, 0, 0]], dtype=torch.float64)
    loose, fixed = Affine((1.0, entry), (1.0, 0.5)), Affine(written, torch.tensor([1.0, 0.5]))
    assert torch.allclose(loose.project(x), fixed.project(x), atol=1e-12)
    half, plain = Halfspace(entry, 0.5), Halfspace(written[1], 0.5)
    assert torch.allclose(half.project(x), plain.project(x), atol=1e-12)


def test_rows_that_no_tensor_meets_are_an_empty_set() -> None:
    with pytest.raises(EmptySetError):
        Affine((1.0, 2.0), (1.0, 1.0)).project(torch.zeros(3))
    with pytest.raises(EmptySetError):
        Polyhedron((1.0, -1.0), (-1.0, -1.0)).project(torch.zeros(3))
    with pytest.raises(EmptySetError):
        BoxRow(0.0, 1.0, 1.0, 4.0, equals=True).project(torch.zeros(3))


@pytest.mark.parametrize("rows", [1, 3, 9])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_polyhedron_gives_its_nearest_point(rows: int, seed: int) -> None:
    A, inside = random(rows, 6, seed=100 + seed), random(6, seed=200 + seed)
    b = A @ inside + 0.1  # so that there is a member
    x = random(2, 3, seed=seed)
    found = Polyhedron(A, b).project(x)
    known = nearest(x, LinearConstraint(A.numpy(), -np.inf, b.numpy()), -np.inf, np.inf)
    assert float((A @ found.flatten() - b).max()) <= 1e-10
    assert torch.allclose(found, known, atol=1e-6)


@pytest.mark.parametrize("equals", [True, False])
@pytest.mark.parametrize("ends", [(0.0, math.inf), (-1.0, 1.0), (-math.inf, 0.5)])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_box_with_a_row_gives_its_nearest_point(
    ends: tuple[float, float], equals: bool, seed: int
) -> None:
    a = random(6, seed=300 + seed)
    a[seed % 6] = 0.0
    b = float((a * random(6, seed=seed + 400).clamp(*ends)).sum())
    x = random(2, 3, seed=seed)
    found = BoxRow(*ends, a, b, equals=equals).project(x)
    low = b if equals else -np.inf
    known = nearest(x, LinearConstraint(a.numpy()[None, :], low, b), *ends)
    assert torch.allclose(found, known, atol=1e-6)


@pytest.mark.parametrize("norm", [1, 2])
def test_several_tensors_in_one_ball_are_one_vector(norm: int) -> None:
    parts = [random(2, 3, seed=1), random(4, seed=2), torch.zeros(2, dtype=torch.float64)]
    found = project_all(Ball(1.5, norm, joint=True), parts)
    together = Ball(1.5, norm).project(torch.cat([p.flatten() for p in parts]))
    assert torch.allclose(torch.cat([p.flatten() for p in found]), together, atol=1e-15)
    assert [p.shape for p in found] == [p.shape for p in parts]


def test_a_ball_around_several_tensors_meets_other_sets_at_the_nearest_point() -> None:
    parts = [random(2, seed=1), random(3, seed=2)]
    whole = torch.cat(parts)
    held = [p.clone() for p in parts]
    project_together([(Ball(1.0, 2, joint=True), held), (Halfspace(1.0, -0.5), held[:1])])
    found = torch.cat(held)
    assert float(found.norm()) <= 1 + 1e-12 and float(held[0].sum()) <= -0.5 + 1e-12
    # The nearest point: no member of both sets is nearer, tried at random.
    generator = torch.Generator().manual_seed(0)
    for _ in range(500):
        other = torch.randn(5, generator=generator, dtype=torch.float64)
        other = other / other.norm().clamp(min=1.0)
        if float(other[:2].sum()) <= -0.5:
            assert float((found - whole) @ (other - found)) >= -1e-6
