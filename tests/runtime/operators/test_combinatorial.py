"""Nearest points of combinatorial sets against exhaustive search on small sizes."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from cspec.runtime.operators import (
    NM,
    ChannelSparse,
    Grid,
    OperatorError,
    Rank,
    ShapeError,
    Sparse,
    SparseSimplex,
)
from cspec.runtime.operators.simplex import project_simplex
from cspec.runtime.operators.sparsity import largest_mask


def vectors(count: int, size: int, dtype: torch.dtype) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    found = [torch.randn(size, generator=generator, dtype=dtype) for _ in range(count)]
    ties = [x.sign() for x in found[:3]]
    return [*found, *ties, torch.zeros(size, dtype=dtype)]


def distance(a: Tensor, b: Tensor) -> float:
    return float((a.double() - b.double()).norm())


def test_sparse_against_every_support(dtype: torch.dtype) -> None:
    for x in vectors(10, 7, dtype):
        projected = Sparse(3).project(x)
        assert int((projected != 0).sum()) <= 3
        best = min(
            distance(x, x * torch.eye(7, dtype=dtype)[list(kept)].sum(dim=0))
            for kept in itertools.combinations(range(7), 3)
        )
        assert distance(x, projected) <= best + 1e-6


def test_ties_keep_exactly_the_count() -> None:
    x = torch.ones(1000)
    assert int((Sparse(0.29).project(x) != 0).sum()) == 290
    assert int((Sparse(7).project(-x) != 0).sum()) == 7
    assert int((Sparse(0).project(x) != 0).sum()) == 0
    assert torch.equal(Sparse(5000).project(x), x)
    assert torch.equal(Sparse(1.0).project(x), x)
    assert int((Sparse(0.29).project(torch.ones(100)) != 0).sum()) == 29


def test_joint_sparsity_shares_the_count() -> None:
    tensors = [torch.tensor([[5.0, 0.1], [0.2, 4.0]]), torch.tensor([3.0, 0.3]), torch.zeros(0)]
    kept = Sparse(0.5).project_jointly(tensors)
    assert [int((x != 0).sum()) for x in kept] == [2, 1, 0]
    assert torch.equal(kept[0], torch.tensor([[5.0, 0.0], [0.0, 4.0]]))
    layers = Sparse(0.5, scope="layer").project_jointly(tensors)
    assert [int((x != 0).sum()) for x in layers] == [2, 1, 0]
    rows = Sparse(1, scope="row").project_jointly(tensors[:1])
    assert torch.equal(rows[0], torch.tensor([[5.0, 0.0], [0.0, 4.0]]))
    assert Sparse(0.5).project_jointly([]) == []


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("amount", [0.5, 0.1, 0.02, 30])
def test_a_floor_leaves_every_tensor_its_part(amount: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    sizes, scales = (40, 100, 400), (10.0, 1.0, 0.01)
    tensors = [s * torch.randn(n, generator=generator) for n, s in zip(sizes, scales, strict=True)]
    count = amount if isinstance(amount, int) else int(amount * 540)
    ends = [n / sum(sizes) for n in sizes]  # of vectors, inputs and outputs are their entries
    least = [
        max(int(0.2 * count / 540 * n), int(count * e / 2), 1)
        for n, e in zip(sizes, ends, strict=True)
    ]
    kept = Sparse(amount, floor=0.2).project_jointly(tensors)
    # By hand: each tensor's largest first, then the largest of all that is left.
    order = [x.abs().argsort(descending=True).tolist() for x in tensors]
    chosen = {(k, i) for k, first in enumerate(order) for i in first[: least[k]]}
    left = [(float(x[i].abs()), k, i) for k, x in enumerate(tensors) for i in range(len(x))]
    rest = sorted((entry for entry in left if entry[1:] not in chosen), reverse=True)
    chosen |= {(k, i) for _, k, i in rest[: count - len(chosen)]}
    found = {(k, i) for k, x in enumerate(kept) for i in x.nonzero().flatten().tolist()}
    assert found == chosen and len(found) == count
    assert all(int((x != 0).sum()) >= n for x, n in zip(kept, least, strict=True))


def test_a_floor_that_does_not_fit_is_left_out() -> None:
    tensors = [torch.ones(4), 2 * torch.ones(4), 3 * torch.ones(4)]
    assert [int((x != 0).sum()) for x in Sparse(2, floor=0.5).project_jointly(tensors)] == [0, 0, 2]
    assert torch.equal(Sparse(2, floor=0.5).project(tensors[2]), Sparse(2).project(tensors[2]))
    with pytest.raises(OperatorError, match="a part of the share"):
        Sparse(0.1, floor=2)


def test_n_of_m_against_every_mask(dtype: torch.dtype) -> None:
    for x in vectors(10, 8, dtype):
        projected = NM(2, 4).project(x)
        assert bool(((projected.reshape(2, 4) != 0).sum(dim=1) <= 2).all())
        best = 0.0
        for block in x.reshape(2, 4):
            best += min(
                float(block.double().square().sum() - block[list(kept)].double().square().sum())
                for kept in itertools.combinations(range(4), 2)
            )
        assert distance(x, projected) ** 2 <= best + 1e-6


def test_n_of_m_refuses_partial_blocks() -> None:
    with pytest.raises(ShapeError, match="no multiple of 4"):
        NM(2, 4).project(torch.ones(3, 6))
    masked = NM(2, 4, dim=1).project(torch.randn(2, 8, 3, 3))
    assert int((masked != 0).sum()) == masked.numel() // 2


def test_channels_against_every_choice(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(5, 2, 3, generator=generator, dtype=dtype)
    best = min(
        distance(x, x * torch.eye(5, dtype=dtype)[list(kept)].sum(dim=0)[:, None, None])
        for kept in itertools.combinations(range(5), 2)
    )
    assert distance(x, ChannelSparse(2).project(x)) == pytest.approx(best, rel=1e-6)
    half = ChannelSparse(0.5).project(x)
    assert int((half.flatten(1).norm(dim=1) > 0).sum()) == 2


def test_sparse_simplex_against_every_support(dtype: torch.dtype) -> None:
    for x in vectors(10, 6, dtype):
        best = float("inf")
        for kept in itertools.combinations(range(6), 2):
            candidate = torch.zeros_like(x)
            candidate[list(kept)] = project_simplex(x[list(kept)])
            best = min(best, distance(x, candidate))
        assert distance(x, SparseSimplex(2).project(x)) <= best + 1e-6


@pytest.mark.parametrize("bits", [1, 2, 3])
def test_grid_against_every_level(bits: int, dtype: torch.dtype) -> None:
    """For levels q the best scale is <v, q> / <q, q>: all q are tried."""
    top = max(2 ** (bits - 1) - 1, 1)
    allowed = (-1, 1) if bits == 1 else tuple(range(-top, top + 1))
    levels = torch.tensor(list(itertools.product(allowed, repeat=4)), dtype=torch.float64)
    levels = levels[levels.abs().sum(dim=1) > 0]
    for x in vectors(10, 4, dtype):
        v = x.double()
        scale = (levels @ v) / levels.square().sum(dim=1)
        best = float((v - scale[:, None] * levels).norm(dim=1).min())
        assert distance(x, Grid(bits).project(x)) <= best + 1e-6


def test_grid_members_come_back_bit_for_bit(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(2)
    for bits in (2, 4, 8):
        for scale in (0.37, 1e-20, 1e20):
            top = 2 ** (bits - 1) - 1
            q = torch.randint(-top, top + 1, (5, 40), generator=generator).to(dtype)
            member = q * scale
            assert torch.equal(Grid(bits).project(member), member)
            assert float(Grid(bits).violation(member)) == 0
    coarse = torch.tensor([0.0, 2.0, 3.0, -3.0], dtype=dtype)  # does not use the top level
    assert torch.equal(Grid(4).project(coarse), coarse)


def test_large_tensors_alternate_to_nearly_the_optimum(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(20_000, generator=generator)
    exact = distance(x, Grid(4).project(x))
    monkeypatch.setattr("cspec.runtime.operators.grid.SEARCH_LIMIT", 7 * 500)
    sampled = Grid(4).project(x)
    assert distance(x, sampled) <= 1.01 * exact
    assert float(Grid(4).violation(torch.zeros(20_000))) == 0


def test_rank_is_eckart_young(dtype: torch.dtype) -> None:
    torch.manual_seed(4)
    x = torch.randn(6, 5, dtype=dtype)
    values = torch.linalg.svdvals(x.double())
    assert distance(x, Rank(2).project(x)) == pytest.approx(float(values[2:].norm()), rel=1e-5)
    assert float(Rank(2).violation(x)) == pytest.approx(float(values[2]), rel=1e-5)
    product = torch.randn(6, 2, dtype=dtype) @ torch.randn(2, 5, dtype=dtype)
    assert float(Rank(2).violation(product)) == 0
    assert float(Rank(0).violation(Rank(0).project(x))) == 0
    assert float(Rank(9).violation(x)) == 0


def test_amounts_are_counts_or_fractions() -> None:
    with pytest.raises(OperatorError, match="a fraction lies in"):
        Sparse(1.5)
    with pytest.raises(OperatorError, match="count of at least 0"):
        Sparse(-1)
    with pytest.raises(OperatorError, match="1 to 8 bits"):
        Grid(9)


def test_a_small_layer_keeps_its_ends_connected() -> None:
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(32, 64, generator=generator)
    last = 1e-3 * torch.randn(10, 32, generator=generator)
    _, kept = Sparse(0.05, floor=0.2).project_jointly([first, last])
    assert int((kept != 0).sum()) == 17  # 118 weights, half of (10 + 32) / (10 + 32 + 32 + 64)


@pytest.mark.parametrize("shape", [(1,), (7,), (3, 5), (2, 3, 4), (4, 40)])
def test_largest_scores_are_those_of_a_sorted_list(
    shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    """By magnitude, then by index; NaN and infinity come first."""
    draw = torch.Generator().manual_seed(0)
    for trial in range(60):
        scores = torch.randn(shape, generator=draw, dtype=dtype)
        if trial % 2:  # ties
            scores = torch.randint(0, 3, shape, generator=draw).to(dtype)
        if trial % 3 == 0:
            scores.view(-1)[0] = torch.nan if trial % 2 else torch.inf
        count = int(torch.randint(-1, shape[-1] + 2, (1,), generator=draw))
        expected = torch.zeros(shape, dtype=torch.bool)
        for row, mask in zip(scores.view(-1, shape[-1]), expected.view(-1, shape[-1]), strict=True):
            values = row.nan_to_num(nan=torch.inf, posinf=torch.inf).tolist()
            order = sorted((-value, index) for index, value in enumerate(values))
            mask[[index for _, index in order[: max(count, 0)]]] = True
        assert torch.equal(largest_mask(scores, count), expected)
