"""Tables: codes, one-hot features, standardization, and messages that name lines."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cspec.runtime.data import DataError, Dataset, load

ROWS = """age,job,sex,risk,income
20,clerk,F,1,low
30,baker,M,0,high
40,clerk,M,2,low
50,cook,F,0,high
60,clerk,F,1,low
"""


def _read(path: Path, text: str = ROWS, columns: Any = ("x", "y"), **settings: Any) -> Dataset:
    file = path / "people.csv"
    file.write_text(text)
    options = {"target": "income", "split": [1.0], **settings}
    return load("csv", ["train"], columns, path=str(file), **options)["train"]


def _by_age(data: Dataset) -> torch.Tensor:
    return data["x"][:, 0].argsort()


def test_numbers_are_standardized_and_texts_become_zeros_and_ones(tmp_path: Path) -> None:
    data = _read(tmp_path)
    names = ("age", "job=baker", "job=clerk", "job=cook", "sex=F", "sex=M", "risk")
    assert data.feature_names == names
    rows = data["x"][_by_age(data)]
    ages = np.array([20, 30, 40, 50, 60])
    expected = (ages - ages.mean()) / ages.std()
    assert rows[:, 0].tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    assert rows[:, 1:6].tolist() == [
        [0, 1, 0, 1, 0],
        [1, 0, 0, 0, 1],
        [0, 1, 0, 0, 1],
        [0, 0, 1, 1, 0],
        [0, 1, 0, 1, 0],
    ]
    assert data["y"][_by_age(data)].tolist() == [1, 0, 1, 0, 1]
    assert data.classes["y"] == ("high", "low")
    assert "0 is 'high', 1 is 'low'" in data.provenance


def test_only_the_first_part_gives_the_statistics(tmp_path: Path) -> None:
    text = "a,y\n" + "\n".join(f"{i * i},{i % 2}" for i in range(40))
    file = tmp_path / "squares.csv"
    file.write_text(text)
    parts = load("csv", ["train", "test"], path=str(file), target="y", split=[0.5, 0.5])
    x = parts["train"]["x"].double()
    assert (x.mean().item(), x.std(correction=0).item()) == pytest.approx((0, 1), abs=1e-6)
    raw = load("csv", None, path=str(file), target="y", split=[0.5, 0.5], scale="none")
    train = raw["train"]["x"].double()
    again = (raw["test"]["x"].double() - train.mean()) / train.std(correction=0)
    assert torch.allclose(again, parts["test"]["x"].double(), atol=1e-6)
    assert parts["train"].classes == {"y": (0, 1)}


def test_named_columns_are_kept_and_are_no_inputs(tmp_path: Path) -> None:
    data = _read(tmp_path, columns=["x", "y", "sex", ("job", "work"), "age"])
    assert data.feature_names == ("risk",)
    assert data.classes == {
        "y": ("high", "low"),
        "sex": ("F", "M"),
        "work": ("baker", "clerk", "cook"),
    }
    order = data["age"].argsort()
    assert data["sex"][order].tolist() == [0, 1, 1, 0, 0]
    assert data["age"][order].tolist() == [20, 30, 40, 50, 60]
    both = _read(tmp_path, columns=["x", "y", "sex"], inputs=["age", "sex"])
    assert both.feature_names == ("age", "sex=F", "sex=M")


def test_whole_numbers_are_coded_only_on_request(tmp_path: Path) -> None:
    shifted = ROWS.replace("age,", "grade,")
    data = _read(tmp_path, shifted, target="grade")
    assert sorted(data["y"].tolist()) == [20, 30, 40, 50, 60] and "y" not in data.classes
    coded = _read(tmp_path, shifted, target="grade", categorical=["grade"])
    assert coded.classes["y"] == (20, 30, 40, 50, 60)
    assert sorted(coded["y"].tolist()) == [0, 1, 2, 3, 4]


def test_positive_chooses_class_one(tmp_path: Path) -> None:
    data = _read(tmp_path, positive="high")
    assert data.classes["y"] == ("low", "high")
    assert data["y"][_by_age(data)].tolist() == [0, 1, 0, 1, 0]
    with pytest.raises(DataError, match="positive='rich' must be one of two values of `income`"):
        _read(tmp_path, positive="rich")


def test_files_without_a_header_and_other_separators(tmp_path: Path) -> None:
    body = "|comment\n" + "\n".join(line.replace(",", "; ") for line in ROWS.splitlines()[1:])
    names = ["age", "job", "sex", "risk", "income"]
    data = _read(tmp_path, body, names=names, separator=";", skip_rows=1)
    assert len(data) == 5 and data.classes["y"] == ("high", "low")


GAP = ROWS.replace("30,baker", "30,?").replace("50,cook", ",cook")


def test_missing_values_name_column_lines_and_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        _read(tmp_path, GAP)
    assert caught.value.message == (
        "column `age` of `people.csv` has no value in 1 of 5 rows (line 5)"
    )
    assert 'missing="drop"' in caught.value.notes[0]
    kept = _read(tmp_path, GAP, missing="drop")
    assert len(kept) == 3 and "2 rows with missing values dropped" in kept.provenance
    assert len(_read(tmp_path, GAP, inputs=["risk"])) == 5
    assert "job=-" in _read(tmp_path, ROWS.replace("baker", "-")).feature_names


@pytest.mark.parametrize(
    ("text", "settings", "words"),
    [
        (ROWS.replace("40,", "forty,"), {}, "'forty' .line 4.\nif it stands for a missing value"),
        (ROWS, {"target": "incom"}, "no column `incom`\nits columns are: age, job"),
        (ROWS, {"inputs": ["agee"]}, "no column `agee`"),
        (ROWS, {"categorical": ["jobs"]}, "no column `jobs`"),
        (ROWS, {"inputs": ["income"]}, "at least one column, not the target"),
        (ROWS, {"missing": "skip"}, 'missing="skip" is unknown'),
        ("age,income\n", {}, "is empty: it has no rows"),
        ("", {}, "is empty"),
        ('a,income\n1,2\n"', {}, "opens in line 3 of `people.csv` is never closed"),
        ("age,income\n,low\n", {"missing": "drop"}, "no row without missing values"),
        ("age,income\ninf,low\n1,high\n", {"inputs": ["age"]}, "infinite numbers"),
    ],
)
def test_bad_tables(tmp_path: Path, text: str, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        _read(tmp_path, text, **settings)


def test_identifiers_are_no_inputs(tmp_path: Path) -> None:
    text = "name,a,y\n" + "\n".join(f"person {i},{i},{i % 2}" for i in range(150))
    with pytest.raises(DataError, match=r"`name` .* looks like an identifier"):
        _read(tmp_path, text, target="y")


def test_files_are_found_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "people.csv").write_text(ROWS)
    monkeypatch.setenv("CSPEC_DATA", str(tmp_path))
    assert len(load("csv", None, path="people.csv", target="income", split=[1.0])["train"]) == 5
    with pytest.raises(DataError, match=r"the file `nobody\.csv` does not exist"):
        load("csv", None, path="nobody.csv", target="income")


def test_without_a_split_all_rows_are_train(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(ROWS)
    options = {"path": str(tmp_path / "people.csv"), "target": "income"}
    assert {k: len(p) for k, p in load("csv", None, **options).items()} == {"train": 5}
    with pytest.raises(DataError, match="csv has the parts train, not train, test"):
        load("csv", ["train", "test"], **options)
    with pytest.raises(DataError, match='scale="minmax" is unknown'):
        load("csv", None, scale="minmax", **options)
