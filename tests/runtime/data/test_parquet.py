"""Parquet files and columns of pyarrow are read as the same table in text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from cspec.runtime.data.columns import column
from cspec.runtime.data.errors import DataError
from cspec.runtime.data.tables import csv, parquet

pa = pytest.importorskip("pyarrow")


def table(folder: Path) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({
        "age": draw.integers(18, 80, 30),
        "job": draw.choice(["cook", "clerk"], 30),
        "sex": draw.choice(["F", "M"], 30),
        "high": draw.choice(["yes", "no"], 30),
    })  # fmt: skip
    frame.to_csv(folder / "a.csv", index=False)
    frame.to_parquet(folder / "a.parquet")
    return frame


def test_a_parquet_file_is_the_table_in_text(tmp_path: Path) -> None:
    table(tmp_path)
    settings = {"target": "high", "columns": ("x", "y", "sex"), "split": [0.5, 0.5]}
    text = csv(str(tmp_path / "a.csv"), **settings)
    found = parquet(str(tmp_path / "a.parquet"), **settings)
    assert found.keys() == text.keys()
    for name, part in found.items():
        assert part.classes == text[name].classes
        for column_name, values in part.columns.items():
            torch.testing.assert_close(values, text[name].columns[column_name])


def test_missing_rows_and_files_that_are_none(tmp_path: Path) -> None:
    frame = table(tmp_path)
    frame.loc[3, "sex"] = None
    frame.to_parquet(tmp_path / "b.parquet")
    named = {"target": "high", "columns": ("x", "y", "sex")}
    with pytest.raises(DataError, match=r"`sex` of `b.parquet` has no value in 1 of 30 rows"):
        parquet(str(tmp_path / "b.parquet"), **named)
    left = parquet(str(tmp_path / "b.parquet"), **named, missing="drop")["train"]
    assert len(left) == 29
    with pytest.raises(DataError, match="is no Parquet file"):
        parquet(str(tmp_path / "a.csv"), **named)


def test_columns_of_pyarrow() -> None:
    texts, classes = column(pa.chunked_array([["b", "a"], ["b"]]), "g", "train")
    assert (texts.tolist(), classes) == ([1, 0, 1], ("a", "b"))
    numbers, _ = column(pa.array([1.5, 2.5]), "v", "train")
    assert numbers.tolist() == [1.5, 2.5]
    with pytest.raises(DataError, match="missing"):
        column(pa.array(["a", None]), "v", "train")
