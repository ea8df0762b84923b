"""Everything that Python code may bind as data becomes the same record."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import (
    DataLoader,
    IterableDataset,
    SubsetRandomSampler,
    TensorDataset,
)
from torch.utils.data import Dataset as TorchDataset

from cspec.runtime.data import DataError, Dataset, as_dataset

X = torch.arange(20.0).reshape(10, 2)
Y = torch.arange(10) % 3


class Pairs(TorchDataset[tuple[Tensor, int]]):
    def __len__(self) -> int:
        return 10

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        return X[i], int(Y[i])


class Records(TorchDataset[dict[str, Any]]):
    def __len__(self) -> int:
        return 10

    def __getitem__(self, i: int) -> dict[str, Any]:
        return {"x": X[i], "y": Y[i], "sex": "FM"[i % 2]}


class Stream(IterableDataset[tuple[Tensor, Tensor]]):
    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        yield from zip(X, Y, strict=True)


def _forms() -> dict[str, Any]:
    return {
        "record": Dataset("other", {"x": X, "y": Y}),
        "tensors": (X, Y),
        "arrays": (X.numpy().astype(np.float64), Y.numpy().astype(np.int32)),
        "mapping": {"y": Y.tolist(), "x": X.tolist(), "more": [0] * 10},
        "tensor dataset": TensorDataset(X, Y),
        "map-style": Pairs(),
        "shuffling loader": DataLoader(Pairs(), batch_size=3, shuffle=True, drop_last=True),
        "loader": DataLoader(TensorDataset(X, Y), batch_size=4),
        "stream": DataLoader(Stream(), batch_size=4),
        "list of batches": [(X[:4], Y[:4]), (X[4:], Y[4:])],
        "generator": ({"x": X[i : i + 5], "y": Y[i : i + 5]} for i in (0, 5)),
    }


@pytest.mark.parametrize("form", _forms())
def test_every_form_gives_the_same_record(form: str) -> None:
    state = torch.get_rng_state()
    data = as_dataset(_forms()[form], "train", ["x", "y"])
    assert data.name == "train"
    assert torch.equal(data["x"], X) and data["x"].dtype in (torch.float32, torch.float64)
    assert torch.equal(data["y"], Y) and data["y"].dtype == torch.int64
    if form in ("tensors", "mapping"):
        assert torch.equal(state, torch.get_rng_state())
        assert data.classes == {"y": (0, 1, 2)}


class Named(NamedTuple):
    y: Any
    w: Any
    x: Any


@pytest.mark.parametrize(
    "given",
    [
        Named(Y, Y + 5, X),
        [Named(*row) for row in zip(Y, Y + 5, X, strict=True)],
        [Named(Y[:4], Y[:4] + 5, X[:4]), Named(Y[4:], Y[4:] + 5, X[4:])],
        iter([Named(Y, Y + 5, X)]),
        DataLoader([Named(*row) for row in zip(Y, Y + 5, X, strict=True)], batch_size=4),
    ],
)
def test_named_tuples_are_read_by_their_names(given: Any) -> None:
    data = as_dataset(given, "train", ["x", "w", "y"])
    assert torch.equal(data["x"], X) and torch.equal(data["y"], Y)
    assert torch.equal(data["w"], Y + 5)
    if data.stream is not None:
        batch = data.stream.read(next(data.stream.pass_over()))
        assert torch.equal(batch["w"], batch["y"] + 5)


def test_named_tuples_of_other_names_are_read_in_order() -> None:
    class Pair(NamedTuple):
        x: Any
        label: Any

    rows = [Pair(*row) for row in zip(X, Y, strict=True)]
    data = as_dataset(rows, "train", ["x", "y"])
    assert torch.equal(data["x"], X) and torch.equal(data["y"], Y)
    with pytest.raises(DataError, match="no column `y`\nits columns are: x, label"):
        as_dataset(rows, "train", ["y", "x"])


def test_text_and_truth_values_become_codes() -> None:
    data = as_dataset(Records(), "train", ["x", "y", "sex"])
    assert data.classes["sex"] == ("F", "M") and data["sex"][:3].tolist() == [0, 1, 0]
    flags = as_dataset({"f": torch.tensor([True, False]), "g": [True, False]}, "d", ["f", "g"])
    assert flags.classes == {"f": (False, True), "g": (False, True)}
    assert flags["f"].tolist() == flags["g"].tolist() == [1, 0]


def test_a_sampler_that_selects_is_respected() -> None:
    loader = DataLoader(Pairs(), batch_size=2, sampler=SubsetRandomSampler([1, 3, 5]))
    data = as_dataset(loader, "train", ["x", "y"])
    assert sorted(data["x"][:, 0].tolist()) == [2.0, 6.0, 10.0]


def test_frames() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3, 4], "sex": ["M", "F"], "y": [0, 1]})
    data = as_dataset(frame, "train", ["x", "y", "sex"])
    assert data["x"].tolist() == [[1, 3], [2, 4]]
    assert data["sex"].tolist() == [1, 0] and data.classes["sex"] == ("F", "M")
    assert data.feature_names == ("a", "b")
    with pytest.raises(DataError, match="input column `sex` of `train` holds text"):
        as_dataset(frame, "train", ["x", "y"])
    with pytest.raises(DataError, match="no column `z`\nits columns are: a, b, sex, y"):
        as_dataset(frame, "train", ["a", "z"])
    holes = pd.DataFrame({"x": [1.0, None], "s": ["a", None]})
    with pytest.raises(DataError, match="column `x` of `d` holds NaN in 1 of 2 rows"):
        as_dataset(holes[["x"]], "d", ["x"])
    with pytest.raises(DataError, match="column `s` of `d` has missing values"):
        as_dataset(holes, "d", ["s"])


def test_columns_of_a_frame_have_names_of_their_own() -> None:
    pd = pytest.importorskip("pandas")
    twice = pd.DataFrame(X.numpy(), columns=["q", "q"])
    for given in (twice.assign(y=Y.numpy()), (twice, Y), {"x": twice, "y": Y}):
        with pytest.raises(DataError, match="several columns of `d` are called `q`"):
            as_dataset(given, "d", ["x", "y"])
    with pytest.raises(DataError, match="several columns of `d` are called `1`"):
        as_dataset(pd.DataFrame(X.numpy(), columns=[1, "1"]).assign(y=0), "d", ["x", "y"])


def test_a_column_x_beside_others_asks_which_are_inputs() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X.numpy(), columns=["x", "q"]).assign(y=Y.numpy())
    with pytest.raises(DataError, match=r"two readings: .* beside `q`\n") as caught:
        as_dataset(frame, "d", ["x", "y"])
    assert "frame[['x', 'y']]" in str(caught.value)
    assert as_dataset(frame[["x", "y"]], "d", ["x", "y"])["x"].tolist() == X[:, 0].tolist()
    both = as_dataset(frame.rename(columns={"x": "x0"}), "d", ["x", "y"])
    assert torch.equal(both["x"].float(), X)
    assert torch.equal(as_dataset(frame, "d", ["q", "y"])["q"].float(), X[:, 1])
    whole = pd.DataFrame({"x": list(X.numpy()), "y": Y.numpy(), "id": range(10)})
    assert torch.equal(as_dataset(whole, "d", ["x", "y"])["x"], X)


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        ({"x": X}, "no column `y`\nits columns are: x"),
        (Dataset("d", {"x": X}), "no column `y`\nits columns are: x"),
        ((X, Y, Y), "declares the columns x, y, but 3 were given"),
        (TensorDataset(X), "but 1 were given"),
        ((X, Y[:5]), r"different lengths \(x: 10, y: 5\)"),
        ((X[:0], Y[:0]), "is empty"),
        ([], "is empty: it yields no batch"),
        (7, "bound to 7, which is no data"),
        ("adult.csv", "bound to 'adult.csv', which is no data"),
        ([X, X], "yields a Tensor instead of a tuple or mapping"),
        ((torch.full((2, 2), torch.nan), Y[:2]), "column `x` of `train` holds NaN"),
        ((np.array([["a", "b"], ["b", "a"]]), Y[:2]), "`x` of `train` holds text in 2 dimensions"),
    ],
)
def test_what_is_no_data_is_refused_by_name(obj: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        as_dataset(obj, "train", ["x", "y"])


def test_gradients_and_devices_are_left_behind() -> None:
    data = as_dataset((X.clone().requires_grad_(), Y), "train", ["x", "y"])
    assert not data["x"].requires_grad


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (torch.float64, torch.float64),
        (torch.float32, torch.float32),
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
    ],
)
def test_numbers_keep_their_digits_until_the_run_rounds_them(
    given: torch.dtype, kept: torch.dtype
) -> None:
    third = torch.full((4, 1), 1 / 3, dtype=given)
    data = as_dataset({"x": third, "y": third}, "D")
    assert data["x"].dtype is kept and torch.equal(data["x"], third.to(kept))


def test_what_scikit_learn_loads_is_inputs_and_targets() -> None:
    from sklearn.datasets import load_wine

    for framed in (False, True):
        bunch = load_wine(as_frame=framed)
        found = as_dataset(bunch, "train")
        assert found["x"].tolist() == np.asarray(bunch["data"]).tolist()
        assert found["y"].tolist() == list(bunch["target"])
        assert found.feature_names == tuple(bunch["feature_names"])
