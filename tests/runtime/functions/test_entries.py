"""Functions of entries: against numpy and scipy, over shapes; slopes against differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.special import entr, rel_entr
from torch import Tensor

from cspec.runtime.functions import FUNCTIONS, ShapeMismatch, entropy, kl

SHAPES = [(1,), (4,), (5,), (2, 3), (2, 2, 3)]
NUMPY: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mean": lambda v: v.mean(-1),
    "variance": lambda v: v.var(-1),
    "std": lambda v: v.std(-1),
    "median": lambda v: np.median(v, -1),
}


def _values(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape) * 3


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NUMPY)
def test_all_entries_together(name: str, shape: tuple[int, ...]) -> None:
    v = _values(shape)
    assert FUNCTIONS[name](torch.tensor(v)).item() == pytest.approx(NUMPY[name](v.ravel()))


@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("name", NUMPY)
def test_of_each_example(name: str, axes: int) -> None:
    v = _values((5, 3, 4))
    flat = v.reshape(*v.shape[: 3 - axes], -1)
    found = FUNCTIONS[name](torch.tensor(v), axes=axes)
    assert found.numpy() == pytest.approx(NUMPY[name](flat))
    rest = FUNCTIONS[name](torch.tensor(v), axes=-1)
    assert rest.numpy() == pytest.approx(NUMPY[name](v.reshape(5, -1)))


@pytest.mark.parametrize("name", NUMPY)
def test_a_group_without_examples(name: str) -> None:
    v = np.array([1.0, np.nan, 4.0, 2.5, np.nan])
    there = v[~np.isnan(v)]
    assert FUNCTIONS[name](torch.tensor(v), groups=True).item() == pytest.approx(NUMPY[name](there))
    assert FUNCTIONS[name](torch.tensor(v)).isnan()
    assert FUNCTIONS[name](torch.full((3,), torch.nan), groups=True).isnan()


@pytest.mark.parametrize("name", [*NUMPY, "topk", "argmax", "cumsum", "entropy", "kl", "dot"])
def test_one_number_an_example_has_no_entries(name: str) -> None:
    """The batch is never what is gone over: (B,) with the axis of examples alone is refused."""
    v, two = torch.rand(6), {"topk": (2,), "kl": (torch.rand(6),)}
    if name in ("cumsum", "dot"):
        v, two = torch.tensor(1.0), {"dot": (torch.tensor(2.0),)}
    keywords = {} if name in ("cumsum", "dot") else {"axes": -1}
    with pytest.raises(ShapeMismatch):
        FUNCTIONS[name](v, *two.get(name, ()), **keywords)


def test_largest() -> None:
    v = torch.tensor([[3.0, 1.0, 2.0], [5.0, 5.0, 4.0]])
    assert FUNCTIONS["topk"](v, 2).tolist() == [5, 5]
    assert FUNCTIONS["topk"](v, 2.0, axes=1).tolist() == [[3, 2], [5, 5]]
    assert FUNCTIONS["argmax"](v, axes=1).tolist() == [0, 0]
    assert FUNCTIONS["argmax"](torch.tensor([1.0, 7.0, 7.0])).item() == 1
    with pytest.raises(ShapeMismatch):
        FUNCTIONS["topk"](v, 7)
    with pytest.raises(ShapeMismatch):
        FUNCTIONS["argmax"](v)


def test_sums() -> None:
    v, w = _values((4, 3)), _values((3,), 1)
    assert FUNCTIONS["cumsum"](torch.tensor(v)).numpy() == pytest.approx(np.cumsum(v, -1))
    assert FUNCTIONS["dot"](torch.tensor(v), torch.tensor(w)).numpy() == pytest.approx(v @ w)
    with pytest.raises(ShapeMismatch):
        FUNCTIONS["dot"](torch.tensor(w), torch.tensor(w[:2]))


@pytest.mark.parametrize("seed", range(5))
def test_probabilities(seed: int) -> None:
    make = np.random.default_rng(seed)
    p, q = make.dirichlet(np.ones(4), 3), make.dirichlet(np.ones(4), 3)
    p[0, 1] = 0.0
    one, other = torch.tensor(p), torch.tensor(q)
    assert entropy(one).item() == pytest.approx(entr(p).sum())
    assert entropy(one, axes=1).numpy() == pytest.approx(entr(p).sum(-1))
    assert kl(one, other).item() == pytest.approx(rel_entr(p, q).sum())
    assert kl(one, other, axes=1).numpy() == pytest.approx(rel_entr(p, q).sum(-1))
    u, v = one[:, 2], other[:, 2]
    pairs = rel_entr(p[:, 2], q[:, 2]) + rel_entr(1 - p[:, 2], 1 - q[:, 2])
    assert kl(u, v, axes=0).numpy() == pytest.approx(pairs)
    assert entropy(u, axes=0).numpy() == pytest.approx(entr(p[:, 2]) + entr(1 - p[:, 2]))


def test_ends_of_probabilities() -> None:
    assert entropy(0.0).item() == 0 and entropy(1.0).item() == 0
    assert entropy(0.5).item() == pytest.approx(np.log(2))
    assert kl(0.3, 0.3).item() == 0
    assert kl(torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.0])).isinf()
    assert kl(torch.tensor([1.0, 0.0]), torch.tensor([0.5, 0.5])).item() == pytest.approx(np.log(2))
    assert entropy(torch.tensor([-0.1, 1.1])).isnan()
    assert kl(torch.tensor([0.5, 0.5]), torch.tensor([1.5, -0.5])).isnan()
    p = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    entropy(p).backward()
    assert p.grad is not None and bool(p.grad.isfinite().all()) and bool((p.grad > 100).all())


def _clip(x: Tensor) -> Tensor:
    return FUNCTIONS["clip"](x, -0.5, torch.tensor(0.7, dtype=torch.float64))


def _where(x: Tensor) -> Tensor:
    return FUNCTIONS["where"](x > 0.1, x**2, 3 * x)


SMOOTH: dict[str, Callable[[Tensor], Tensor]] = {
    **{name: FUNCTIONS[name] for name in (*NUMPY, "cumsum")},
    "topk": lambda v: FUNCTIONS["topk"](v, 2),
    "dot": lambda v: FUNCTIONS["dot"](v, v.flip(0)),
    "entropy": lambda v: entropy(v.abs() + 0.1),
    "kl": lambda v: kl(v.abs() + 0.1, v.flip(0).abs() + 0.2),
    "clip": _clip,
    "where": _where,
}


@pytest.mark.parametrize("name", SMOOTH)
def test_slopes(name: str) -> None:
    v = torch.tensor(_values((5,), 4), requires_grad=True)
    assert torch.autograd.gradcheck(SMOOTH[name], (v,))


def test_a_spread_of_equal_entries_has_slope_zero() -> None:
    v = torch.ones(4, dtype=torch.float64, requires_grad=True)
    FUNCTIONS["std"](v).backward()
    assert v.grad is not None and v.grad.tolist() == [0, 0, 0, 0]


def test_entry_by_entry() -> None:
    x = torch.tensor([-2.5, 0.0, 2.5])
    assert FUNCTIONS["floor"](x).tolist() == [-3, 0, 2]
    assert FUNCTIONS["clip"](x, -1, 2).tolist() == [-1, 0, 2]
    assert FUNCTIONS["where"](x > 0, 1, x).tolist() == [-2.5, 0, 1]
    assert FUNCTIONS["where"](True, x, 0).tolist() == x.tolist()
    assert FUNCTIONS["where"](x > 0, 1, x).dtype == torch.float32
