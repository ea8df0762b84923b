"""What the tests of both precisions share: the two number formats, and who has which type."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import cspec

TYPES = {"float32": torch.float32, "float64": torch.float64}


@pytest.fixture(params=list(TYPES))
def precision(request: pytest.FixtureRequest) -> str:
    """`fit(precision=...)`."""
    name: str = request.param
    return name


@pytest.fixture
def eps(precision: str) -> float:
    """The rounding unit of the precision."""
    return float(torch.finfo(TYPES[precision]).eps)


def types_of(tensors: dict[str, Tensor]) -> dict[str, torch.dtype]:
    """The type of every floating-point tensor."""
    return {name: t.dtype for name, t in tensors.items() if t.is_floating_point()}


@pytest.fixture
def delivered(precision: str) -> Callable[[cspec.Result], None]:
    """Asserts that a result has the run's type throughout."""
    return lambda result: _delivered_in(result, precision)


def _delivered_in(result: cspec.Result, precision: str) -> None:
    """Everything that a run hands over has the run's type: nothing is widened or narrowed."""
    dtype = TYPES[precision]
    assert result.best is not None and result.last is not None
    for iterate in (result.best, result.last):
        found = types_of(iterate.tensors) | types_of(iterate.state)
        assert not {k: v for k, v in found.items() if v is not dtype}
    for model in result.models.values():
        found = types_of(dict(model.named_parameters()) | dict(model.named_buffers()))
        assert not {k: v for k, v in found.items() if v is not dtype}
        first = next(model.parameters())
        assert first.grad is None or first.grad.dtype is dtype
    if result.out is not None:
        saved = types_of(load_file(f"{result.out}/model.safetensors"))
        assert saved and set(saved.values()) == {dtype}
