"""Functions of square matrices: against numpy and scipy, of weights, kernels and examples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.linalg
import torch

from cspec.runtime.functions import FUNCTIONS, ShapeMismatch

NUMPY: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "trace": np.trace,
    "det": np.linalg.det,
    "logdet": lambda a: np.linalg.slogdet(a)[1],
    "inv": np.linalg.inv,
    "expm": scipy.linalg.expm,
    "diag": np.diag,
}


def _matrix(n: int, seed: int) -> np.ndarray:
    a = np.random.default_rng(seed).normal(size=(n, n))
    return a @ a.T + np.eye(n)


@pytest.mark.parametrize("n", [1, 2, 3, 6])
@pytest.mark.parametrize("name", NUMPY)
def test_one_matrix(name: str, n: int) -> None:
    a = _matrix(n, n)
    assert FUNCTIONS[name](torch.tensor(a)).numpy() == pytest.approx(NUMPY[name](a))


@pytest.mark.parametrize("name", NUMPY)
def test_of_each_example(name: str) -> None:
    stack = np.stack([_matrix(3, seed) for seed in range(4)])
    found = FUNCTIONS[name](torch.tensor(stack), axes=2).numpy()
    for one, a in zip(found, stack, strict=True):
        assert one == pytest.approx(NUMPY[name](a))


@pytest.mark.parametrize("name", NUMPY)
def test_a_kernel_is_outputs_by_rest(name: str) -> None:
    a = _matrix(4, 1)
    kernel = torch.tensor(a).reshape(4, 2, 2)
    assert FUNCTIONS[name](kernel).numpy() == pytest.approx(NUMPY[name](a))


@pytest.mark.parametrize("name", ["trace", "det", "logdet", "inv", "expm"])
def test_what_is_not_square(name: str) -> None:
    for shape in ((2, 3), (3,), (), (3, 2, 2)):
        with pytest.raises(ShapeMismatch, match=name):
            FUNCTIONS[name](torch.ones(shape))


def test_diagonals() -> None:
    assert FUNCTIONS["diag"](torch.tensor([1.0, 2.0])).tolist() == [[1, 0], [0, 2]]
    assert FUNCTIONS["diag"](torch.arange(6.0).reshape(2, 3)).tolist() == [0, 4]
    assert FUNCTIONS["diag"](torch.ones(3, 2), axes=1).shape == (3, 2, 2)
    with pytest.raises(ShapeMismatch):
        FUNCTIONS["diag"](torch.tensor(1.0))


def test_singular_and_negative() -> None:
    singular = torch.tensor([[1.0, 2.0], [2.0, 4.0]], requires_grad=True)
    assert FUNCTIONS["inv"](singular).isnan().all()
    assert FUNCTIONS["logdet"](singular).item() == -torch.inf
    assert FUNCTIONS["logdet"](torch.tensor([[0.0, 1.0], [1.0, 0.0]])).isnan()
    (slope,) = torch.autograd.grad(FUNCTIONS["det"](singular), singular)
    assert slope.flatten().tolist() == pytest.approx([4, -2, -2, 1], abs=1e-5)


@pytest.mark.parametrize("name", NUMPY)
def test_slopes(name: str) -> None:
    a = torch.tensor(_matrix(3, 5), requires_grad=True)
    assert torch.autograd.gradcheck(FUNCTIONS[name], (a,))
