"""Soft truth agrees with exact truth where it is certain, and has useful slopes."""

import itertools

import pytest
import torch

from cspec.runtime.functions import logic

BITS = [0.0, 1.0]


@pytest.mark.parametrize(("a", "b"), list(itertools.product(BITS, BITS)))
def test_product_logic_is_exact_on_certain_truth(a: float, b: float) -> None:
    ta, tb = torch.tensor(a), torch.tensor(b)
    assert logic.product_and(ta, tb).item() == float(a and b)
    assert logic.product_or(ta, tb).item() == float(a or b)
    assert logic.product_not(ta).item() == float(not a)
    assert logic.product_implies(ta, tb).item() == float(not a or b)
    exact = logic.implies(torch.tensor(bool(a)), torch.tensor(bool(b)))
    assert exact.item() is (not a or bool(b))


@pytest.mark.parametrize(("a", "b"), [(0.2, 0.7), (0.7, 0.2), (0.5, 0.5)])
def test_dl2_is_zero_exactly_where_the_comparison_holds(a: float, b: float) -> None:
    assert (logic.dl2_less_equal(a, b).item() == 0) is (a <= b)
    assert (logic.dl2_less(a, b).item() == 0) is (a < b)
    assert (logic.dl2_equal(a, b).item() == 0) is (a == b)


def test_dl2_rules_from_their_parts() -> None:
    for p, q in itertools.product((0.2, 0.7), (0.2, 0.7)):
        # p > 0.5 => q > 0.5: the negated premise is p <= 0.5.
        loss = logic.dl2_implies(logic.dl2_less_equal(p, 0.5), logic.dl2_less(0.5, q))
        assert (loss.item() == 0) is (not p > 0.5 or q > 0.5)
        both = logic.dl2_and(logic.dl2_less(0.5, p), logic.dl2_less(0.5, q))
        assert (both.item() == 0) is (p > 0.5 and q > 0.5)


def test_soft_comparisons_sharpen_with_temperature() -> None:
    a, b = torch.tensor([0.1, 0.9]), torch.tensor([0.4, 0.4])
    assert logic.soft_less(a, b, 1e-3).tolist() == pytest.approx([1, 0])
    assert logic.soft_less(0.4, 0.4).item() == 0.5
    assert logic.soft_equal(a, a).tolist() == [1, 1]
    assert logic.soft_equal(a, b, 1e-3).tolist() == [0, 0]


def test_event_stand_ins_bound_or_approximate_the_event() -> None:
    margin = torch.linspace(-3, 3, 61, dtype=torch.float64)
    event = (margin > 0).double()
    assert (logic.hinge_event(margin) >= event).all()
    assert (logic.hinge_event(margin, upper=False) <= event).all()
    clear = margin.abs() > 0.01
    assert torch.allclose(logic.ramp_event(margin, 1e-4)[clear], event[clear])
    assert torch.allclose(logic.sigmoid_event(margin, 1e-4)[clear], event[clear])
