"""Columns as Python code has them: each is read right or refused by name, and left as it was."""

from __future__ import annotations

import datetime
import decimal
import fractions
from collections import namedtuple
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch
from torch.utils.data import DataLoader, Subset, TensorDataset
from torch.utils.data import Dataset as TorchDataset

from cspec.runtime.data import DataError, as_dataset
from cspec.runtime.data.columns import column

pd = pytest.importorskip("pandas")

X = np.arange(12.0).reshape(4, 3) - 4.5
Y = np.array([0, 2, 1, 2])
TEXT = np.array(["b", "a", "b", "c"])


def numbers(values: Any) -> list[Any]:
    return as_dataset({"c": values}, "d", ["c"])["c"].tolist()


FLOATS = {
    "float32": X.astype("f"),
    "longdouble": X.astype(np.longdouble),
    "big endian": X.astype(">f8"),
    "fortran": np.asfortranarray(X),
    "strided": np.repeat(X, 2, axis=0)[::2],
    "reversed": X[::-1].copy()[::-1],
    "read only": np.broadcast_to(X, (4, 3)),
    "objects": X.astype(object),
    "lists": X.tolist(),
    "lists of numpy": [[np.float32(v) for v in row] for row in X],
    "tuples in a list": [tuple(row) for row in X],
    "arrays in a list": list(X),
    "arrays as objects": np.array([*X, None], dtype=object)[:4],
    "tensors in a list": [torch.tensor(row) for row in X],
    "decimals": [[decimal.Decimal(str(v)) for v in row] for row in X],
    "fractions": [[fractions.Fraction(v) for v in row] for row in X],
    "transposed tensor": torch.tensor(X.T.copy()).T,
    "requires_grad": torch.tensor(X, requires_grad=True),
    "unmasked": np.ma.masked_array(X, np.zeros_like(X, dtype=bool)),
    "frame": pd.DataFrame(X, columns=list("abc")),
    "nullable frame": pd.DataFrame(X, columns=list("abc")).convert_dtypes(),
}


@pytest.mark.parametrize("form", FLOATS)
def test_numbers_keep_their_values(form: str) -> None:
    before = repr(FLOATS[form])
    data = as_dataset({"c": FLOATS[form]}, "d", ["c"])
    assert data["c"].tolist() == pytest.approx(X) and not data["c"].requires_grad
    assert repr(FLOATS[form]) == before


WHOLE = {
    **{kind: Y.astype(kind) for kind in ("int8", "uint8", "int16", "uint16", "uint32", "uint64")},
    "torch int8": torch.tensor(Y, dtype=torch.int8),
    "torch uint8": torch.tensor(Y, dtype=torch.uint8),
    "numpy scalars": [np.int16(v) for v in Y],
    "tensors": [torch.tensor(v) for v in Y],
    "objects": Y.astype(object),
    "series": pd.Series(Y, index=[9, 8, 7, 6]),
    "nullable": pd.array(Y, dtype="Int64"),
    "categorical": pd.Categorical(Y),
    "memory": memoryview(Y.astype("i4")),
    "index": pd.Index(Y),
}


@pytest.mark.parametrize("form", WHOLE)
def test_whole_numbers_keep_their_values(form: str) -> None:
    data = as_dataset({"c": WHOLE[form]}, "d", ["c"])
    assert data["c"].tolist() == Y.tolist() and data["c"].dtype is torch.int64
    assert data.classes == {"c": (0, 1, 2)}


def test_ranges_and_truth_values() -> None:
    assert numbers(range(3)) == [0, 1, 2]
    for flags in ([True, False], np.array([True, False]), pd.array([True, False], dtype="boolean")):
        data = as_dataset({"c": flags}, "d", ["c"])
        assert data["c"].tolist() == [1, 0] and data.classes == {"c": (False, True)}
    assert numbers(np.array([[True, False]])) == [[1, 0]]
    assert numbers(np.array([True, False], dtype=object)) == [1, 0]


WORDS = {
    "array": TEXT,
    "list": TEXT.tolist(),
    "bytes": TEXT.astype("S"),
    "objects": TEXT.astype(object),
    "series": pd.Series(TEXT),
    "string": pd.array(TEXT, dtype="string"),
    "categorical": pd.Categorical(TEXT, categories=["z", "c", "b", "a"]),
}


@pytest.mark.parametrize("form", WORDS)
def test_text_becomes_codes_in_sorted_order(form: str) -> None:
    data = as_dataset({"c": WORDS[form]}, "d", ["c"])
    assert data["c"].tolist() == [1, 0, 1, 2] and data.classes == {"c": ("a", "b", "c")}


DAY = datetime.date(2020, 1, 1)
REFUSED = [
    ("complex", X.astype(complex), "complex numbers"),
    ("torch complex", torch.tensor(X).to(torch.complex64), "complex numbers"),
    ("mixed", [1, "a"], "mixes values of different kinds (int, str)"),
    ("mixed objects", np.array([1, "a"], dtype=object), "mixes values of different kinds"),
    ("none", [1, None], "missing values"),
    ("nan text", np.array(["a", np.nan], dtype=object), "missing values"),
    ("masked", np.ma.masked_array(X, X > 2), "missing values"),
    ("nullable text", pd.array(["a", None], dtype="string"), "missing values"),
    ("categorical", pd.Categorical(["a", None]), "missing values"),
    ("nan", [1.0, float("nan")], "holds NaN in 1 of 2 rows, first in row 1"),
    ("nullable", pd.array([1, None], dtype="Int64"), "holds NaN in 1 of 2 rows"),
    ("dates", np.array(["2020-01-01"], dtype="datetime64[D]"), "holds dates"),
    ("date objects", [DAY, DAY], "holds dates"),
    ("time zones", pd.Series(pd.date_range("2020", periods=2, tz="UTC")), "holds dates"),
    ("durations", np.arange(2).astype("timedelta64[s]"), "lengths of time"),
    ("ragged", [[1.0], [1.0, 2.0]], "rows of column `c` of `d` have different shapes"),
    ("ragged arrays", np.array([np.ones(1), np.ones(2)], dtype=object), "different shapes"),
    ("ragged tensors", [torch.ones(1), torch.ones(2)], "different shapes"),
    ("sparse", scipy.sparse.csr_matrix(X), "is sparse"),
    ("sparse tensor", torch.tensor(X).to_sparse(), "sparse or nested tensor"),
    ("too large", [2**70], "beyond 64 bits"),
    ("uint64", np.array([2**64 - 1], dtype="uint64"), "beyond 64 bits"),
    ("text alone", "abc", "is text, not one value a row"),
    ("set", {1, 2}, "is a set, not one value a row"),
    ("generator", (v for v in (1, 2)), "is a generator, not one value a row"),
    ("number", 3, "is a single number"),
    ("nothing", None, "missing values"),
    ("mappings", [{"a": 1}, {"a": 2}], "mixes values of different kinds (dict)"),
]


@pytest.mark.parametrize(("values", "words"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_what_has_no_one_meaning_is_refused(values: Any, words: str) -> None:
    with pytest.raises(DataError) as caught:
        as_dataset({"c": values}, "d", ["c"])
    assert words in caught.value.message


# --- Several columns -----------------------------------------------------------------------------


FRAME = pd.DataFrame(X, columns=list("abc"))
PAIRS = {
    "frame and series": (FRAME, pd.Series(Y)),
    "frame and list": (FRAME, Y.tolist()),
    "another index": (FRAME.set_index(pd.Index([9, 8, 7, 6])), pd.Series(Y)),
    "mapping": {"x": FRAME, "y": pd.Series(Y)},
    "one frame": FRAME.assign(y=Y),
}


@pytest.mark.parametrize("form", PAIRS)
def test_frames_keep_the_names_of_their_columns(form: str) -> None:
    data = as_dataset(PAIRS[form], "d")
    assert data["x"].tolist() == X.tolist() and data["y"].tolist() == Y.tolist()
    assert data.feature_names == ("a", "b", "c")


def test_other_tables() -> None:
    fields = np.rec.fromarrays([X[:, 0], Y], names="x,y")
    assert as_dataset(fields, "d")["x"].tolist() == X[:, 0].tolist()

    class Table:
        def to_pandas(self) -> Any:
            return FRAME.assign(y=Y)

    assert as_dataset(Table(), "d").feature_names == ("a", "b", "c")
    with pytest.raises(DataError, match="no column `x`"):
        as_dataset({0: X, 1: Y}, "d")
    with pytest.raises(DataError, match="input column `when` of `d` holds dates"):
        as_dataset(FRAME.assign(when=DAY, y=Y).astype({"when": "datetime64[ns]"}), "d")


class Items(TorchDataset[Any]):
    def __init__(self, item: Any, count: int = 4) -> None:
        self.item, self.count = item, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        return self.item(index)


T = torch.tensor(X)
Pair = namedtuple("Pair", "x y")
Turned = namedtuple("Turned", "y id x")
Other = namedtuple("Other", "x label")
EXAMPLES = {
    "tuples": lambda i: (T[i], int(Y[i])),
    "mappings": lambda i: {"x": X[i], "y": Y[i], "id": i},
    "named tuples": lambda i: Pair(T[i], Y[i]),
    "named tuples in another order": lambda i: Turned(Y[i], i, T[i]),
    "named tuples by place": lambda i: Other(T[i], Y[i]),
    "lists": lambda i: [X[i].tolist(), int(Y[i])],
    "0-dim tensors": lambda i: (T[i], torch.tensor(Y[i])),
}


@pytest.mark.parametrize("form", EXAMPLES)
def test_examples_of_a_dataset_or_a_list(form: str) -> None:
    item = EXAMPLES[form]
    examples = [item(i) for i in range(4)]
    sources = [Items(item), Subset(Items(item), range(4)), examples, (e for e in examples)]
    if form == "tuples":
        sources += [tuple(examples), zip(T, Y.tolist(), strict=True)]
    for source in sources:
        data = as_dataset(source, "d")
        assert data["x"].tolist() == X.tolist() and data["y"].tolist() == Y.tolist()
        assert data.stream is None and data.items is None


def test_a_tensor_dataset_that_transforms_is_read_by_its_items() -> None:
    class Doubled(TensorDataset):
        def __getitem__(self, index: Any) -> Any:
            x, y = super().__getitem__(index)
            return 2 * x, y

    assert as_dataset(Doubled(T, torch.tensor(Y)), "d")["x"].tolist() == (2 * X).tolist()


WRONG = {
    "ragged": (lambda i: (torch.ones(i + 1), 0), "different shapes"),
    "ragged arrays": (lambda i: (np.ones(i + 1), 0), "different shapes"),
    "missing": (lambda i: (T[i], None), "missing values"),
    "raises": (lambda i: 1 / 0, "reading `d` raised ZeroDivisionError"),
    "one value": (lambda i: T[i], "yields a Tensor instead of a tuple or mapping"),
    "three": (lambda i: (T[i], 0, 0), "declares the columns x, y, but 3 were given"),
    "nested": (lambda i: ({"a": T[i]}, 0), "mixes values of different kinds (dict)"),
    "nan": (lambda i: (T[i] * float("nan"), 0), "holds NaN in 4 of 4 rows"),
}


@pytest.mark.parametrize("form", WRONG)
def test_examples_that_make_no_data_are_refused(form: str) -> None:
    item, words = WRONG[form]
    for source in (Items(item), DataLoader(Items(item), batch_size=2)):
        with pytest.raises(DataError) as caught:
            as_dataset(source, "d")
        if form not in ("one value", "nested", "missing") or source.__class__ is Items:
            assert words in caught.value.message


def test_datasets_without_examples_or_length() -> None:
    class NoLength(TorchDataset[Any]):
        def __getitem__(self, index: int) -> Any:
            return T[index], 0

    with pytest.raises(DataError, match="is empty"):
        as_dataset(Items(lambda i: (T[i], 0), 0), "d")
    with pytest.raises(DataError, match="without a length"):
        as_dataset(NoLength(), "d")
    with pytest.raises(DataError, match="`drop_last` leaves none of its 4 examples"):
        as_dataset(DataLoader(Items(lambda i: (T[i], 0)), batch_size=9, drop_last=True), "d")


def test_half_precision_is_told() -> None:
    for values in (X.astype("f2"), T.half(), T.bfloat16()):
        data = as_dataset({"c": values}, "d", ["c"])
        assert data["c"].dtype is torch.float32
        (note,) = data.notes
        assert "float16" in note and "held in float32" in note


def test_one_value_an_example_may_have_a_row_of_its_own() -> None:
    texts = np.array(["b", "a", "b"])
    flat, classes = column(texts, "s", "train")
    for rows in (texts[:, None], texts[:, None].astype(object), [["b"], ["a"], ["b"]]):
        found, same = column(rows, "s", "train")
        assert torch.equal(found, flat) and same == classes
    flags, values = column(np.array([[True], [False]]), "q", "train")
    assert flags.tolist() == [[1], [0]] and values == (False, True)


def test_named_tuples_of_columns_and_of_batches_are_read_by_name() -> None:
    examples = [Turned(Y[i], i, T[i]) for i in range(len(Y))]
    for source in (Turned(Y, Y, T), DataLoader(examples, batch_size=2)):
        data = as_dataset(source, "d")
        assert data["x"].tolist() == X.tolist() and data["y"].tolist() == Y.tolist()
    with pytest.raises(DataError, match="no column `x`"):
        as_dataset(namedtuple("Lacks", "y id")(Y, Y), "d")
