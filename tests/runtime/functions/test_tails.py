"""cvar against the minimization that defines it, quantile against numpy."""

import math

import numpy as np
import pytest
import torch

from cspec.runtime.functions.tails import cvar, quantile

torch.manual_seed(1)
VALUES = torch.randn(37, dtype=torch.float64)
MASK = torch.rand(37) < 0.5


def _by_definition(values: torch.Tensor, level: float) -> float:
    """The minimum over t of t + mean([v - t]+) / (1 - level): one of the values attains it."""
    v = values.numpy()
    return float(min(t + np.maximum(v - t, 0).mean() / (1 - level) for t in v))


@pytest.mark.parametrize("level", [0.0, 0.1, 0.5, 0.77, 0.9, 0.999])
def test_cvar_solves_its_minimization(level: float) -> None:
    assert cvar(VALUES, level).item() == pytest.approx(_by_definition(VALUES, level), abs=1e-12)
    chosen = _by_definition(VALUES[MASK], level)
    assert cvar(VALUES, level, MASK).item() == pytest.approx(chosen, abs=1e-12)


def test_cvar_ends_are_mean_and_maximum() -> None:
    assert cvar(VALUES, 0).item() == pytest.approx(VALUES.mean().item())
    assert cvar(VALUES, 0.9999).item() == VALUES.max().item()


@pytest.mark.parametrize("q", [0.0, 0.25, 0.5, 0.9, 1.0])
def test_quantile_is_numpys(q: float) -> None:
    assert quantile(VALUES, q).item() == pytest.approx(np.quantile(VALUES.numpy(), q))
    expected = np.quantile(VALUES[MASK].numpy(), q)
    assert quantile(VALUES, q, MASK).item() == pytest.approx(expected)


@pytest.mark.parametrize("tail", [cvar, quantile])
def test_slopes_and_empty_selections(tail: object) -> None:
    assert callable(tail)
    leaf = VALUES.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda v: tail(v, 0.8, MASK), (leaf,))
    nothing = tail(leaf, 0.8, torch.zeros(37, dtype=torch.bool))
    assert math.isnan(nothing.item())
    (gradient,) = torch.autograd.grad(nothing, leaf)
    assert gradient.tolist() == [0.0] * 37


def test_levels_outside_their_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\[0, 1\), but it is 1"):
        cvar(VALUES, 1)
    with pytest.raises(ValueError, match=r"\[0, 1\], but it is 1.5"):
        quantile(VALUES, 1.5)
