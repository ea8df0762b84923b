"""Values that examples have, against plain loops."""

from __future__ import annotations

import pytest
import torch

from cspec.runtime.functions.examples import (
    as_number,
    entry,
    group_index,
    own_entry,
    per_example,
    recoded,
    side_by_side,
    spread,
)
from cspec.runtime.functions.reductions import (
    example_all,
    example_any,
    example_max,
    example_min,
    example_sum,
)
from cspec.runtime.functions.shapes import ShapeMismatch

Z = torch.randn(6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_one_number_an_example_has_one_form() -> None:
    assert per_example(Z[:, :1]).shape == (6,)
    assert per_example(Z[:, 0]).shape == (6,) and per_example(Z) is Z
    assert per_example((1, 2)) == (1, 2)


def test_an_output_by_its_number() -> None:
    assert torch.equal(entry(Z, 2), Z[:, 2]) and torch.equal(entry(Z[:, 0], 0), Z[:, 0])
    assert torch.equal(entry((Z, Z[:, :1]), 1), Z[:, 0])
    assert torch.equal(entry({"a": Z[:, 1]}, 0), Z[:, 1])
    with pytest.raises(ShapeMismatch, match=r"output 1 .* an example has 1"):
        entry(Z[:, 0], 1)


def test_each_example_names_its_own_entry() -> None:
    places = torch.tensor([3, 0, 1, 1, 2, 0])
    assert own_entry(Z, places).tolist() == [Z[i, k].item() for i, k in enumerate(places)]
    tokens = torch.stack([Z, -Z])  # 2 examples, 6 tokens, 4 entries
    each = torch.stack([places, places])
    assert torch.equal(own_entry(tokens, each)[1], -own_entry(Z, places))
    with pytest.raises(ShapeMismatch, match="6 by 4 and the places 5"):
        own_entry(Z, places[:5])
    with pytest.raises(ShapeMismatch):
        own_entry(Z[:, 0], places)


def test_what_is_the_same_for_all_is_spread() -> None:
    assert spread(2.5, Z).tolist() == [2.5] * 6 and spread(True, Z).dtype == torch.bool
    assert spread(torch.tensor(1.0, requires_grad=True), Z).sum().requires_grad


def test_events_count_exactly() -> None:
    assert as_number(Z > 0).dtype == torch.float64 and as_number(Z) is Z
    half = as_number(torch.tensor([True, False])) / 2 + as_number(torch.tensor([3, 1])) / 10
    assert half.tolist() == [0.5 + 0.3, 0.1]


def test_codes_stand_for_other_codes_or_numbers() -> None:
    codes = torch.tensor([0, 2, 1, 2])
    assert recoded(codes, (1, -1, 0)).tolist() == [1, 0, -1, 0]
    assert recoded(codes, (1.5, 2.0, 7.0)).tolist() == [1.5, 7.0, 2.0, 7.0]
    assert recoded(codes > 0, (10, 20)).tolist() == [10, 20, 20, 20]


def test_groups_are_numbered_by_what_their_columns_hold() -> None:
    a, b = torch.tensor([1, 5, 2, 5, 9]), torch.tensor([0, 1, 0, 0, 1])
    assert group_index((a,), ((1,), (2,), (5,))).tolist() == [0, 2, 1, 2, -1]
    groups = ((1, 0), (5, 1), (9, 1))
    found = group_index((a, b), groups).tolist()
    pairs = zip(a.tolist(), b.tolist(), strict=True)
    assert found == [groups.index(p) if p in groups else -1 for p in pairs]


def test_vectors_of_each_example() -> None:
    made = side_by_side(Z[:, 0], 2.0, Z[:, 1])
    assert made.shape == (6, 3) and made[4].tolist() == [Z[4, 0].item(), 2.0, Z[4, 1].item()]


@pytest.mark.parametrize(
    ("reduction", "plain"),
    [(example_max, max), (example_min, min), (example_sum, sum), (example_all, all),
     (example_any, any)],
)  # fmt: skip
def test_reductions_stay_within_an_example(reduction, plain) -> None:
    events = reduction in (example_all, example_any)
    values = Z > -0.3 if events else Z
    assert reduction(values).tolist() == pytest.approx([plain(row) for row in values.tolist()])
    assert reduction(values[:, 0]).tolist() == values[:, 0].tolist()
    tokens = values.reshape(2, 3, 4)
    each = [[plain(token) for token in example] for example in tokens.tolist()]
    assert reduction(tokens, tokens=1).tolist() == [pytest.approx(example) for example in each]
    whole = [plain(v for token in example for v in token) for example in tokens.tolist()]
    assert reduction(tokens).tolist() == pytest.approx(whole)
