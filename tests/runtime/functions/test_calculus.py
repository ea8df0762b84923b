"""Derivatives per sample against known ones, differentiable in the parameters."""

import pytest
import torch

from cspec.runtime.functions.calculus import NotDifferentiableError, diff, grad, laplacian
from cspec.runtime.functions.shapes import ShapeMismatch

torch.manual_seed(3)
T = torch.rand(7, dtype=torch.float64, requires_grad=True)
X = torch.rand(7, dtype=torch.float64, requires_grad=True)


def test_partial_derivatives_of_a_formula() -> None:
    u = torch.sin(X) * T**2
    assert torch.allclose(diff(u, T), 2 * T * torch.sin(X))
    assert torch.allclose(diff(u, X, X), -torch.sin(X) * T**2)
    assert torch.allclose(diff(u, T, X), 2 * T * torch.cos(X))
    assert torch.allclose(diff(u, T, T, T), torch.zeros(7, dtype=torch.float64))
    assert torch.allclose(laplacian(u, T, X), 2 * torch.sin(X) - torch.sin(X) * T**2)


def test_columns_keep_the_shape_of_the_output() -> None:
    x = X.detach()[:, None].requires_grad_()
    assert diff(x**3, x, x).shape == (7, 1)
    assert torch.allclose(diff(x.squeeze(1) ** 3, x, x), 6 * x.squeeze(1))


def test_gradient_and_laplacian_of_a_vector_variable() -> None:
    z = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    u = (z**3).sum(1) + z[:, 0] * z[:, 1]
    cross = torch.stack([z[:, 1], z[:, 0], torch.zeros(5, dtype=torch.float64)], dim=1)
    assert torch.allclose(grad(u, z), 3 * z**2 + cross)
    assert torch.allclose(laplacian(u, z), 6 * z.sum(1))
    assert torch.allclose(grad(u.sum(), z), grad(u, z))


def test_what_does_not_depend_has_derivative_zero() -> None:
    assert diff(T * 2, X).tolist() == [0.0] * 7
    assert diff(T * 2, T, T).tolist() == [0.0] * 7
    assert diff(torch.ones(7), X).tolist() == [0.0] * 7


def test_residuals_reach_the_parameters() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(1, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    x = torch.linspace(0, 1, 6)[:, None].requires_grad_()
    diff(net(x), x, x).square().mean().backward()
    weight = net[0].weight
    assert weight.grad is not None and weight.grad.abs().max() > 0


def test_refusals() -> None:
    plain = torch.rand(7)
    with pytest.raises(NotDifferentiableError, match="does not track gradients"):
        diff(X * 2, plain)
    with pytest.raises(ShapeMismatch, match="7 by 2"):
        diff(torch.stack([X, X], 1), X)
    with pytest.raises(ShapeMismatch, match="use grad"):
        z = torch.rand(7, 2, requires_grad=True)
        diff(z.sum(1), z)
