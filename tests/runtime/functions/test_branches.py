"""Truth of rules."""

import itertools

import pytest
import torch

from cspec.runtime.functions import implies


@pytest.mark.parametrize(("a", "b"), list(itertools.product([False, True], [False, True])))
def test_a_rule_is_false_only_where_its_condition_alone_holds(a: bool, b: bool) -> None:
    assert implies(torch.tensor(a), torch.tensor(b)).item() is (not a or b)
