"""Tables in text files: `csv(...)`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cspec.runtime.data.dataset import Dataset, missing_column
from cspec.runtime.data.embedded import DEFAULT_SPLIT, standardized
from cspec.runtime.data.encode import encode_classes, encode_plain, lines_text, one_hot
from cspec.runtime.data.errors import DataError
from cspec.runtime.data.files import find_table
from cspec.runtime.data.split import split_dataset

_MOST_CATEGORIES = 100
_MOSTLY_NUMBERS = 0.5

Column = str | tuple[str, str]
"""A column by its name in the file, or (name in the file, name in the spec)."""


@dataclass(frozen=True)
class _Table:
    """Raw columns of a file; `lines` are the line numbers of its rows."""

    name: str
    columns: dict[str, NDArray[Any]]
    missing: dict[str, NDArray[np.bool_]]
    lines: NDArray[np.int64]

    def keep(self, rows: NDArray[np.bool_]) -> "_Table":
        return _Table(
            self.name,
            {c: v[rows] for c, v in self.columns.items()},
            {c: v[rows] for c, v in self.missing.items()},
            self.lines[rows],
        )


def _read(path: Path, options: dict[str, Any], names: Sequence[str] | None, skip: int) -> _Table:
    try:
        import pandas as pd  # type: ignore[import-untyped]
    except ImportError as error:
        raise DataError(
            "reading a table needs pandas, which is not installed",
            "to fix this: pip install 'cspec[data]'",
        ) from error
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
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"`{path.name}` can't be read as a table: {error}") from error
    first = skip + (2 if names is None else 1)
    lines = np.arange(first, first + len(frame), dtype=np.int64)
    blank = frame.isna().all(axis=1).to_numpy()
    missing = {str(c): frame[c].isna().to_numpy() for c in frame.columns}
    columns = {str(c): _as_array(frame[c]) for c in frame.columns}
    return _Table(path.name, columns, missing, lines).keep(~blank)


def _as_array(series: Any) -> NDArray[Any]:
    """A column as a numpy array; text and mixed columns as objects, missing entries as None/NaN."""
    if series.dtype.kind in "biuf":
        return np.asarray(series.to_numpy())
    return np.asarray(series.to_numpy(dtype=object))


def _without_missing(table: _Table, used: Sequence[str], missing: str) -> _Table:
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
                'write missing="drop" to leave such rows out, or name inputs= without the column',
            )
    complete = ~np.logical_or.reduce([table.missing[column] for column in used])
    if not complete.any():
        raise DataError(f"`{table.name}` has no row without missing values")
    return table.keep(complete)


def _parsed(table: _Table, column: str, categorical: Sequence[str]) -> NDArray[Any]:
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


def _features(
    table: _Table, inputs: Sequence[str], categorical: Sequence[str]
) -> tuple[Tensor, tuple[str, ...], Tensor]:
    """Columns side by side in float64, their names, and which of them are numeric."""
    blocks: list[Tensor] = []
    names: list[str] = []
    numeric: list[bool] = []
    for column in inputs:
        values = _parsed(table, column, categorical)
        if column in categorical or values.dtype.kind in "OUSTb":
            codes, classes = encode_classes(values, column)
            if classes is None or len(classes) > _MOST_CATEGORIES:
                raise DataError(
                    f"the input column `{column}` of `{table.name}` has more than "
                    f"{_MOST_CATEGORIES} different texts: it looks like an identifier",
                    "name the model's inputs without it: inputs=[...]",
                )
            blocks.append(one_hot(codes, classes))
            names += [f"{column}={value}" for value in classes]
            numeric += [False] * len(classes)
        else:
            blocks.append(torch.from_numpy(values.astype(np.float64))[:, None])
            names.append(column)
            numeric.append(True)
    return torch.cat(blocks, dim=1), tuple(names), torch.tensor(numeric)


def _standardize_numeric(parts: dict[str, Dataset], numeric: Tensor) -> dict[str, Dataset]:
    """Numeric features standardized on the first part; zeros and ones are left alone."""
    scaled = standardized(parts)
    result: dict[str, Dataset] = {}
    for name, part in parts.items():
        x = torch.where(numeric, scaled[name]["x"], part["x"]).to(torch.get_default_dtype())
        result[name] = Dataset(
            name, {**part.columns, "x": x}, part.classes, part.feature_names, part.provenance
        )
    return result


def _pairs(columns: Sequence[Column]) -> list[tuple[str, str]]:
    return [(c, c) if isinstance(c, str) else c for c in columns if c not in ("x", "y")]


def csv(
    path: str,
    *,
    target: str,
    columns: Sequence[Column] = (),
    split: Sequence[float] = DEFAULT_SPLIT,
    seed: int = 0,
    inputs: Sequence[str] | None = None,
    categorical: Sequence[str] = (),
    positive: Any | None = None,
    na_values: str | Sequence[str] = "?",
    missing: str = "error",
    names: Sequence[str] | None = None,
    separator: str = ",",
    skip_rows: int = 0,
    standardize: bool = True,
) -> dict[str, Dataset]:
    """A table: `x` from its input columns, `y` from `target`, and the columns the spec names.

    Inputs are all columns but the target and the named ones, or exactly `inputs`. Numeric inputs
    are standardized with the mean and deviation of the first part only; text, truth values and
    `categorical` columns become one-hot features in sorted order. A named column of text is kept as
    codes with its `classes`; one of numbers keeps its numbers. `positive` makes that value of the
    target class 1. `names` gives column names to a file without a header line; `skip_rows` lines
    are passed over; `missing="drop"` leaves rows with missing entries out.

    Raises:
        DataError: a missing file or column, entries that are missing or can't be read, a column of
            too many texts; each names the column, the lines of the file and what to type.
    """
    markers = [na_values] if isinstance(na_values, str) else list(na_values)
    table = _read(find_table(path), {"sep": separator, "na_values": markers}, names, skip_rows)
    extra = _pairs(columns)
    asked = [target, *(c for c, _ in extra), *(inputs or ()), *categorical]
    for column in asked:
        if column not in table.columns:
            raise missing_column(table.name, column, table.columns)
    if not len(table.lines):
        raise DataError(f"`{table.name}` is empty: it has no rows")
    outside = {target, *(c for c, _ in extra)}
    chosen = list(inputs) if inputs is not None else [c for c in table.columns if c not in outside]
    if not chosen or target in chosen:
        raise DataError(
            f"the model's inputs are {chosen}: they need at least one column, not the target",
            "name them: inputs=[...]",
        )
    used = list(dict.fromkeys([*chosen, *outside]))
    complete = _without_missing(table, used, missing)
    whole, numeric = _assemble(complete, target, extra, chosen, categorical, positive)
    if len(complete.lines) < len(table.lines):
        dropped = len(table.lines) - len(complete.lines)
        whole = whole.noted(f"{dropped} rows with missing values dropped")
    parts = split_dataset(whole, split, seed)
    return _standardize_numeric(parts, numeric & standardize)


def _assemble(
    table: _Table,
    target: str,
    extra: Sequence[tuple[str, str]],
    inputs: Sequence[str],
    categorical: Sequence[str],
    positive: Any | None,
) -> tuple[Dataset, Tensor]:
    x, feature_names, numeric = _features(table, inputs, categorical)
    tensors: dict[str, Tensor] = {"x": x}
    classes: dict[str, tuple[Any, ...]] = {}
    for column, name in ((target, "y"), *extra):
        label = positive if name == "y" else None
        values = _parsed(table, column, categorical)
        if column in categorical or label is not None:
            tensors[name], found = encode_classes(values, column, label)
        else:
            tensors[name], found = encode_plain(values, column)
        if found is not None:
            classes[name] = found
    provenance = f"{table.name}: {len(table.lines)} rows, target {target}"
    if "y" in classes:
        listed = ", ".join(f"{code} is {value!r}" for code, value in enumerate(classes["y"][:10]))
        provenance += f" ({listed})"
    return Dataset(table.name, tensors, classes, feature_names, provenance), numeric
