"""Params that are tables over several columns, against loops over the examples."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import cspec
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.values.outside import GivenFile, as_table

FIT = "fit(optimizer=sgd(lr=1e-9), steps=1, batch_size=full)\n"
N = 12
SEX = ["F", "M", "M"] * 4
AREA = ["north", "south"] * 6
HEAD = "data d(x, y, sex, area)\nmodel f\n"
TABLE = "param level[sex, area]\n"
LEVELS = {
    ("F", "north"): 0.1,
    ("F", "south"): 0.2,
    ("M", "north"): 0.3,
    ("M", "south"): 0.7,
}
NESTED = {"F": {"north": 0.1, "south": 0.2}, "M": {"north": 0.3, "south": 0.7}}
ROWS = [(sex, area, level) for (sex, area), level in LEVELS.items()]


def run(text: str, table: str = TABLE, sex: list[str] = SEX, **names: Any) -> cspec.Result:
    torch.manual_seed(0)
    data = {
        "x": torch.randn(N, 3),
        "y": torch.randint(0, 2, (N,)),
        "sex": sex,
        "area": AREA,
    }
    f = nn.Linear(3, 1)
    made = cspec.run(f"{HEAD}{table}minimize bce\n{text}\n{FIT}", d=data, f=f, **names)
    run.outputs = f(data["x"])[:, 0].tolist()  # type: ignore[attr-defined]
    return made


def probabilities() -> list[float]:
    return [1 / (1 + math.exp(-z)) for z in run.outputs]  # type: ignore[attr-defined]


@pytest.mark.parametrize("level", [LEVELS, NESTED, ROWS])
def test_each_example_has_the_number_of_its_combination(level: object) -> None:
    made = run(
        "metric both = E[level[sex, area] * prob]\nmetric row = E[level[sex, 'south'] * prob]\n"
        "metric column = E[level['M', area] * prob]\nmetric one = level['M', 'south']".replace(
            "'", '"'
        ),
        level=level,
    )

    prob = probabilities()
    wanted = {
        "both": sum(LEVELS[s, a] * p for s, a, p in zip(SEX, AREA, prob, strict=True)) / N,
        "row": sum(LEVELS[s, "south"] * p for s, p in zip(SEX, prob, strict=True)) / N,
        "column": sum(LEVELS["M", a] * p for a, p in zip(AREA, prob, strict=True)) / N,
        "one": 0.7,
    }
    assert made.metrics == pytest.approx(wanted, abs=1e-6)


def test_each_combination_has_a_bound_of_its_own() -> None:
    made = run(
        "s.t.\n  c: forall (a, b) in cross(sex, area):"
        " E[prob | sex == a, area == b] <= level[a, b]",
        level=LEVELS,
    )

    prob = probabilities()
    for sex, area in LEVELS:
        found = next(c for c in made.constraints if c.name == f"c[{sex}, {area}]")
        own = [p for s, a, p in zip(SEX, AREA, prob, strict=True) if (s, a) == (sex, area)]
        assert found.value == pytest.approx(sum(own) / len(own), abs=1e-6)
        assert found.bound == pytest.approx(LEVELS[sex, area])


def test_a_combination_that_no_example_has_needs_no_number() -> None:
    sex = ["F" if area == "north" else "M" for area in AREA]
    level = {("F", "north"): 0.1, ("M", "south"): 0.7}

    made = run(
        "s.t.\n  c: forall (a, b) in cross(sex, area) where count > 0:"
        " E[prob | sex == a, area == b] <= level[a, b]\nmetric m = E[level[sex, area]]",
        sex=sex,
        level=level,
    )

    assert made.metrics["m"] == pytest.approx(0.4)
    assert [c.bound for c in made.constraints] == pytest.approx([0.1, 0.7])


def test_a_file_has_a_column_for_each() -> None:
    rows = [["sex", "area", "level"], *([s, a, str(level)] for (s, a), level in LEVELS.items())]

    made = as_table(GivenFile("level.csv", rows), ("sex", "area")).values

    assert made == {f"{sex}, {area}": level for (sex, area), level in LEVELS.items()}


@pytest.mark.parametrize(
    ("level", "text", "code", "words"),
    [
        ({**LEVELS, ("Z", "north"): 1.0}, "level[sex, area]", "CS223", "Z, north"),
        (dict(list(LEVELS.items())[:3]), "level[sex, area]", "CS223", "no number for M, south"),
        ([[0.1, 0.2], [0.3, 0.7]], "level[sex, area]", "CS304", "is a table"),
        (LEVELS, "level[sex]", "CS302", "1 value is given"),
        (LEVELS, "level[area, sex]", "CS302", "of `sex`, not of `area`"),
        (LEVELS, "level", "CS302", "a table over the values of `sex, area`"),
    ],
)
def test_what_does_not_fit_is_said(level: Any, text: str, code: str, words: str) -> None:
    with pytest.raises(SpecError) as raised:
        run(f"metric m = E[{text}]", level=level)

    assert raised.value.diagnostics[0].code == code
    assert words in raised.value.diagnostics[0].message


def test_a_column_and_a_size_are_no_table() -> None:
    with pytest.raises(SpecError, match="is over the values of `sex`, and `2` is no column"):
        run("metric m = E[level[sex, 0]]", table="param level[sex, 2]\n", level=[[1, 2], [3, 4]])


def test_a_table_of_a_loaded_spec_goes_along(tmp_path: Path) -> None:
    text = """data train(x, y, s, t)
param level[s, t]
model f = linear
minimize bce(f(x), y)
s.t. c: forall g in values(s): P[pred == 1 | s == g] <= level[g, "u, v"]
fit(steps=2)
"""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(40, 3, generator=draw)
    y = (x[:, 0] > 0).long()
    data = (
        x,
        y,
        [("a", "b")[i % 2] for i in range(40)],
        [("u, v", "w")[i % 3 == 0] for i in range(40)],
    )
    level = {("a", "u, v"): 0.9, ("a", "w"): 0.3, ("b", "u, v"): 0.8, ("b", "w"): 0.2}
    loaded = cspec.load(text, level=level)
    direct = cspec.run(text, level=level, train=data)
    result = cspec.run(loaded, train=data, out=tmp_path / "r")
    assert result.constraints == direct.constraints
    assert sorted(c.bound for c in result.constraints) == [0.8, 0.9]
    assert cspec.verify(tmp_path / "r", train=data).holds
    assert (
        cspec.compile(loaded, train=data).source
        == cspec.compile(text, level=level, train=data).source
    )
    other = dict.fromkeys(level, 0.5)
    assert {c.bound for c in cspec.run(loaded, level=other, train=data).constraints} == {0.5}
