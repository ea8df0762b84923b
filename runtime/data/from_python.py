"""Data that come from Python: tensors, arrays, dictionaries, frames, torch datasets and loaders."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import TensorDataset

from cspec.dsl.messages.wording import some
from cspec.runtime.data.columns import (
    column,
    feature_names,
    is_column,
    is_frame,
    names_columns,
    need_own_names,
)
from cspec.runtime.data.dataset import Dataset, need_columns
from cspec.runtime.data.errors import DataError
from cspec.runtime.data.loaders import Read, named_columns, read
from cspec.runtime.data.reading import MEASURED_ROWS, Reading
from cspec.runtime.data.samplers import is_iterable_dataset, is_map_style

HALF = (torch.float16, torch.bfloat16)


def as_dataset(
    obj: Any, name: str, columns: Sequence[str] = ("x", "y"), reading: Reading | None = None
) -> Dataset:
    """Any data that Python holds, as a record with the columns that the spec declares.

    Accepted: a `Dataset`; a mapping of columns; a pandas frame; a tuple of columns in their
    order; a torch dataset (map-style or not) of tuples or mappings; a loader, list or any other
    iterable of such batches; a list of such examples. A column is a tensor, an array, a list, a
    pandas series; `x` may be a frame. Text and truth values become codes with `classes`; numbers
    keep their values, floating-point ones at least in torch's default dtype.

    A map-style dataset is read in its own order: training has an order of its own. The batches of
    a loader or iterable are those of the training, drawn anew each epoch (`stream`).

    Raises:
        DataError: a column that is missing (it lists what is there), another number of columns,
            an object that is no data, or what a column or `Dataset` refuses.
    """
    if isinstance(obj, Dataset):
        need_columns(name, columns, obj.columns)
        return obj.renamed(name)
    kind = f"Python {type(obj).__name__}"
    found = _plain(obj, name, columns)
    if found is not None:
        return _encoded(found.columns, name, columns, found.features, Read({}, words=kind))

    def converted(batch: Mapping[str, Any]) -> Dataset:
        return _encoded(batch, name, columns, (), Read({}))

    source = read(obj, name, columns, reading or Reading(), converted)
    return _encoded(source.columns, name, columns, (), source, kind)


class _Plain(NamedTuple):
    """Raw columns by name, and names of the parts of `x`."""

    columns: Mapping[str, Any]
    features: tuple[str, ...] = ()


def _plain(obj: Any, name: str, columns: Sequence[str]) -> _Plain | None:
    """Columns of data that come as columns; None for what comes in batches or examples."""
    if is_frame(obj):
        return _of_frame(obj, name, columns)
    if isinstance(obj, Mapping):
        if {"data", "target"} <= set(obj) and not {"x", "y"} & set(obj) and "x" in columns:
            return _of_bunch(obj)
        return _Plain({str(key): obj[key] for key in obj}, feature_names(obj.get("x")))
    if isinstance(obj, np.ndarray) and obj.dtype.names is not None:
        return _Plain({field: obj[field] for field in obj.dtype.names})
    if hasattr(obj, "to_pandas") and not is_map_style(obj) and not is_iterable_dataset(obj):
        return _plain(obj.to_pandas(), name, columns)
    if type(obj) is TensorDataset:
        return _Plain(named_columns(obj.tensors, name, columns))
    if names_columns(obj):
        named = named_columns(obj, name, columns)
        return _Plain(named, feature_names(named.get("x")))
    batches = isinstance(obj, (TorchDataset, Iterable)) or is_map_style(obj)
    batches &= not isinstance(obj, (str, bytes))
    if batches and (isinstance(obj, list) or not is_column(obj)):
        return None
    raise DataError(
        f"`{name}` is bound to {_in_words(obj)}, which is no data",
        f"give a mapping of arrays, a tuple ({', '.join(columns)}) of arrays, a torch dataset or "
        "loader, or a pandas frame",
    )


def _of_bunch(bunch: Mapping[str, Any]) -> _Plain:
    """What scikit-learn's `load_...` and `fetch_...` give: `data` are the inputs."""
    x = bunch["data"]
    names = tuple(map(str, bunch.get("feature_names") or ()))
    return _Plain({**bunch, "x": x, "y": bunch["target"]}, feature_names(x) or names)


def _in_words(obj: Any) -> str:
    """What an object is, for people."""
    if obj is None:
        return "None"
    if isinstance(obj, (int, float, str)):
        return f"{obj!r}"
    if isinstance(obj, (Tensor, np.ndarray)):
        return "one array without labels"
    return f"an object of type {type(obj).__name__}"


def _of_frame(frame: Any, name: str, columns: Sequence[str]) -> _Plain:
    """Declared columns of a frame; without a column `x`, all the others side by side are `x`."""
    need_own_names(frame, name)
    found = {str(label): frame[label] for label in frame.columns}
    rest = [label for label in frame.columns if str(label) not in columns]
    if "x" not in columns or not rest:
        return _Plain(found)
    if "x" in found:
        if len(frame) and not isinstance(found["x"].iloc[0], (Sequence, np.ndarray, Tensor)):
            others = some([f"`{label}`" for label in rest], 4)
            raise DataError(
                f"`x` of `{name}` has two readings: its column of that name, or that one beside "
                f"{others}",
                f"give the column alone, `frame[{[c for c in columns if c in found]}]`",
                'or give it another name to have all: `frame.rename(columns={"x": "x0"})`',
            )
        return _Plain(found)
    side_by_side = frame[rest]
    return _Plain({**found, "x": side_by_side}, feature_names(side_by_side))


def _encoded(
    raw: Mapping[str, Any],
    name: str,
    columns: Sequence[str],
    features: tuple[str, ...],
    source: Read,
    kind: str = "",
) -> Dataset:
    tensors: dict[str, Tensor] = {}
    classes: dict[str, tuple[Any, ...]] = {}
    notes = list(source.notes)
    need_columns(name, columns, raw)
    for wanted in columns:
        tensors[wanted], values = column(raw[wanted], wanted, name)
        if values is not None:
            classes[wanted] = values
        if getattr(raw[wanted], "dtype", None) in (*HALF, np.float16):
            came = str(raw[wanted].dtype).removeprefix("torch.")
            notes.append(f"column `{wanted}` of `{name}` came in {came} and is held in float32")
    words = "; ".join(part for part in (kind, source.words) if part)
    found = Dataset(
        name,
        tensors,
        classes,
        features,
        f"{words} given as `{name}`",
        stream=source.stream,
        items=source.items,
        notes=tuple(notes),
        sampled=source.sampled,
    )
    if found.large:
        told = (
            f"`{name}` is larger than what is held in memory: verdicts are measured on all its "
            f"{len(found):,} examples, a pass each; prices and restoration on {MEASURED_ROWS:,}"
        )
        return replace(found, notes=(*found.notes, told))
    return found
