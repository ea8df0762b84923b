"""Digests of data and models: the bytes that numpy has, and nothing that changes by itself."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cspec.runtime.data.dataset import Dataset
from cspec.runtime.evidence.digests import data_digest, kind_of, model_digest, tensor_digest

VALUES = {
    "float32": torch.arange(12, dtype=torch.float32).reshape(3, 4) / 7,
    "float64": torch.arange(12, dtype=torch.float64).reshape(3, 2, 2) / 7,
    "int64": torch.tensor([3, -1, 2]),
    "bool": torch.tensor([True, False, True]),
    "nothing": torch.zeros(0, 3),
    "not in a row": torch.arange(12, dtype=torch.float32).reshape(3, 4).T,
    "every second": torch.arange(12, dtype=torch.float32)[::2],
}


@pytest.mark.parametrize("name", VALUES)
def test_it_is_the_digest_of_the_bytes_row_by_row(name: str) -> None:
    value = VALUES[name]
    content = np.ascontiguousarray(value.numpy()).tobytes()
    assert tensor_digest(value) == hashlib.sha256(kind_of(value).encode() + content).hexdigest()


def test_half_and_complex_numbers_have_one_too() -> None:
    half, number = torch.ones(3, dtype=torch.bfloat16), torch.tensor([1 + 2j, 3 - 1j])
    assert tensor_digest(half) != tensor_digest(half.half())
    assert tensor_digest(number) != tensor_digest(number.conj().resolve_conj())


@pytest.mark.parametrize(
    "other",
    [
        VALUES["float32"].clone().index_put_((torch.tensor(1), torch.tensor(2)), torch.tensor(9.0)),
        VALUES["float32"].flip(0),
        VALUES["float32"].double(),
        VALUES["float32"].reshape(4, 3),
        VALUES["float32"].reshape(-1),
        VALUES["float32"].view(torch.int32),
    ],
)
def test_a_value_the_order_the_type_and_the_shape_count(other: Tensor) -> None:
    assert tensor_digest(other) != tensor_digest(VALUES["float32"])


def dataset(**classes: tuple[str, ...]) -> Dataset:
    return Dataset("train", {"x": VALUES["float32"], "y": torch.tensor([0, 1, 0])}, classes)


def test_what_codes_stand_for_counts() -> None:
    plain, named = data_digest(dataset()), data_digest(dataset(y=("no", "yes")))
    turned = data_digest(dataset(y=("yes", "no")))
    assert plain.rows == 3 and plain.streamed == ""
    assert plain.columns["x"] == named.columns["x"] == turned.columns["x"]
    assert len({d.columns["y"].sha256 for d in (plain, named, turned)}) == 3


def test_names_of_datasets_and_where_they_came_from_do_not_count() -> None:
    other = replace(dataset(), name="val", provenance="elsewhere", feature_names=("a",) * 4)
    assert data_digest(other) == data_digest(dataset())


def test_layers_count_and_neither_weights_nor_addresses_do() -> None:
    class Held(nn.Linear):
        def extra_repr(self) -> str:
            return f"{super().extra_repr()}, {object()!r}"

    assert model_digest(Held(3, 2)) == model_digest(Held(3, 2))
    assert model_digest(nn.Linear(3, 2)).tensors == {
        "weight": "float32 (2, 3)",
        "bias": "float32 (2,)",
    }
    assert model_digest(nn.Dropout(0.1)) != model_digest(nn.Dropout(0.2))
