"""Nearest points of convex sets against an independent solver and closed forms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.optimize import LinearConstraint, NonlinearConstraint, minimize
from torch import Tensor

from cspec.runtime import operators
from cspec.runtime.operators import (
    PSD,
    Affine,
    Ball,
    Birkhoff,
    Box,
    Correlation,
    EmptySetError,
    GroupBall,
    Halfspace,
    Intersection,
    Monotone,
    NotConvergedError,
    Nuclear,
    OperatorError,
    SecondOrderCone,
    Simplex,
    Spectral,
    Stiefel,
    dykstra,
)
from cspec.runtime.operators.monotone import pool_adjacent_violators


def solve(x: Tensor, *constraints: object) -> Tensor:
    """argmin ||s - x||^2 under linear or nonlinear constraints, by scipy's SLSQP."""
    v = x.double().flatten().numpy()
    result = minimize(
        lambda s: 0.5 * float(((s - v) ** 2).sum()),
        np.zeros_like(v),
        jac=lambda s: s - v,
        constraints=constraints,
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    return torch.from_numpy(result.x).reshape(x.shape)


def rows_sum(n: int) -> np.ndarray:
    return np.kron(np.eye(n), np.ones((1, n)))


def columns_sum(n: int) -> np.ndarray:
    return np.kron(np.ones((1, n)), np.eye(n))


def nonneg(size: int) -> LinearConstraint:
    return LinearConstraint(np.eye(size), 0, np.inf)


def total(size: int, value: float) -> LinearConstraint:
    return LinearConstraint(np.ones((1, size)), value, value)


REFERENCES: dict[str, tuple[Callable[[], operators.Operator], tuple[int, ...], tuple[object, ...]]]
REFERENCES = {
    "simplex": (lambda: Simplex(1.5), (5,), (nonneg(5), total(5, 1.5))),
    "birkhoff": (
        Birkhoff,
        (3, 3),
        (nonneg(9), LinearConstraint(np.vstack([rows_sum(3), columns_sum(3)[:-1]]), 1, 1)),
    ),
    "monotone": (Monotone, (6,), (LinearConstraint(np.diff(np.eye(6), axis=0), 0, np.inf),)),
    "ball": (
        lambda: Ball(1.0),
        (4,),
        (
            NonlinearConstraint(
                lambda s: float((s**2).sum()), -np.inf, 1.0, jac=lambda s: 2 * s[None]
            ),
        ),
    ),
    "intersection": (
        lambda: Intersection(Simplex(), Halfspace(torch.arange(5.0), 1.2)),
        (5,),
        (nonneg(5), total(5, 1.0), LinearConstraint(np.arange(5.0)[None], -np.inf, 1.2)),
    ),
    "box and plane": (
        lambda: Intersection(Box(-0.4, 0.9), Affine(torch.ones(5), 1.0)),
        (5,),
        (LinearConstraint(np.eye(5), -0.4, 0.9), total(5, 1.0)),
    ),
    "three sets": (
        lambda: Intersection(Box(0.0, 1.0), Monotone(), Halfspace(torch.ones(5), 1.5)),
        (5,),
        (
            LinearConstraint(np.eye(5), 0, 1),
            LinearConstraint(np.diff(np.eye(5), axis=0), 0, np.inf),
            LinearConstraint(np.ones((1, 5)), -np.inf, 1.5),
        ),
    ),
}


@pytest.mark.parametrize("label", REFERENCES)
def test_projection_equals_a_quadratic_program(label: str, dtype: torch.dtype) -> None:
    make, shape, constraints = REFERENCES[label]
    generator = torch.Generator().manual_seed(0)
    for _ in range(4):
        x = 2 * torch.randn(*shape, generator=generator, dtype=dtype)
        projected = make().project(x).double()
        assert float((projected - solve(x, *constraints)).abs().max()) <= 2e-5


def test_simplex_known_values() -> None:
    x = torch.tensor([[1.0, 1.0, 1.0], [5.0, 0.0, -5.0], [0.2, 0.3, 0.5]])
    expected = torch.tensor([[1 / 3] * 3, [1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])
    assert torch.allclose(Simplex().project(x), expected)
    shifted = Simplex().project(x.double() + 1e9)
    assert torch.allclose(shifted, expected.double(), atol=1e-6)


def test_l1_ball_is_sparse_and_exact() -> None:
    x = torch.tensor([3.0, -1.0, 0.5])
    assert torch.allclose(Ball(2.0, norm=1).project(x), torch.tensor([2.0, 0.0, 0.0]))
    assert torch.equal(Ball(9.0, norm=1).project(x), x)
    assert float(Ball(0.0, norm=1).project(x).abs().max()) == 0
    assert float(Ball(0.0).project(x).abs().max()) == 0


def test_group_ball_keeps_directions() -> None:
    x = torch.tensor([[3.0, 4.0], [0.0, 0.0], [0.0, 1.0]])
    projected = GroupBall(4.0).project(x)
    assert torch.allclose(projected, torch.tensor([[2.4, 3.2], [0.0, 0.0], [0.0, 0.0]]))


def test_isotonic_equals_the_minimax_formula() -> None:
    """x_i = max over j <= i of min over k >= i of mean(v_j..v_k)."""
    generator = np.random.default_rng(0)
    for size in (1, 2, 7, 20):
        v = generator.normal(size=size).round(1)
        direct = [
            max(min(v[j : k + 1].mean() for k in range(i, size)) for j in range(i + 1))
            for i in range(size)
        ]
        assert np.allclose(pool_adjacent_violators(v), direct)


def test_psd_clips_eigenvalues() -> None:
    x = torch.tensor([[1.0, 2.0], [2.0, 1.0]])  # eigenvalues 3 and -1
    assert torch.allclose(PSD().project(x), torch.full((2, 2), 1.5))
    assert float(PSD().violation(x)) == pytest.approx(1)
    assert float(PSD().violation(torch.tensor([[1.0, 0.5], [0.0, 1.0]]))) == pytest.approx(0.5)


def test_nearest_correlation_matrix_of_higham() -> None:
    """Higham 2002, section 4: the 3 x 3 example with its published answer."""
    x = torch.tensor([[1.0, 1, 0], [1, 1, 1], [0, 1, 1]], dtype=torch.float64)
    expected = torch.tensor([[1, 0.7607, 0.1573], [0.7607, 1, 0.7607], [0.1573, 0.7607, 1]])
    assert torch.allclose(Correlation().project(x), expected.double(), atol=5e-5)


def test_spectral_and_nuclear_norms() -> None:
    torch.manual_seed(0)
    x = torch.randn(5, 4, dtype=torch.float64)
    values = torch.linalg.svdvals(x)
    clipped = Spectral(1.0).project(x)
    expected = float((values - 1).clamp(min=0).norm())
    assert float((x - clipped).norm()) == pytest.approx(expected)
    shrunk = torch.linalg.svdvals(Nuclear(1.5).project(x))
    assert float(shrunk.sum()) == pytest.approx(1.5)


def test_affine_of_deficient_rank_and_without_solution() -> None:
    A = torch.tensor([[1.0, 2.0, 3.0], [0.1, 0.2, 0.3], [0.0, 1.0, 0.0]])
    x = torch.tensor([1.0, 1.0, 1.0])
    projected = Affine(A, torch.tensor([1.0, 0.1, 2.0])).project(x)
    assert torch.allclose(A @ projected, torch.tensor([1.0, 0.1, 2.0]), atol=1e-5)
    with pytest.raises(EmptySetError, match="no solution"):
        Affine(A, torch.tensor([1.0, 0.5, 2.0]))
    with pytest.raises(EmptySetError, match="no solution"):
        Affine(torch.zeros(1, 3), 1.0)
    assert torch.equal(Affine(torch.zeros(1, 3), 0.0).project(x), x)


def test_halfspace_without_normal() -> None:
    x = torch.ones(2)
    assert torch.equal(Halfspace(torch.zeros(2), 0.5).project(x), x)
    with pytest.raises(EmptySetError):
        Halfspace(torch.zeros(2), -0.5)


def test_second_order_cone_cases() -> None:
    points = torch.tensor([[3.0, 4.0, 6.0], [3.0, 4.0, -6.0], [3.0, 4.0, 0.0], [0.0, 0.0, -1.0]])
    expected = torch.tensor([[3.0, 4.0, 6.0], [0, 0, 0], [1.5, 2.0, 2.5], [0, 0, 0]])
    assert torch.allclose(SecondOrderCone().project(points), expected)


def test_birkhoff_scales_and_batches() -> None:
    """A far point projects on the best permutation; the zero matrix on the uniform one."""
    generator = torch.Generator().manual_seed(1)
    for size in (2, 5, 30):
        x = torch.randn(3, size, size, generator=generator, dtype=torch.float64)
        for scale in (1e5, 1e9, 1e20):
            far = Birkhoff().project(scale * x)
            assert float((far - Birkhoff().lmo(-x)).abs().max()) <= 1e-6
        uniform = Birkhoff().project(torch.zeros(size, size))
        assert torch.allclose(uniform, torch.full((size, size), 1 / size))


def test_birkhoff_equals_dykstra() -> None:
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(6, 6, generator=generator, dtype=torch.float64)
    rows = Simplex().project
    result = dykstra(x, (rows, lambda v: rows(v.mT).mT))
    assert result.converged
    assert torch.allclose(Birkhoff().project(x), result.point, atol=1e-7)


def test_dykstra_is_not_plain_alternation() -> None:
    """From (1, 2), alternation onto x + y <= 0 and y <= 0 rests at (-0.5, 0), nearest is 0."""
    sets = (Halfspace(torch.tensor([1.0, 1.0]), 0.0), Halfspace(torch.tensor([0.0, 1.0]), 0.0))
    x = torch.tensor([1.0, 2.0], dtype=torch.float64)
    alternating = sets[1].project(sets[0].project(x))
    assert torch.allclose(alternating, torch.tensor([-0.5, 0.0]).double(), atol=1e-12)
    both = Intersection(*sets)
    assert float(both.violation(alternating)) <= 1e-12
    assert float(both.project(x).abs().max()) <= 1e-8


def test_intersections_that_cannot_be() -> None:
    apart = Intersection(Box(0.0, 1.0), Halfspace(torch.ones(2), -1.0), limit=200)
    with pytest.raises(NotConvergedError, match="no common point"):
        apart.project(torch.zeros(2))
    with pytest.raises(OperatorError, match="stiefel is not convex"):
        Intersection(Stiefel(), Ball(1.0))
    with pytest.raises(OperatorError, match="at least one"):
        Intersection()


def test_one_sided_boxes_are_parametrized_by_softplus() -> None:
    up = Box(-1.0, float("inf")).parametrization()
    down = Box(-float("inf"), 2.0).parametrization()
    free = torch.linspace(-5, 5, 11)
    assert up is not None and down is not None
    assert bool((up(free) >= -1).all()) and bool((down(free) <= 2).all())
    assert Box(-1.0, float("inf")).inequality(free).shape == free.shape
