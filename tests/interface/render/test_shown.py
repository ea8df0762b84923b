"""Class names, columns, cells and file names never reach a terminal, a page or a log raw."""

from __future__ import annotations

import csv
import json
import logging
import os
import random
import re
from pathlib import Path

import pytest

import cspec
from cspec.cli import main

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]")
CLASSES = ["F\x1b[2Jx", "M\u202eevil", "N\nforged: all met", "R\rq", "K\x9b31m"]
SPEC = """data train(x, y, sex), test(x, y, sex) = csv("d.csv", target="y", split=[0.7, 0.3])
model f = linear
minimize bce(f(x), y)
s.t. dp: forall a in values(sex): P[pred == 1 | sex == a] <= 20%
fit(epochs=1)
metric m = P[pred == 1 | sex]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = random.Random(0)
    with open("d.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b\x1b[31mred", "sex", "y"])
        for _ in range(80):
            cells = [rng.choice(CLASSES), rng.choice(["no\x1b]0;t\x07", "yes"])]
            writer.writerow([rng.random(), rng.random(), *cells])
    (tmp_path / "e.cspec").write_text(SPEC)
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        "run e.cspec --out r",
        "run e.cspec --out r --json",
        "explain e.cspec --bind f=linear",
        "explain e.cspec --bind f=linear --json",
        "explain e.cspec --bind f=linear --markdown",
        "compile e.cspec",
        "info e.cspec",
        "compare e.cspec --using lagrangian --seeds 1",
        "compare e.cspec --using lagrangian --seeds 1 --markdown",
        "compare e.cspec --using lagrangian --seeds 1 --json",
    ],
)
def test_what_commands_print(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(command.split())
    said = capsys.readouterr()
    assert said.out
    for text in (said.out, said.err):
        assert OBEYED.findall(text) == []
        assert not any(line.startswith("forged") for line in text.split("\n"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sex == a", 'sex == "zz"'),
        ('target="y"', 'target="z"'),
        ("values(sex)", "values(x)"),
        ('"d.csv"', '"no\\x1b.csv"'),
    ],
)
def test_what_messages_quote(
    old: str, new: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "e.cspec").write_text(SPEC.replace(old, new))
    assert main(["run", "e.cspec", "--out", "r"]) == 1
    said = capsys.readouterr().err
    assert "error[CS" in said and OBEYED.findall(said) == []
    assert not any(line.startswith("forged") for line in said.split("\n"))


def test_names_of_files(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "f\x1b[31mred\nerror[CS999]: forged.cspec"
    (here / name).write_text("var x\nminimize x +\n")
    main(["check", name])
    main(["info", name])
    main(["fmt", "--check", name])
    main(["check", f"{name}.missing"])
    main([name])
    said = "".join(capsys.readouterr())
    assert OBEYED.findall(said) == []
    assert not any(line.startswith("error[CS999]") for line in said.split("\n"))


@pytest.mark.skipif(os.name != "posix", reason="names of posix are bytes")
def test_a_file_name_that_is_no_text(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = os.fsdecode(b"f\xff.cspec")
    try:
        Path(name).write_text("minimize x +\n")
    except OSError:
        pytest.skip("this file system has no such names")
    assert main(["check", name]) == 1
    assert r"f\udcff.cspec" in capsys.readouterr().err


def test_pages_and_files_of_a_run(here: Path) -> None:
    result = cspec.run(here / "e.cspec", out="r")
    page = (here / "r/report.html").read_text()
    assert OBEYED.findall(page) == [] and "F\\x1b[2Jx" in page
    assert OBEYED.findall(str(result)) == []
    for name in ("report.json", "log.jsonl", "plan.json", "train.py"):
        assert OBEYED.findall((here / "r" / name).read_text()) == [], name
    assert json.loads(result.to_json())["constraints"][0]["name"] == "dp[F\x1b[2Jx]"
    assert result["dp[F\x1b[2Jx]"].bound == pytest.approx(0.2)


def test_scripts_in_class_names_are_text_of_the_page(here: Path) -> None:
    text = (here / "d.csv").read_text().replace("K\x9b31m", "<script>alert(1)</script>")
    (here / "d.csv").write_text(text)
    cspec.run(here / "e.cspec", out="r")
    page = (here / "r/report.html").read_text()
    assert "<script" not in page and "&lt;script&gt;" in page


def test_warnings_of_the_logger(here: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="cspec"):
        cspec.run(here / "e.cspec")
    assert OBEYED.findall(caplog.text) == []
