"""Quotes that swallow rows of a table, and entries of several lines that do not."""

from __future__ import annotations

import csv
import gzip
import io
import random
from pathlib import Path

import pytest

from cspec.runtime.data import DataError
from cspec.runtime.data.quotes import require_closed
from cspec.runtime.data.sources import load

HEAD = "age,name,y\n"


def plain(rows: int) -> list[str]:
    return [f"{20 + i},person{i},{i % 2}" for i in range(rows)]


def opened(path: Path, text: str, separator: str = ",", skip: int = 0) -> int | None:
    """The line named, None where the table is taken."""
    path.write_text(text)
    try:
        require_closed(path, separator, skip)
    except DataError as error:
        return int(str(error).split("line ")[1].split()[0])
    return None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('30,"tall,1', None),  # to the end of the file
        ('30,"tall,1', '50,"short,0'),  # closes before another entry
        ('30,"tall,1', '50,short",0'),  # closes as if all were one entry
        ('"30,tall,1', '50",short,0'),
        ('30,tall,"1', '50,short,0"'),
        ('30, "tall,1', '50,"short",0'),
    ],
)
def test_a_stray_quote_is_named_by_its_line(tmp_path: Path, first: str, second: str | None) -> None:
    rows = plain(60)
    rows[10] = first
    if second is not None:
        rows[40] = second
    assert opened(tmp_path / "t.csv", HEAD + "\n".join(rows) + "\n") == 12
    with pytest.raises(DataError, match=r"line 12 of `t\.csv`"):
        load("csv", ["train"], ["x", "y"], path=str(tmp_path / "t.csv"), target="y")


def test_it_is_named_in_other_layouts(tmp_path: Path) -> None:
    rows = [row.replace(",", ";") for row in plain(20)]
    rows[4] = '30;"tall;1'
    text = "a remark\n" + HEAD.replace(",", ";") + "\n".join(rows)
    assert opened(tmp_path / "t.csv", text, ";", skip=1) == 7
    packed = tmp_path / "t.csv.gz"
    with gzip.open(packed, "wt") as file:
        file.write(text)
    with pytest.raises(DataError, match="line 7"):
        require_closed(packed, ";", 1)


@pytest.mark.parametrize(
    "row",
    [
        '30,"tall, dark",1',
        '30,"5"" nails",1',
        '30,5" nails,1',
        '30,"",1',
        '30,"two\nlines",1',
        '30,"two, with commas\nlines, too",1',
        '30,"two\nlines ""quoted""\nand more",1',
        '"30","tall","1"',
        '30,"tall"er,1',
        '30,"crlf\r\nhere",1',
    ],
)
def test_what_is_well_formed_is_taken(tmp_path: Path, row: str) -> None:
    rows = plain(20)
    rows[3] = row
    assert opened(tmp_path / "t.csv", HEAD + "\n".join(rows)) is None


def test_whatever_a_writer_of_csv_quotes_is_taken(tmp_path: Path) -> None:
    """Entries of random prose, with quotes, separators and line breaks."""
    rng = random.Random(0)
    for _ in range(200):
        out = io.StringIO()
        writer = csv.writer(out, quoting=rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
        writer.writerow(["age", "text", "y"])
        for i in range(rng.randrange(1, 12)):
            text = "".join(rng.choice('ab ",\n"') for _ in range(rng.randrange(12)))
            writer.writerow([20 + i, text, i % 2])
        assert opened(tmp_path / "t.csv", out.getvalue()) is None, out.getvalue()


def test_a_quote_added_anywhere_before_an_entry_is_found_or_harmless(tmp_path: Path) -> None:
    """No row is lost in silence: refused, or read with as many rows as there are."""
    rng = random.Random(1)
    for _ in range(60):
        rows = plain(12)
        place = rng.randrange(12)
        cells = rows[place].split(",")
        column = rng.randrange(3)
        cells[column] = '"' + cells[column]
        rows[place] = ",".join(cells)
        assert opened(tmp_path / "t.csv", HEAD + "\n".join(rows) + "\n") == place + 2
