"""Helpers of emitted loops."""

import pytest
import torch
from torch import nn

from cspec.runtime.functions import (
    FUNCTIONS,
    ShapeMismatch,
    array,
    eye,
    parameter,
    repeated,
)


def test_parameters_by_dotted_name() -> None:
    net = nn.Sequential(nn.Linear(2, 3))
    assert parameter(net, "0.weight") is net[0].weight
    with pytest.raises(AttributeError):
        parameter(net, "1.weight")


def test_vectors_of_numbers_and_tensors() -> None:
    leaf = torch.tensor(2.0, requires_grad=True)
    v = array(1, leaf, 0.5)
    assert v.tolist() == [1.0, 2.0, 0.5]
    v.sum().backward()
    assert leaf.grad is not None and leaf.grad.item() == 1.0
    assert array(leaf, leaf).dtype == torch.float32


def test_events_as_numbers_and_sums() -> None:
    event = torch.tensor([True, False, True])
    assert FUNCTIONS["sum"](event).item() == 2.0
    assert FUNCTIONS["sum"](torch.tensor([[1.0, 2.0], [3.0, 4.0]])).item() == 10.0
    assert FUNCTIONS["eye"](2).tolist() == [[1, 0], [0, 1]]


def test_one_number_in_several_places_sums_its_gradients() -> None:
    leaf = torch.tensor(2.0, requires_grad=True)
    many = repeated(leaf * 3, 4)
    assert many.tolist() == [6.0] * 4
    (many * torch.tensor([1.0, 0.0, 2.0, 0.5])).sum().backward()
    assert leaf.grad is not None and leaf.grad.item() == 3 * 3.5


def test_softmax_is_over_the_last_dimension() -> None:
    p = FUNCTIONS["softmax"](torch.tensor([[1000.0, 1000.0], [0.0, -1000.0]]))
    assert p.tolist() == [[0.5, 0.5], [1.0, 0.0]]
    with pytest.raises(ShapeMismatch):
        FUNCTIONS["softmax"](torch.tensor(1.0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_constant_tensors_have_the_type_of_what_is_trained(dtype: torch.dtype) -> None:
    primal = {"x": torch.zeros(2, dtype=dtype)}
    assert eye(2, primal=primal).dtype is dtype
    third = array(1 / 3, 2, primal=primal)
    assert third.dtype is dtype and float(third[0]) == float(torch.tensor(1 / 3, dtype=dtype))
    assert array(primal["x"][0], 1 / 3).dtype is dtype
    # Without anything trained numbers keep their digits.
    assert array(1 / 3, 2).dtype is torch.float64
