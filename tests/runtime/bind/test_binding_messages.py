"""What is said of data and models that do not fit, before the first step: all of it, and where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import cspec
from cspec.runtime.data import as_dataset

ROWS = "a,b,sex,income\n" + "".join(
    f"{i / 7:.2f},{-i / 3 - 1:.2f},{'FM'[i % 2]},{i % 3 == 0:d}\n" for i in range(30)
)
X, Y = torch.linspace(-1, 1, 60).reshape(20, 3), torch.arange(20) % 2


def said(spec: str, **names: Any) -> list[str]:
    """Findings as `code line:column headline`; each says what to do."""
    with pytest.raises(cspec.SpecError) as caught:
        cspec.compile(spec, **names)
    lines = []
    for found in caught.value.diagnostics:
        assert found.helps, found.message
        place = found.source.position(found.span.start) if found.source else None
        at = f" {place.line}:{place.column}" if place else ""
        lines.append(f"{found.code}{at} {found.message}")
    return lines


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], list[str]]:
    def read(text: str, line: str) -> list[str]:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "a.csv").write_bytes(text.encode(errors="surrogateescape"))
        return said(f"data {line}\nmodel f = linear\nminimize ce(f(x), y)\n")

    return read


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        (ROWS, 'train(x, y) = csv("b.csv", target="income")',
         ["CS330 1:6 the file `b.csv` does not exist"]),
        (ROWS, 'train(x, y) = csv("a.csv", target="incom")',
         ["CS330 1:40 the data `a.csv` has no column `incom`"]),
        (ROWS, 'train(x, y, Sex, race) = csv("a.csv", target="income")',
         ["CS330 1:18 the data `a.csv` has no column `Sex`",
          "CS330 1:23 the data `a.csv` has no column `race`"]),
        (ROWS.replace(",", ";"), 'train(x, y) = csv("a.csv", target="income")',
         ["CS330 1:6 `a.csv` has one column only: its entries are separated by `;`"]),
        (ROWS.split("\n", 1)[1], 'train(x, y) = csv("a.csv", target="income")',
         ["CS330 1:6 `a.csv` has no header: its first line is 0.00, -1.00, F, 1"]),
        (ROWS + "1,2,F,1,9\n", 'train(x, y) = csv("a.csv", target="income")',
         ["CS330 1:6 line 32 of `a.csv` has 5 entries, and the lines before have 4"]),
        (ROWS + "inf,2,F,1\n", 'train(x, y) = csv("a.csv", target="income")',
         ["CS330 1:6 column `a` of `a.csv` holds infinite numbers (line 32)"]),
        ("", 'train(x, y) = csv("a.csv", target="income")', ["CS330 1:6 `a.csv` is empty"]),
        (ROWS + "1,2,\udce9,1\n", 'train(x, y) = csv("a.csv", target="income")',
         ["CS330 1:6 `a.csv` is not UTF-8 text: line 32 holds the byte 0xe9"]),
        (ROWS.replace(",0\n", ",-1\n"), 'train(x, y) = csv("a.csv", target="income")',
         ["CS331 3:19 `ce` needs classes, but column `y` holds whole numbers that are not "
          "0, 1, 2, ...: -1, 1"]),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else None,
)  # fmt: skip
def test_tables(
    table: Callable[[str, str], list[str]], text: str, line: str, expected: list[str]
) -> None:
    assert table(text, line) == expected


def test_the_remedies_for_labels_and_separators_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text(ROWS.replace(",0\n", ",-1\n").replace(",", ";"))
    source = 'csv("a.csv", target="income", separator=";", categorical=["income"])'
    spec = f"data train(x, y) = {source}\nmodel f = linear\nminimize ce(f(x), y)\n"
    assert "linear" in str(cspec.compile(spec).models)


@pytest.mark.parametrize(
    ("data", "model", "expected"),
    [
        ((X[:, 0], Y), nn.Linear(3, 2), "can't take column `x` of `data`: mat1"),
        ((X, Y), nn.Linear(4, 2), "can't take column `x` of `data`: mat1"),
        ((X.long(), Y), nn.Linear(3, 2), "can't take column `x` of `data`: mat1"),
        ((X, Y[:9]), nn.Linear(3, 2), "have different lengths (x: 20, y: 9)"),
        ((X, 3 * Y), nn.Linear(3, 2), "gives 2 outputs, but `y` has 4 classes"),
        ((X, 3 * Y - 1), nn.Linear(3, 2), "that are not 0, 1, 2, ...: -1, 2"),
        ((X, Y.double()), nn.Linear(3, 2), "column `y` holds numbers: 0, 1"),
        ((X, Y[:, None] * torch.ones(2)), nn.Linear(3, 2), "holds a list of length 2 an example"),
        (None, nn.Linear(3, 2), "`data` is bound to None"),
        ("digitz", nn.Linear(3, 2), "unknown data source `digitz`"),
    ],
    ids=range(10),
)
def test_python_data(data: Any, model: Any, expected: str) -> None:
    (found,) = said("minimize ce", data=data, model=model)
    assert expected in found


def test_labels_of_bce_are_probabilities() -> None:
    for labels in (2 * Y - 1, 1.5 * Y):
        (found,) = said("minimize bce", data=(X, labels), model=nn.Linear(3, 1))
        assert found.startswith("CS331 1:10 `bce` needs labels")
    cspec.compile("minimize bce", data=(X, 0.9 * Y), model=nn.Linear(3, 1))


def test_a_misspelt_name_is_one_mistake() -> None:
    found = said("minimize ce", dat=(X, Y), modle=nn.Linear(3, 2))
    assert [line.split(",")[0] for line in found] == [
        "CS222 nothing is called `dat`",
        "CS222 nothing is called `modle`",
    ]


def test_all_that_the_data_do_not_have_is_said_at_once() -> None:
    spec = """data train(x, y, s, r)
model model
minimize ce
s.t. a: P[pred == 1 | s == "q"] >= 1%
     b: P[pred == 1 | r == "w"] >= 1%
     c: forall h in values(r) where h == "k": P[pred == 1 | r == h] >= 1%
"""
    data = {"x": X, "y": Y, "s": ["a", "b"] * 10, "r": ["u", "v"] * 10}
    assert said(spec, data=data, model=nn.Linear(3, 2)) == [
        'CS208 4:28 column `s` has no value "q"',
        'CS208 5:28 column `r` has no value "w"',
        'CS208 6:42 column `r` has no value "k"',
    ]


NUMBERED = """data train(x, y)
model f = linear
minimize ce(f(x), y)
s.t. a: P[pred == {first} | y == {second}] >= 1%
"""


def numbered(text: bool, **written: str) -> str:
    """The emitted loop of labels 1, 2 and 3, as numbers of a class or as texts."""
    y = np.arange(30) % 3 + 1
    data = {"x": np.arange(60.0).reshape(30, 2), "y": y.astype(str) if text else y - 1}
    found = as_dataset(data, "train", ("x", "y"))
    data = found if text else replace(found, classes={"y": (1, 2, 3)})
    return cspec.compile(NUMBERED.format(**written), train=data).source


def test_a_number_is_a_class_by_its_value() -> None:
    for first in ("1", '"1"', "3", '"3"'):
        code = int(first.strip('"')) - 1
        source = numbered(False, first=first, second="1")
        assert f"(predicted == {code}, where=y == 0)" in source
    with pytest.raises(cspec.SpecError, match="column `y` has no value 0"):
        numbered(False, first="0", second="3")


def test_a_number_that_is_a_text_and_the_number_of_another_asks_which() -> None:
    with pytest.raises(cspec.SpecError) as caught:
        numbered(True, first="1", second="0")
    (one,) = caught.value.diagnostics
    assert "two readings: the value 1 of `y`, or its value number 1, which is 2" in one.message
    for fix, code in zip(one.fixes, (0, 1), strict=True):
        source = numbered(True, first=fix.replacement, second="0")
        assert f"(predicted == {code}, where=y == 0)" in source


def test_a_misspelt_param_is_told_the_names_of_params() -> None:
    spec = "param level = 0.5 in [0, 1]\nminimize ce\ns.t. a: density(model) <= level\n"
    with pytest.raises(cspec.SpecError) as caught:
        cspec.compile(spec, levle=0.3, zzz=1, data=(X, Y), model=nn.Linear(3, 2))
    near, far = caught.value.diagnostics
    assert near.helps == ("did you mean `level`?",) and far.helps == ("write one of these names",)
    assert near.notes == far.notes == ("names of this spec: data, level, model, test, val",)


def test_params_and_bindings_that_are_wrong_are_said_together() -> None:
    spec = "param eps = 0.5 in [0, 1]\nminimize ce\ns.t. a: density(model) <= eps\n"
    found = said(spec, eps=3, data=(X, Y), modle=nn.Linear(3, 2))
    assert [line.split(",")[0] for line in found] == [
        "CS304 1:7 param `eps` is 3",
        "CS222 nothing is called `modle`",
    ]
    assert len(said(spec, eps=3, data=(X, Y), model=nn.Linear(3, 2))) == 1


def test_a_value_under_another_name_is_for_the_one_of_its_kind() -> None:
    text = "data train(x, y)\nmodel f\nminimize E[(f(x) - y)^2]"
    module, table = torch.nn.Linear(3, 1), (torch.zeros(4, 3), torch.zeros(4))
    with pytest.raises(cspec.SpecError) as caught:
        cspec.run(text, model=module, train=table)
    assert [d.code for d in caught.value.diagnostics] == ["CS222"]
    assert caught.value.diagnostics[0].helps == ("did you mean `f`?",)
