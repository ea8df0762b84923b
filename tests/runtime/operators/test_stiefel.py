"""Orthonormal columns: nearest point, hard input, parametrizations."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from cspec.runtime.operators import Stiefel
from cspec.runtime.operators.stiefel import polar


def reference(V: torch.Tensor) -> torch.Tensor:
    U, _, Wh = torch.linalg.svd(V.double(), full_matrices=False)
    return (U @ Wh).to(V.dtype)


@pytest.mark.parametrize("shape", [(6, 5), (64, 64), (200, 30), (1, 1), (5, 1)])
def test_polar_factor_of_random_matrices(shape: tuple[int, int], dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    V = torch.randn(*shape, dtype=dtype)
    projected = polar(V)
    limit = 1e-6 if dtype == torch.float32 else 1e-12
    assert float(Stiefel().violation(projected)) <= limit
    if shape[0] != shape[1]:  # a square random matrix may be too ill-conditioned to compare
        assert float((projected - reference(V)).abs().max()) <= 50 * limit


def test_near_orthogonal_input_takes_few_iterations(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(1)
    Q = torch.linalg.qr(torch.randn(128, 128, dtype=dtype))[0]
    calls = 0
    import_path = "cspec.runtime.operators.stiefel"

    def counted(X: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return X.mT @ X - torch.eye(X.shape[-1], dtype=X.dtype)

    monkeypatch.setattr(f"{import_path}.gram_error", counted)
    projected = polar(Q + 2e-3 * torch.randn(128, 128, dtype=dtype))
    assert calls <= 8  # 3 Newton-Schulz steps, the float64 ones and the last check
    monkeypatch.undo()
    assert float(Stiefel().violation(projected)) <= 2e-6


def test_no_svd_on_nearly_orthogonal_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("SVD was called")

    monkeypatch.setattr("cspec.runtime.operators.stiefel.svd", refuse)
    torch.manual_seed(2)
    Q = torch.linalg.qr(torch.randn(128, 128))[0]
    for size in (0.0, 1e-7, 1e-4, 1e-2, 0.05):
        polar(Q + size * torch.randn(128, 128))


def test_ill_conditioned_and_singular_input(dtype: torch.dtype) -> None:
    torch.manual_seed(3)
    U, _ = torch.linalg.qr(torch.randn(20, 8, dtype=torch.float64))
    W, _ = torch.linalg.qr(torch.randn(8, 8, dtype=torch.float64))
    spectra = (torch.logspace(0, -9, 8), torch.tensor([1.0, 1, 1, 1, 0, 0, 0, 0]), torch.zeros(8))
    for spectrum in spectra:
        for scale in (1e-20, 1.0, 1e20):
            V = (scale * (U * spectrum.double()) @ W.mT).to(dtype)
            assert float(Stiefel().violation(polar(V))) <= 1e-6


def test_a_batch_equals_its_members(dtype: torch.dtype) -> None:
    torch.manual_seed(4)
    batch = torch.stack(
        [
            torch.randn(7, 4, dtype=dtype),
            torch.zeros(7, 4, dtype=dtype),
            1e6 * torch.randn(7, 4, dtype=dtype),
        ]
    )
    batch[1, 0, 0] = torch.nan
    projected = polar(batch)
    assert bool(projected[1].isnan().all())
    for i in (0, 2):
        assert torch.allclose(projected[i], polar(batch[i]), atol=1e-6)


def test_residual_is_the_gram_matrix_of_outputs_by_rest() -> None:
    W = torch.zeros(2, 3, 1, 1)
    W[0, 0] = 1
    W[1, 1] = 3
    assert torch.equal(Stiefel().residual(W), torch.tensor([[0.0, 0.0], [0.0, 8.0]]))
    assert float(Stiefel().violation(W)) == 8


@pytest.mark.parametrize("by", ["cayley", "householder", "matrix_exp"])
@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (4, 2, 3, 3)])
def test_maps_reach_any_member_and_solve_procrustes(by: str, shape: tuple[int, ...]) -> None:
    """max <G, W> over orthonormal W is the nuclear norm of G."""
    torch.manual_seed(5)
    start = Stiefel().project(torch.randn(shape, dtype=torch.float64))
    holder = nn.Module()
    holder.register_parameter("w", nn.Parameter(start.clone()))
    module = Stiefel().parametrization(by)
    assert module is not None
    parametrize.register_parametrization(holder, "w", module)
    assert float((holder.w - start).abs().max().detach()) <= 1e-10
    best = Stiefel().project(torch.randn(shape, dtype=torch.float64))
    G = best + 0.05 * torch.randn(shape, dtype=torch.float64)
    if shape[0] == shape[1]:  # both components of the orthogonal group are separate
        same_sign = torch.linalg.det(best) * torch.linalg.det(start) > 0
        G = G if bool(same_sign) else G @ torch.diag(torch.tensor([-1.0] + [1.0] * 4).double())
    optimizer = torch.optim.Adam(holder.parameters(), lr=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        loss = -(G * holder.w).sum()
        loss.backward()
        optimizer.step()
    optimum = torch.linalg.svdvals(G.flatten(1)).sum()
    # Householder vectors must grow without bound towards some members: slow, not wrong.
    gap = 0.05 if by == "householder" else 1e-3
    assert float(optimum + loss.detach()) <= gap * float(optimum)
    assert float(Stiefel().violation(holder.w.detach())) <= 1e-10


def test_state_dict_restores_the_member() -> None:
    torch.manual_seed(6)

    def layer() -> nn.Linear:
        made = nn.Linear(6, 4)
        module = Stiefel().parametrization()
        assert module is not None
        parametrize.register_parametrization(made, "weight", module)
        return made

    first, second = layer(), layer()
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.weight, second.weight)


def test_momentum_is_tangent(dtype: torch.dtype) -> None:
    torch.manual_seed(7)
    before = torch.randn(6, 3, dtype=dtype)
    W = Stiefel().project(before)
    M = Stiefel().project_momentum(W, before, torch.randn(6, 3, dtype=dtype))
    inner = W.mT @ M
    assert float((inner + inner.mT).abs().max()) <= 1e-5
