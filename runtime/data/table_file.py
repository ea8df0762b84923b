"""Text tables as raw columns that remember their line numbers; missing and unreadable entries."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cspec.runtime.data.encode import lines_text
from cspec.runtime.data.errors import DataError
from cspec.runtime.data.quotes import not_utf8, require_closed

_MOSTLY_NUMBERS = 0.5


@dataclass(frozen=True)
class Table:
    """Raw columns of a file; `lines` are the line numbers of its rows."""

    name: str
    columns: dict[str, NDArray[Any]]
    missing: dict[str, NDArray[np.bool_]]
    lines: NDArray[np.int64]

    def keep(self, rows: NDArray[np.bool_]) -> "Table":
        return Table(
            self.name,
            {c: v[rows] for c, v in self.columns.items()},
            {c: v[rows] for c, v in self.missing.items()},
            self.lines[rows],
        )


def read_table(
    path: Path, options: dict[str, Any], names: Sequence[str] | None, skip: int
) -> Table:
    try:
        import pandas as pd
    except ImportError as error:
        raise DataError(
            "reading a table needs pandas, which is not installed",
            "to fix this: pip install 'cspec[data]'",
        ) from error
    require_closed(path, options.get("sep", ","), skip)
    try:
        frame = pd.read_csv(
            path,
            skiprows=skip,
            names=None if names is None else list(names),
            header="infer" if names is None else None,
            index_col=False,
            skipinitialspace=True,
            skip_blank_lines=False,
            low_memory=False,
            **options,
        )
    except pd.errors.EmptyDataError as error:
        raise DataError(
            f"`{path.name}` is empty", "give a file with a header line and a row an example"
        ) from error
    except pd.errors.ParserError as error:
        raise _uneven(path.name, str(error)) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"`{path.name}` is not UTF-8 text: {not_utf8(path)}",
            "save it as UTF-8 (in pandas: `frame.to_csv(path, index=False)`)",
        ) from error
    table = _raw(path.name, frame, skip + (2 if names is None else 1))
    blank = frame.isna().all(axis=1).to_numpy()
    return table.keep(~blank)


def read_parquet(path: Path) -> Table:
    """The columns of a Parquet file; its rows are numbered from 1."""
    try:
        from pyarrow import ArrowInvalid
        from pyarrow.parquet import read_table as read
    except ImportError as error:
        raise DataError(
            "reading a Parquet file needs pyarrow and pandas, which are not installed",
            "to fix this: pip install 'cspec[parquet]'",
        ) from error
    try:
        frame = read(path).to_pandas()
    except ArrowInvalid as error:
        raise DataError(
            f"`{path.name}` is no Parquet file: {str(error).splitlines()[0]}",
            "for a text table: csv(...)",
        ) from error
    return _raw(path.name, frame, 1)


def _raw(name: str, frame: Any, first: int) -> Table:
    """A frame as raw columns; its rows are numbered from `first` on."""
    lines = np.arange(first, first + len(frame), dtype=np.int64)
    missing = {str(c): frame[c].isna().to_numpy() for c in frame.columns}
    # Text and mixed columns as objects, missing entries as None or NaN.
    kinds = {c: None if frame[c].dtype.kind in "biuf" else object for c in frame.columns}
    columns = {str(c): np.asarray(frame[c].to_numpy(dtype=kind)) for c, kind in kinds.items()}
    return Table(name, columns, missing, lines)


_FIELDS = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")


def _uneven(name: str, said: str) -> DataError:
    """A line with more entries than the header."""
    found = _FIELDS.search(said)
    if found is None:
        return DataError(
            f"`{name}` can't be read as a table: {' '.join(said.split())}",
            "give a text file with one line an example and a separator between entries",
        )
    columns, line, entries = found.groups()
    return DataError(
        f"line {line} of `{name}` has {entries} entries, and the lines before have {columns}",
        "write entries that hold a separator in quotes, or remove what is too much",
    )


def without_missing(table: Table, used: Sequence[str], missing: str) -> Table:
    """The table without rows that miss an entry in a used column, or an error that names them."""
    if missing not in ("error", "drop"):
        raise DataError(
            f'missing="{missing}" is unknown', 'write missing="error" or missing="drop"'
        )
    for column in used:
        gaps = table.missing[column]
        if missing == "error" and gaps.any():
            raise DataError(
                f"column `{column}` of `{table.name}` has no value in {int(gaps.sum())} of "
                f"{len(gaps)} rows ({lines_text(table.lines[gaps].tolist())})",
                'write missing="drop" to leave such rows out, or inputs=[...] without an input',
                about=column,
            )
    complete = ~np.logical_or.reduce([table.missing[column] for column in used])
    if not complete.any():
        raise DataError(f"`{table.name}` has no row without missing values")
    return table.keep(complete)


def parsed(table: Table, column: str, categorical: Sequence[str]) -> NDArray[Any]:
    """Numbers where the column holds numbers, else its text; mixed columns are refused."""
    values = table.columns[column]
    if values.dtype != object:
        return _whole(values)
    if column in categorical:
        return values
    numbers = np.array([_number(value) for value in values])
    readable = ~np.isnan(numbers)
    if readable.all():
        return _whole(numbers)
    if readable.mean() > _MOSTLY_NUMBERS:
        bad = np.flatnonzero(~readable)
        raise DataError(
            f"column `{column}` of `{table.name}` holds numbers, but {len(bad)} entries can't be "
            f"read as one: {values[bad[0]]!r} ({lines_text(table.lines[bad].tolist())})",
            f'if it stands for a missing value, write na_values="{values[bad[0]]}"; '
            f'for classes, categorical=["{column}"]',
            about=column,
        )
    return values


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _whole(values: NDArray[Any]) -> NDArray[Any]:
    """Floats that are all whole numbers as integers: a missing entry elsewhere made them floats."""
    if values.dtype.kind == "f" and np.all(np.abs(values) < 2**53) and np.all(values % 1 == 0):
        return values.astype(np.int64)
    return values
