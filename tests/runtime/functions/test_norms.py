"""Norms against numpy; their gradients by finite differences and at zero."""

import math

import numpy as np
import pytest
import torch

from cspec.runtime.functions.norms import l1, l2, norm, nuclear, spectral, sumsq

torch.manual_seed(2)
W = torch.randn(4, 3, 2, dtype=torch.float64)


@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 3, math.inf])
def test_entrywise_norm(p: float) -> None:
    entries = np.abs(W.numpy()).ravel()
    expected = entries.max() if p == math.inf else (entries**p).sum() ** (1 / p)
    assert norm(W, p).item() == pytest.approx(expected)
    rows = [norm(row, p).item() for row in W]
    assert norm(W, p, per_example=True).tolist() == pytest.approx(rows)
    assert torch.autograd.gradcheck(lambda w: norm(w, p), (W.clone().requires_grad_(),))


@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 3, math.inf])
def test_gradient_at_zero_is_finite(p: float) -> None:
    for start in (torch.zeros(3, 2), torch.tensor([[0.0, 2.0], [0.0, -1.0], [0.0, 0.0]])):
        leaf = start.clone().requires_grad_()
        norm(leaf, p).backward()
        assert leaf.grad is not None and leaf.grad.isfinite().all()


def test_l2_at_zero_has_zero_gradient() -> None:
    leaf = torch.zeros(5, requires_grad=True)
    l2(leaf).backward()
    assert leaf.grad is not None and leaf.grad.tolist() == [0.0] * 5


def test_named_norms() -> None:
    v = torch.tensor([3.0, -4.0, 0.0])
    assert [f(v).item() for f in (l1, l2, sumsq)] == [7.0, 5.0, 25.0]
    assert norm(v, 0).item() == 2
    with pytest.raises(ValueError, match="p >= 0"):
        norm(v, -1)


def test_matrix_norms_of_a_weight_as_outputs_by_rest() -> None:
    singular = np.linalg.svd(W.reshape(4, 6).numpy(), compute_uv=False)
    assert spectral(W).item() == pytest.approx(singular[0])
    assert nuclear(W).item() == pytest.approx(singular.sum())
    for function in (spectral, nuclear):
        assert torch.autograd.gradcheck(function, (W.clone().requires_grad_(),))


@pytest.mark.parametrize("function", [spectral, nuclear])
def test_matrix_norms_where_they_have_no_slope(function: object) -> None:
    assert callable(function)
    for start in (torch.zeros(3, 4), torch.eye(3), torch.ones(3, 3)):
        leaf = start.clone().requires_grad_()
        function(leaf).backward()
        assert leaf.grad is not None and leaf.grad.isfinite().all()
        # A subgradient supports the norm: f(X) >= f(W) + <G, X - W>.
        for seed in range(5):
            other = torch.randn(start.shape, generator=torch.Generator().manual_seed(seed))
            support = function(leaf) + (leaf.grad * (other - leaf)).sum()
            assert function(other) >= support - 1e-4
    assert function(torch.full((2, 2), math.nan)).isnan()
