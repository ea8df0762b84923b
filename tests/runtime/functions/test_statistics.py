"""Means with masks and groups, against brute force; NaN never enters a gradient."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from cspec.runtime.functions.pairs import differences, every_sum
from cspec.runtime.functions.shapes import ShapeMismatch
from cspec.runtime.functions.statistics import (
    by_group,
    fraction,
    gap,
    mean,
    quotient,
    ratio,
    standard_error,
    sum_and_count,
    vmax,
    vmin,
)

torch.manual_seed(0)
VALUES = torch.randn(50, dtype=torch.float64)
MASK = torch.rand(50) < 0.3
CODES = torch.randint(0, 4, (50,))
NONE = torch.zeros(50, dtype=torch.bool)


def _gradient_of(function: object, values: Tensor) -> Tensor:
    leaf = values.clone().requires_grad_()
    assert callable(function)
    function(leaf).sum().backward()
    assert leaf.grad is not None
    return leaf.grad


def test_mean_with_and_without_mask() -> None:
    assert mean(VALUES).item() == pytest.approx(sum(VALUES.tolist()) / 50)
    assert mean(VALUES, MASK).item() == pytest.approx(VALUES[MASK].mean().item())
    tokens = torch.randn(50, 3, dtype=torch.float64)
    assert mean(tokens, MASK, tokens=1).item() == pytest.approx(tokens[MASK].mean().item())
    each = torch.rand(50, 3) < 0.5
    assert mean(tokens, each, tokens=1).item() == pytest.approx(tokens[each].mean().item())


def test_several_numbers_an_example_have_no_mean() -> None:
    with pytest.raises(ShapeMismatch, match="one number an example, but the values are 50 by 50"):
        mean(VALUES - VALUES[:, None])
    with pytest.raises(ShapeMismatch, match="50 by 3"):
        fraction(torch.ones(50, 3) > 0)


def test_a_fraction_equals_the_quotient_of_its_counts() -> None:
    event = torch.arange(100) < 70
    assert fraction(event).item() == 0.7
    assert fraction(event, torch.arange(100) < 90).item() == 70 / 90


def test_empty_selection_is_nan_with_zero_gradient() -> None:
    assert math.isnan(mean(VALUES, NONE).item())
    for statistic in (
        lambda v: mean(v, NONE),
        lambda v: by_group(v, CODES, 4, NONE),
        lambda v: gap(by_group(v, CODES, 4, NONE)),
        lambda v: mean(v, NONE).square() * 3,
    ):
        assert _gradient_of(statistic, VALUES).tolist() == [0.0] * 50


def test_values_that_are_left_out_may_be_anything() -> None:
    spoiled = torch.where(MASK, VALUES, torch.full_like(VALUES, math.inf))
    assert mean(spoiled, MASK).item() == pytest.approx(VALUES[MASK].mean().item())
    gradient = _gradient_of(lambda v: mean(v, MASK), spoiled)
    assert torch.allclose(gradient, MASK.double() / MASK.sum())


def test_by_group_is_the_mean_of_each_group() -> None:
    expected = [VALUES[g == CODES].mean().item() for g in range(4)]
    assert by_group(VALUES, CODES, 4).tolist() == pytest.approx(expected)
    expected = [VALUES[(g == CODES) & MASK].mean().item() for g in range(4)]
    assert by_group(VALUES, CODES, 4, MASK).tolist() == pytest.approx(expected, nan_ok=True)
    assert by_group(VALUES, CODES, 5)[4].isnan()
    assert torch.autograd.gradcheck(
        lambda v: by_group(v, CODES, 4, MASK | (CODES == 0)).nan_to_num(),
        (VALUES.clone().requires_grad_(),),
    )


def test_reductions_pass_over_groups_that_were_not_measured() -> None:
    rates = torch.tensor([0.25, math.nan, 0.75, 0.5], dtype=torch.float64)
    assert (vmin(rates).item(), vmax(rates).item()) == (0.25, 0.75)
    assert (gap(rates).item(), ratio(rates).item()) == (0.5, 1 / 3)
    assert _gradient_of(gap, rates).tolist() == [-1, 0, 1, 0]
    nothing = torch.full((3,), math.nan)
    for statistic in (vmin, vmax, gap, ratio):
        assert statistic(nothing).isnan()
        assert _gradient_of(statistic, nothing).tolist() == [0, 0, 0]
    assert ratio(torch.zeros(3)).isnan()
    assert _gradient_of(ratio, torch.zeros(3)).isfinite().all()


def test_a_quotient_of_means_is_not_measured_over_nothing() -> None:
    weights = torch.tensor([0.2, 0.0, 0.6], dtype=torch.float64)
    numbers = torch.tensor([0.1, 0.0, 0.3], dtype=torch.float64)
    found = quotient(numbers, weights)
    assert found.tolist() == pytest.approx([0.5, math.nan, 0.5], nan_ok=True)
    assert quotient(1, weights[2]).item() == pytest.approx(1 / 0.6)
    gradient = _gradient_of(lambda w: quotient(numbers, w), weights)
    assert gradient.tolist() == pytest.approx([-0.1 / 0.04, 0, -0.3 / 0.36])


def test_sums_and_counts_add_up_over_parts() -> None:
    whole = sum_and_count(VALUES, MASK)
    parts = [sum_and_count(VALUES[s], MASK[s]) for s in (slice(0, 17), slice(17, 50))]
    assert sum(p[1].item() for p in parts) == whole[1].item() == MASK.sum().item()
    assert sum(p[0].item() for p in parts) == pytest.approx(whole[0].item())


def test_standard_error() -> None:
    chosen = VALUES[MASK]
    expected = (chosen.std() / len(chosen) ** 0.5).item()
    assert standard_error(VALUES, MASK).item() == pytest.approx(expected)
    assert standard_error(VALUES[:1]).isnan()
    assert not standard_error(VALUES.clone().requires_grad_()).requires_grad


def test_dtype_is_kept_and_masks_must_fit() -> None:
    assert mean(VALUES.float(), MASK).dtype == torch.float32
    assert by_group(VALUES.float(), CODES, 4).dtype == torch.float32
    with pytest.raises(ShapeMismatch, match=r"shape 49 .* shape 50"):
        mean(VALUES, MASK[:49])
    with pytest.raises(ShapeMismatch, match="50 and the groups 49"):
        by_group(VALUES, CODES[:49], 4)


@pytest.mark.parametrize("groups", [(2, 2), (3, 2), (1, 4), (4, 3, 2)])
def test_the_largest_of_every_sum_is_the_sum_of_the_gaps(groups: tuple[int, ...]) -> None:
    rates = [torch.rand(count, dtype=torch.float64) for count in groups]
    pairs = [differences(v) for v in rates]
    found = every_sum(*pairs, 0.25)
    assert found.shape == (math.prod(len(v) for v in pairs),)
    loops = [sum(chosen) + 0.25 for chosen in itertools.product(*(v.tolist() for v in pairs))]
    assert found.tolist() == pytest.approx(loops)
    if min(groups) > 1:
        assert float(found.max()) == pytest.approx(sum(float(gap(v)) for v in rates) + 0.25)
