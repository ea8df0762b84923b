"""Elementary functions take numbers and tensors alike, with the slopes of their formulas."""

import math

import pytest
import torch

from cspec.runtime.functions import FUNCTIONS

PLAIN = {
    "exp": math.exp,
    "expm1": math.expm1,
    "log": math.log,
    "log1p": math.log1p,
    "sqrt": math.sqrt,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "arcsin": math.asin,
    "arccos": math.acos,
    "arctan": math.atan,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "softplus": lambda x: math.log1p(math.exp(x)),
    "relu": lambda x: max(x, 0.0),
    "erf": math.erf,
    "abs": abs,
    "sign": lambda x: math.copysign(1.0, x),
}


@pytest.mark.parametrize("name", PLAIN)
def test_value_and_slope(name: str) -> None:
    function = FUNCTIONS[name]
    for x in (0.3, 0.75):
        assert function(x).item() == pytest.approx(PLAIN[name](x), abs=1e-14)
        assert function(torch.tensor([x])).dtype == torch.float32
    leaf = torch.tensor([0.3, 0.75], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(function, (leaf,))


def test_softplus_is_exact_far_from_zero() -> None:
    assert FUNCTIONS["softplus"](22.0).item() == pytest.approx(22 + math.exp(-22), abs=1e-14)
    assert FUNCTIONS["softplus"](-800.0).item() == 0.0
    assert FUNCTIONS["softplus"](800.0).item() == 800.0


def test_max_and_min_reduce_one_operand_and_compare_several() -> None:
    v = torch.tensor([3.0, math.nan, 1.0])
    assert FUNCTIONS["max"](v).item() == 3 and FUNCTIONS["min"](v).item() == 1
    u = torch.tensor([0.5, 2.0, -1.0])
    assert FUNCTIONS["max"](u, 0).tolist() == [0.5, 2.0, 0.0]
    assert FUNCTIONS["min"](u, 1, torch.tensor([0.0, 5.0, 5.0])).tolist() == [0.0, 1.0, -1.0]
    assert FUNCTIONS["max"](2, 3).item() == 3
    assert FUNCTIONS["max"](u, 0).dtype == torch.float32


def test_power_takes_numbers_on_either_side() -> None:
    u = torch.tensor([-2.0, 3.0])
    assert FUNCTIONS["pow"](u, 2).tolist() == pytest.approx([4.0, 9.0])
    assert FUNCTIONS["pow"](2, torch.tensor([3.0])).tolist() == pytest.approx([8.0])
    assert FUNCTIONS["pow"](2, 0.5).item() == pytest.approx(math.sqrt(2), abs=1e-15)
    leaf = torch.zeros(1, requires_grad=True)
    FUNCTIONS["pow"](leaf, 2).backward()
    assert leaf.grad is not None and leaf.grad.item() == 0.0


def test_in_units_is_the_same_in_any_units_and_its_mean_has_no_slope() -> None:
    x = torch.tensor([1.0, -3.0, 5.0, math.nan], dtype=torch.float64, requires_grad=True)
    in_units = FUNCTIONS["in_units"]
    found = in_units(x)
    assert found[:3].tolist() == pytest.approx([4 / 3, -4.0, 20 / 3])
    assert torch.equal(in_units(1024 * x)[:3], found[:3])
    (slope,) = torch.autograd.grad(found[:3].sum(), [x])
    assert slope[:3].tolist() == pytest.approx([4 / 3] * 3)
    assert in_units(torch.zeros(3)).tolist() == [0, 0, 0]
