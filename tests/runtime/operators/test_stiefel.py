"""Orthonormal columns: nearest point, hard input, parametrizations."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from cspec.runtime.operators import Stiefel
from cspec.runtime.operators.base import OperatorError
from cspec.runtime.operators.stiefel import gram_error, nearest_by_svd, polar, retract_by_qr


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
    torch.testing.assert_close(first.weight, second.weight, rtol=0, atol=1e-6)


def test_momentum_is_tangent(dtype: torch.dtype) -> None:
    torch.manual_seed(7)
    before = torch.randn(6, 3, dtype=dtype)
    W = Stiefel().project(before)
    M = Stiefel().project_momentum(W, before, torch.randn(6, 3, dtype=dtype))
    inner = W.mT @ M
    assert float((inner + inner.mT).abs().max()) <= 1e-5


@pytest.mark.parametrize("shape", [(6, 5), (5, 6), (40, 8), (1, 1), (3, 2, 2, 2)])
@pytest.mark.parametrize("by", ["newton_schulz", "svd", "qr"])
def test_every_way_ends_on_the_manifold_and_leaves_members_alone(
    by: str, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    torch.manual_seed(8)
    stiefel = Stiefel(by)
    limit = 2e-6 if dtype == torch.float32 else 1e-12
    for scale in (1e-6, 1.0, 1e6):
        member = stiefel.project(scale * torch.randn(shape, dtype=dtype))
        assert float(Stiefel().violation(member)) <= limit
        assert torch.allclose(stiefel.project(member), member, atol=10 * limit)


def test_svd_is_the_nearest_matrix_and_qr_is_not(dtype: torch.dtype) -> None:
    torch.manual_seed(9)
    V = torch.randn(12, 7, dtype=dtype)
    nearest = Stiefel().project(V)
    assert torch.allclose(Stiefel("svd").project(V), nearest, atol=1e-5)
    far, near = (torch.linalg.norm(V - Stiefel(by).project(V)) for by in ("qr", "svd"))
    assert float(far) > 1.01 * float(near)


def test_qr_is_a_retraction(dtype: torch.dtype) -> None:
    """To first order a step along a tangent stays what it was (Absil et al., definition 4.1.1)."""
    torch.manual_seed(10)
    W = Stiefel().project(torch.randn(9, 4, dtype=torch.float64))
    step = Stiefel().project_momentum(W, W, torch.randn(9, 4, dtype=torch.float64))
    errors = [
        float(torch.linalg.norm(Stiefel("qr").project(W + t * step) - (W + t * step)))
        for t in (1e-2, 1e-3)
    ]
    assert errors[1] < errors[0] / 50  # an error of second order falls by 100
    signs = Stiefel("qr").project(torch.diag(torch.tensor([-1.0, 2.0, -3.0], dtype=dtype)))
    assert torch.equal(signs.diagonal().sign(), torch.tensor([-1.0, 1.0, -1.0], dtype=dtype))


def test_svd_that_fails_in_float32_is_done_in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, tried = torch.linalg.svd, []

    def stubborn(x: torch.Tensor, **options: bool) -> object:
        tried.append(x.dtype)
        if x.dtype == torch.float32:
            raise torch.linalg.LinAlgError("did not converge")
        return plain(x, **options)

    monkeypatch.setattr(torch.linalg, "svd", stubborn)
    torch.manual_seed(11)
    member = Stiefel("svd").project(torch.randn(8, 3))
    assert tried == [torch.float32, torch.float64] and member.dtype == torch.float32
    assert float(Stiefel().violation(member)) <= 2e-6


@pytest.mark.parametrize("by", ["svd", "qr"])
def test_the_other_ways_keep_nan_and_survive_zeros(by: str) -> None:
    batch = torch.randn(3, 5, 2)
    batch[0] = 0
    batch[1, 0, 0] = torch.nan
    ways = {"svd": nearest_by_svd, "qr": retract_by_qr}
    found = ways[by](batch)
    assert bool(found[1].isnan().all()) and not bool(found[[0, 2]].isnan().any())
    assert float(gram_error(found[[0, 2]]).abs().max()) <= 1e-6
    assert ways[by](torch.zeros(0, 2)).shape == (0, 2)


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(OperatorError, match="newton_schulz, svd, qr"):
        Stiefel("newton_schulz_5")


@pytest.mark.parametrize("seed", range(4))
def test_across_is_the_reflection_that_the_gradient_leads_to(seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    x = torch.linalg.qr(torch.randn(5, 5, generator=draw, dtype=torch.float64)).Q
    gradient = torch.randn(5, 5, generator=draw, dtype=torch.float64)
    found = Stiefel().across(x, gradient)
    assert found is not None
    assert torch.det(found) == pytest.approx(-torch.det(x).item())
    assert Stiefel().violation(found) < 1e-12
    least = float((gradient * (found - x)).sum())
    for _ in range(500):  # every reflection x (I - 2 v v^T) is as near: none promises more
        v = torch.randn(5, 1, generator=draw, dtype=torch.float64)
        v = v / v.norm()
        assert float((gradient * (-2 * x @ v @ v.T)).sum()) >= least - 1e-9
    assert float((found - x).norm()) == pytest.approx(2.0)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (0, 0)])
def test_frames_of_fewer_columns_have_one_part(shape: tuple[int, int]) -> None:
    assert Stiefel().across(torch.zeros(shape), torch.zeros(shape)) is None
