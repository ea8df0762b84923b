"""The spectral projected gradient method on functions of a flat tensor."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from cspec.runtime.operators import get
from cspec.runtime.solvers.spg.descent import DescentLimits, End, descend, spectral_step


class Smooth:
    """A function by its value; gradients by automatic differentiation."""

    def __init__(self, value: Callable[[Tensor], Tensor]) -> None:
        self._value = value
        self.points: list[Tensor] = []

    def value(self, x: Tensor) -> float:
        self.points.append(x.clone())
        self._at = x.clone().requires_grad_()
        self._loss = self._value(self._at)
        found = float(self._loss.detach())
        return found if math.isfinite(found) else math.inf

    def gradient(self) -> Tensor:
        if not self._loss.requires_grad:
            return torch.zeros_like(self._at)
        return torch.autograd.grad(self._loss, self._at)[0]


def solve(
    value: Callable[[Tensor], Tensor],
    project: Callable[[Tensor], Tensor],
    start: Tensor,
    *,
    arc: bool = False,
    tolerance: float = 1e-10,
    iterations: int = 2000,
    memory: int = 10,
) -> tuple[End, Smooth]:
    function = Smooth(value)
    limits = DescentLimits(tolerance, iterations, memory, lambda: None)
    return descend(function, project, start, limits, arc), function


def points(size: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, generator=generator, dtype=torch.float64)


CONVEX = {
    "box": ("box", -0.3, 0.4),
    "nonneg": ("nonneg",),
    "simplex": ("simplex",),
    "l1": ("ball", 1.5, 1),
    "l2": ("ball", 1.5, 2),
    "monotone": ("monotone",),
}


@pytest.mark.parametrize("name", CONVEX)
@pytest.mark.parametrize("memory", [1, 10])
def test_the_nearest_point_of_a_convex_set_is_its_projection(name: str, memory: int) -> None:
    operator, target = get(*CONVEX[name]), 2 * points(8)
    zeros = torch.zeros(8, dtype=torch.float64)
    end, function = solve(
        lambda x: (x - target).square().sum(), operator.project, zeros, memory=memory
    )
    assert end.reason == "converged"
    assert end.x == pytest.approx(operator.project(target), abs=1e-8)
    for point in function.points:
        assert float(operator.violation(point)) <= 1e-12


@pytest.mark.parametrize("name", CONVEX)
def test_an_ill_conditioned_quadratic_meets_the_variational_inequality(name: str) -> None:
    operator, target = get(*CONVEX[name]), points(8)
    weights = torch.logspace(0, 3, 8, dtype=torch.float64)
    end, _ = solve(
        lambda x: (weights * (x - target).square()).sum(), operator.project, points(8, 1)
    )
    assert end.reason == "converged"
    for seed in range(20):
        member = operator.project(3 * points(8, 10 + seed))
        assert float(end.gradient @ (member - end.x)) >= -1e-6


def test_float32_ends_at_its_own_precision() -> None:
    target = points(6).float()
    end, _ = solve(
        lambda x: (x - target).square().sum(),
        get("simplex").project,
        torch.zeros(6),
        tolerance=1e-5,
    )
    assert end.reason == "converged" and end.x.dtype == torch.float32
    assert end.x == pytest.approx(get("simplex").project(target), abs=1e-5)


def test_every_point_along_an_arc_is_a_member() -> None:
    operator = get("stiefel")
    a = points(25).reshape(5, 5)
    a = a + a.T

    def project(x: Tensor) -> Tensor:
        return operator.project(x.reshape(5, 2)).reshape(-1)

    end, function = solve(
        lambda x: (x.reshape(5, 2) * (a @ x.reshape(5, 2))).sum(), project, points(10, 3), arc=True
    )
    assert end.reason == "converged"
    assert end.value == pytest.approx(float(torch.linalg.eigvalsh(a)[:2].sum()), abs=1e-9)
    for point in function.points:
        assert float(operator.violation(point.reshape(5, 2))) <= 1e-10


def test_zeros_have_a_place_on_a_manifold() -> None:
    operator = get("stiefel")
    b = points(12).reshape(4, 3)

    def project(x: Tensor) -> Tensor:
        return operator.project(x.reshape(4, 3)).reshape(-1)

    zeros = torch.zeros(12, dtype=torch.float64)
    end, _ = solve(lambda x: (x.reshape(4, 3) * b).sum(), project, zeros, arc=True)
    assert end.value == pytest.approx(-float(torch.linalg.svdvals(b).sum()), abs=1e-9)


def test_a_function_that_does_not_depend_on_the_point_ends_at_once() -> None:
    end, function = solve(lambda x: torch.ones(()), get("nonneg").project, points(3))
    assert end.reason == "converged" and end.optimality == 0
    assert len(function.points) == 1


def test_the_budget_ends_it() -> None:
    weights = torch.logspace(0, 6, 20, dtype=torch.float64)
    end, _ = solve(
        lambda x: (weights * (x - 1).square()).sum(), lambda x: x, points(20), iterations=3
    )
    assert end.reason == "completed" and end.optimality > 1e-10


@pytest.mark.parametrize("slope", [1.0, -1.0])
def test_an_unbounded_problem_is_told(slope: float) -> None:
    end, _ = solve(lambda x: slope * x.sum(), lambda x: x, points(4))
    assert end.reason == "unbounded"


def test_a_curve_down_is_unbounded_too() -> None:
    end, _ = solve(lambda x: -x.square().sum(), get("nonneg").project, points(4).abs())
    assert end.reason == "unbounded"


def test_a_search_turns_back_where_the_value_is_no_number() -> None:
    cost = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    end, function = solve(
        lambda x: (cost * x).sum() + (x * x.log()).sum(),
        get("simplex").project,
        torch.tensor([0.98, 0.01, 0.01], dtype=torch.float64),
    )
    assert end.reason == "converged"
    assert end.x == pytest.approx(torch.softmax(-cost, 0), abs=1e-8)
    assert len(function.points) < 100


def test_a_start_without_a_value_is_told() -> None:
    start = torch.tensor([-1.0, 1.0], dtype=torch.float64)
    end, _ = solve(lambda x: x.log().sum(), lambda x: x, start)
    assert end.reason == "nonfinite"


def test_spectral_steps_stay_within_their_limits() -> None:
    s = torch.tensor([1.0, 0.0])
    assert spectral_step(s, 4 * s, arc=False) == pytest.approx(0.25)
    assert spectral_step(s, -4 * s, arc=False) == 1e10
    assert spectral_step(s, -4 * s, arc=True) == pytest.approx(0.25)
    assert spectral_step(s, 1e-30 * s, arc=True) == 1e10
