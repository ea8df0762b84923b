"""Tables in files: `csv(...)` of text, `parquet(...)`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cspec.runtime.data.dataset import Dataset, need_columns
from cspec.runtime.data.embedded import standardized, wants_scaling
from cspec.runtime.data.encode import encode_classes, encode_plain, lines_text, one_hot
from cspec.runtime.data.errors import DataError
from cspec.runtime.data.files import find_file
from cspec.runtime.data.quotes import is_number
from cspec.runtime.data.split import split_dataset
from cspec.runtime.data.table_file import Table, parsed, read_parquet, read_table, without_missing

_MOST_CATEGORIES = 100

Column = str | tuple[str, str]
"""A column by its name in the file, or (name in the file, name in the spec)."""


class _Features(NamedTuple):
    """Input columns side by side in float64, with their names; and as they are in the file."""

    x: Tensor
    names: tuple[str, ...]
    numeric: Tensor
    """Which places of `x` hold numbers of the file: those that are scaled."""
    raw: dict[str, Tensor]
    classes: dict[str, tuple[Any, ...]]
    """Of raw columns of text, by `x.name`."""


def _features(table: Table, inputs: Sequence[str], categorical: Sequence[str]) -> _Features:
    blocks: list[Tensor] = []
    names: list[str] = []
    numeric: list[bool] = []
    raw: dict[str, Tensor] = {}
    texts: dict[str, tuple[Any, ...]] = {}
    for column in inputs:
        values = parsed(table, column, categorical)
        if column in categorical or values.dtype.kind in "OUSTb":
            codes, classes = encode_classes(values, column)
            if classes is None or len(classes) > _MOST_CATEGORIES:
                raise DataError(
                    f"the input column `{column}` of `{table.name}` has more than "
                    f"{_MOST_CATEGORIES} different texts: it looks like an identifier",
                    "name the model's inputs without it: inputs=[...]",
                    about=column,
                )
            blocks.append(one_hot(codes, classes))
            raw[column], texts[f"x.{column}"] = codes, classes
            names += [f"{column}={value}" for value in classes]
            numeric += [False] * len(classes)
        else:
            numbers = torch.from_numpy(_finite(table, column, values))
            raw[column] = encode_plain(values, column)[0]
            blocks.append(numbers[:, None])
            names.append(column)
            numeric.append(True)
    x = torch.cat(blocks, dim=1)
    return _Features(x, tuple(names), torch.tensor(numeric), raw, texts)


def _finite(table: Table, column: str, values: NDArray[Any]) -> NDArray[np.float64]:
    numbers = values.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        raise DataError(
            f"column `{column}` of `{table.name}` holds infinite numbers "
            f"({lines_text(table.lines[bad].tolist())})",
            "remove these rows, or leave the column out: inputs=[...]",
            about=column,
        )
    return numbers


def _check_header(table: Table, asked: Sequence[str]) -> None:
    """Say of a file whose header is none what it is: another separator, or numbers."""
    header = list(table.columns)
    if all(column in table.columns for column in asked):
        return
    other = next((s for s in (";", "\t", "|") if len(header) == 1 and s in header[0]), None)
    if other is not None:
        shown = {"\t": "\\t"}.get(other, other)
        raise DataError(
            f"`{table.name}` has one column only: its entries are separated by `{shown}`",
            f'write csv(..., separator="{shown}")',
        )
    if sum(is_number(cell) for cell in header) >= len(header) / 2:
        raise DataError(
            f"`{table.name}` has no header: its first line is {', '.join(header[:4])}",
            "write the names of its columns in the first line of the file",
            'or give them in the spec: csv(..., names=["age", "income"])',
        )


@dataclass(frozen=True)
class _Asked:
    """What is asked of a table, by the settings that `csv` and `parquet` share."""

    target: str
    columns: Sequence[Column]
    split: Sequence[float] | None
    seed: int
    inputs: Sequence[str] | None
    categorical: Sequence[str]
    positive: Any | None
    missing: str
    scale: str

    @property
    def extra(self) -> list[tuple[str, str]]:
        """Columns beside `x` and `y`: (name in the file, name in the spec)."""
        pairs = [(c, c) if isinstance(c, str) else c for c in self.columns]
        return [(there, here) for there, here in pairs if here not in ("x", "y")]

    def parts(self, table: Table) -> dict[str, Dataset]:
        """The datasets that a table is cut into."""
        outside = [self.target, *(there for there, _ in self.extra)]
        chosen = self._inputs(table, outside)
        used = list(dict.fromkeys([*chosen, *outside]))
        complete = without_missing(table, used, self.missing)
        whole, numeric = self._assembled(complete, chosen)
        if len(complete.lines) < len(table.lines):
            dropped = len(table.lines) - len(complete.lines)
            whole = whole.noted(f"{dropped} rows with missing values dropped")
        parts = split_dataset(whole, self.split, self.seed)
        return standardized(parts, numeric & wants_scaling(self.scale))

    def _inputs(self, table: Table, outside: Sequence[str]) -> list[str]:
        """The input columns, once every column that was asked for is known to exist."""
        asked = [*outside, *(self.inputs or ()), *self.categorical]
        _check_header(table, asked)
        need_columns(table.name, asked, table.columns)
        if not len(table.lines):
            raise DataError(f"`{table.name}` is empty: it has no rows")
        others = [c for c in table.columns if c not in outside]
        chosen = others if self.inputs is None else list(self.inputs)
        if not chosen or self.target in chosen:
            raise DataError(
                f"the model's inputs are {chosen}: they need at least one column, not the target",
                "name them: inputs=[...]",
            )
        return chosen

    def _assembled(self, table: Table, inputs: Sequence[str]) -> tuple[Dataset, Tensor]:
        """All rows as one dataset, and which places of `x` hold numbers."""
        features = _features(table, inputs, self.categorical)
        tensors: dict[str, Tensor] = {"x": features.x}
        classes: dict[str, tuple[Any, ...]] = dict(features.classes)
        for column, name in ((self.target, "y"), *self.extra):
            label = self.positive if name == "y" else None
            values = parsed(table, column, self.categorical)
            if column in self.categorical or label is not None:
                tensors[name], found = encode_classes(values, column, label)
            else:
                tensors[name], found = encode_plain(values, column)
            if found is not None:
                classes[name] = found
        provenance = f"{table.name}: {len(table.lines)} rows, target {self.target}"
        if "y" in classes:
            shown = enumerate(classes["y"][:10])
            provenance += f" ({', '.join(f'{code} is {value!r}' for code, value in shown)})"
        whole = Dataset(table.name, tensors, classes, features.names, provenance, features.raw)
        return whole, features.numeric


def csv(
    path: str,
    *,
    target: str,
    columns: Sequence[Column] = (),
    split: Sequence[float] | None = None,
    seed: int = 0,
    inputs: Sequence[str] | None = None,
    categorical: Sequence[str] = (),
    positive: Any | None = None,
    na_values: str | Sequence[str] = "?",
    missing: str = "error",
    names: Sequence[str] | None = None,
    separator: str = ",",
    skip_rows: int = 0,
    scale: str = "standard",
) -> dict[str, Dataset]:
    """A table: `x` from its input columns, `y` from `target`, and the columns the spec names.

    Inputs are all columns but the target and the named ones, or exactly `inputs`. Numeric inputs
    are standardized (unless `scale="none"`) with the mean and deviation of the first part only;
    text, truth values and `categorical` columns become one-hot features in sorted order. A named
    column of text is kept as codes with its `classes`; one of numbers keeps its numbers. `positive`
    makes that value of the target class 1. `names` gives column names to a file without a header
    line; `skip_rows` lines are passed over; `missing="drop"` leaves rows with missing entries out.
    Without `split` all rows are `train`.

    Raises:
        DataError: a missing file or column, entries that are missing or can't be read, a column of
            too many texts; each names the column, the lines of the file and what to type.
    """
    markers = [na_values] if isinstance(na_values, str) else list(na_values)
    separator = "\t" if separator == "\\t" else separator
    table = read_table(find_file(path), {"sep": separator, "na_values": markers}, names, skip_rows)
    asked = _Asked(target, columns, split, seed, inputs, categorical, positive, missing, scale)
    return asked.parts(table)


def parquet(
    path: str,
    *,
    target: str,
    columns: Sequence[Column] = (),
    split: Sequence[float] | None = None,
    seed: int = 0,
    inputs: Sequence[str] | None = None,
    categorical: Sequence[str] = (),
    positive: Any | None = None,
    missing: str = "error",
    scale: str = "standard",
) -> dict[str, Dataset]:
    """A table in a Parquet file: columns mean what they mean in `csv`, and keep their types.

    Raises:
        DataError: as `csv`; pyarrow is not installed; a file that is no Parquet.
    """
    asked = _Asked(target, columns, split, seed, inputs, categorical, positive, missing, scale)
    return asked.parts(read_parquet(find_file(path)))
