"""Rows that certify and are rows of other data: counted in plain loops, refused by name."""

import numpy as np
import pytest
import torch

import cspec
from cspec.runtime.bind.shared_rows import shared_rows
from cspec.runtime.data.dataset import Dataset

SPEC = """data train(x, y), test(x, y)
model f = linear
minimize bce
s.t. few: P[pred == 1] <= 90%
verify few on test with confidence 95%
fit(steps=3)
"""


def table(rows: int, seed: int, levels: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, levels, (rows, 2)) if levels else rng.normal(size=(rows, 2))
    return {"x": x.astype(np.float32), "y": rng.integers(0, 2, rows)}


def dataset(columns: dict[str, np.ndarray]) -> Dataset:
    return Dataset("d", {name: torch.as_tensor(values) for name, values in columns.items()})


def test_shared_rows_are_counted_as_a_loop_does() -> None:
    one, other = table(200, 0), table(300, 1)
    for name in one:
        other[name][40:90] = one[name][10:60]
    both = [
        any((a == b).all() and c == d for b, d in zip(other["x"], other["y"], strict=True))
        for a, c in zip(one["x"], one["y"], strict=True)
    ]
    assert shared_rows(dataset(one), dataset(other)) == sum(both) == 50


def test_rows_that_are_alike_by_chance_do_not_count() -> None:
    assert shared_rows(dataset(table(200, 0, levels=3)), dataset(table(300, 1, levels=3))) == 0
    same = dataset(table(200, 0, levels=3))
    assert shared_rows(same, same) == 200


@pytest.mark.parametrize("kept", [1.0, 0.6])
def test_the_training_data_under_another_name_certify_nothing(kept: float) -> None:
    train, test = table(200, 0), table(200, 1)
    order = np.random.default_rng(2).permutation(200)[: int(200 * kept)]
    for name in train:
        test[name][: len(order)] = train[name][order]
    with pytest.raises(cspec.SpecError) as refused:
        cspec.run(SPEC, train=train, test=test)
    (found,) = refused.value.diagnostics
    assert found.code == "CS410"
    assert found.message == (
        f"`test` can't certify: {len(order)} of its 200 rows are rows of `train`, too"
    )


def test_other_rows_certify() -> None:
    result = cspec.run(SPEC, train=table(200, 0), test=table(200, 1))
    assert result["few"].certificate is not None
