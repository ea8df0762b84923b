"""Proximal maps of regularizers against their definition."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from cspec.runtime.operators import OperatorError
from cspec.runtime.operators.prox import PROXIMAL_MAPS, prox_l1

REGULARIZERS: dict[str, Callable[[Tensor], Tensor]] = {
    "l1": lambda s: s.abs().sum(),
    "l2": lambda s: s.norm(),
    "l2_squared": lambda s: s.square().sum(),
    "elastic": lambda s: 0.5 * s.abs().sum() + 0.5 * s.square().sum(),
    "group_l2": lambda s: s.norm(dim=1).sum(),
    "linf": lambda s: s.abs().max(),
    "nuclear": lambda s: torch.linalg.svdvals(s).sum(),
}


def test_every_map_is_tested() -> None:
    assert set(REGULARIZERS) == set(PROXIMAL_MAPS)


@pytest.mark.parametrize("name", REGULARIZERS)
@pytest.mark.parametrize("step", [0.0, 0.3, 2.0, 50.0])
def test_nothing_near_or_far_is_better(name: str, step: float, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    v = torch.randn(4, 3, generator=generator, dtype=dtype)
    mapped = PROXIMAL_MAPS[name](v, step)

    def objective(s: Tensor) -> float:
        s, target = s.double(), v.double()
        return float(step * REGULARIZERS[name](s) + 0.5 * (s - target).square().sum())

    best = objective(mapped)
    others = [v, torch.zeros_like(v)]
    for size in (1e-3, 1e-2, 0.1, 1.0):
        others += [
            mapped + size * torch.randn(4, 3, generator=generator, dtype=dtype) for _ in range(50)
        ]
    others += [factor * mapped for factor in (0.9, 0.99, 1.01, 1.1)]
    assert best <= min(objective(s) for s in others) + (1e-5 if dtype == torch.float32 else 1e-12)


@pytest.mark.parametrize("name", REGULARIZERS)
def test_zero_and_nan(name: str, dtype: torch.dtype) -> None:
    assert float(PROXIMAL_MAPS[name](torch.zeros(3, 2, dtype=dtype), 0.5).abs().max()) == 0
    broken = torch.tensor([[1.0, torch.nan], [0.0, 1.0]], dtype=dtype)
    assert bool(PROXIMAL_MAPS[name](broken, 0.5).isnan().any())


def test_soft_threshold_values_and_negative_step() -> None:
    v = torch.tensor([3.0, -0.2, 0.5, -2.0])
    assert torch.equal(prox_l1(v, 0.5), torch.tensor([2.5, 0.0, 0.0, -1.5]))
    with pytest.raises(OperatorError, match="nonnegative"):
        prox_l1(v, -1.0)
