"""Parameters that several sets share."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from cspec.runtime.operators import (
    NM,
    Ball,
    Box,
    Halfspace,
    Operator,
    Rank,
    Sparse,
    Spectral,
    Stiefel,
)
from cspec.runtime.steps.projection import project_together


def random(*shape: int, seed: int = 0, scale: float = 2.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "sets",
    [
        (Sparse(0.25), Spectral(1.0)),
        (Spectral(1.0), Sparse(0.25)),
        (NM(2, 4), Spectral(1.0), Box(-0.3, 0.3)),
        (Ball(1.0), Box(-0.2, 0.5)),
        (Sparse(0.5), NM(2, 4)),
        (Rank(2), Spectral(1.0)),
    ],
    ids=lambda sets: "+".join(s.name for s in sets),
)
def test_all_hold_at_once(sets: tuple[Operator, ...], dtype: torch.dtype) -> None:
    weight = random(6, 8).to(dtype)
    project_together([(operator, [weight]) for operator in sets])
    for operator in sets:
        # Frobenius rounding of a 6 x 8 matrix of norm at most sqrt(6).
        assert float(operator.violation(weight)) <= 16 * torch.finfo(dtype).eps


def test_convex_sets_give_the_nearest_common_point() -> None:
    """x <= 0 and x + y <= 0 from (1, 0.2): one after the other ends in (-0.1, 0.1)."""
    point = torch.tensor([1.0, 0.2], dtype=torch.float64)
    sets = (Box(-math.inf, torch.tensor([0.0, math.inf])), Halfspace(torch.ones(2), 0.0))
    project_together([(operator, [point]) for operator in sets])
    assert torch.allclose(point, torch.zeros(2, dtype=torch.float64), atol=1e-6)


def test_a_count_keeps_the_largest_and_the_other_set_acts_on_them() -> None:
    weight = torch.tensor([4.0, 3.0, 0.5, -0.2], dtype=torch.float64)
    project_together([(Sparse(2), [weight]), (Ball(2.0), [weight])])
    assert torch.allclose(weight, torch.tensor([1.6, 1.2, 0, 0], dtype=torch.float64), atol=1e-9)


def test_a_global_count_shares_its_tensors_with_a_set_on_one_of_them() -> None:
    first, second = random(4, 4, seed=1), random(3, 4, seed=2)
    project_together([(Sparse(0.5), [first, second]), (Spectral(1.0), [second])])
    assert int((first != 0).sum() + (second != 0).sum()) <= 14
    assert float(Spectral(1.0).violation(second)) <= 1e-12


def test_sets_without_a_common_point_end() -> None:
    weight = random(4, 4, seed=3)
    project_together([(Stiefel(), [weight]), (Spectral(0.5), [weight])])
    assert bool(torch.isfinite(weight).all())


def test_momentum_follows_where_a_set_acts() -> None:
    weight = torch.nn.Parameter(torch.tensor([3.0, 1.0]))
    optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9)
    weight.grad = torch.tensor([-1.0, -1.0])
    optimizer.step()
    project_together([(Box(-1.0, 1.0), [weight]), (Ball(1.2), [weight])], optimizer)
    # The gradient pointed out of both sets; what is left of the momentum may not.
    momentum = optimizer.state[weight]["momentum_buffer"]
    assert float((momentum * weight.detach()).sum()) >= -1e-6
