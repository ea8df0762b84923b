"""The record of a dataset and what it refuses."""

import math

import pytest
import torch

from cspec.runtime.data import DataError, Dataset, whole_classes


def _data() -> Dataset:
    return Dataset(
        "train", {"x": torch.arange(6.0).reshape(3, 2), "y": torch.tensor([0, 1, 0])}, {"y": (0, 1)}
    )


def test_rows_dtype_and_names() -> None:
    data = _data()
    assert len(data) == 3
    moved = data.to("cpu", torch.float64)
    assert moved["x"].dtype == torch.float64 and moved["y"].dtype == torch.int64
    assert moved.classes == data.classes
    assert data.select([2, 0])["x"].tolist() == [[4, 5], [0, 1]]
    assert data.select(torch.tensor([1])).renamed("one").name == "one"


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({}, "has no columns"),
        ({"x": torch.zeros(0, 2)}, "is empty"),
        ({"x": torch.zeros(3, 2), "y": torch.zeros(2)}, r"different lengths \(x: 3, y: 2\)"),
        ({"x": torch.tensor(1.0)}, "`x` of `train` is a single number"),
        (
            {"x": torch.tensor([[0.0, 1.0], [math.nan, 1.0], [0.0, math.nan]])},
            "column `x` of `train` holds NaN in 2 of 3 rows, first in row 1",
        ),
        ({"c": torch.tensor([1.0, math.inf])}, "infinite numbers in 1 of 2 rows, first in row 1"),
    ],
)
def test_bad_data_is_refused_by_name(columns: dict[str, torch.Tensor], words: str) -> None:
    with pytest.raises(DataError, match=words):
        Dataset("train", columns)


def test_a_missing_column_lists_what_is_there() -> None:
    with pytest.raises(DataError, match="no column `sex`") as caught:
        _data()["sex"]
    assert caught.value.notes == (
        "its columns are: x, y",
        "name one of these, or add it to the data",
    )


def test_whole_numbers_are_classes_only_if_codes_equal_values() -> None:
    assert whole_classes(torch.tensor([2, 0, 1, 1])) == (0, 1, 2)
    for values in ([1, 2], [0, 2], [-1, 0], [0, 5_000_000]):
        assert whole_classes(torch.tensor(values)) is None
    assert whole_classes(torch.tensor([0.0, 1.0])) is None
