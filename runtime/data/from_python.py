"""Data that come from Python: tensors, arrays, dictionaries, frames, torch datasets and loaders."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, RandomSampler, SequentialSampler, TensorDataset
from torch.utils.data import Dataset as TorchDataset

from cspec.runtime.data.dataset import Dataset, need_columns, whole_classes
from cspec.runtime.data.encode import Encoded, encode_plain, in_full
from cspec.runtime.data.errors import DataError

_READ_AT_ONCE = 256


def as_dataset(obj: Any, name: str, columns: Sequence[str] = ("x", "y")) -> Dataset:
    """Any data that Python holds, as a record with the columns that the spec declares.

    Accepted: a `Dataset`; a mapping of arrays; a pandas frame; a tuple of arrays in the order of
    `columns`; a torch dataset or loader that yields tuples or mappings, and any other iterable of
    such batches, which are read once. A map-style dataset is read in its own order: training has
    an order of its own. Text and truth values become codes with `classes`; numbers keep their
    values, floating-point ones in torch's default dtype.

    Raises:
        DataError: a column that is missing (it lists what is there), another number of columns,
            an object that is no data, or what `Dataset` refuses.
    """
    if isinstance(obj, Dataset):
        found: Mapping[str, Any] = obj.columns
        need_columns(name, columns, found)
        return obj.renamed(name)
    raw = _raw(obj, name, columns)
    features = _feature_names(raw, columns) if _is_frame(obj) and "x" not in obj.columns else ()
    return _encoded(raw, name, columns, features, f"Python {type(obj).__name__}")


def _raw(obj: Any, name: str, columns: Sequence[str]) -> Mapping[str, Any]:
    """Raw columns by name, before they become tensors."""
    if _is_frame(obj):
        return _frame_columns(obj, name, columns)
    if isinstance(obj, Mapping):
        return obj
    if isinstance(obj, TensorDataset):
        return _named(obj.tensors, name, columns)
    if isinstance(obj, (DataLoader, TorchDataset)):
        return _collected(_in_order(obj), name, columns)
    if isinstance(obj, tuple) and obj and all(_is_array(item) for item in obj):
        return _named(obj, name, columns)
    if isinstance(obj, Iterable) and not _is_array(obj) and not isinstance(obj, (str, bytes)):
        return _collected(obj, name, columns)
    raise DataError(
        f"`{name}` is bound to {_in_words(obj)}, which is no data",
        f"give a mapping of arrays, a tuple ({', '.join(columns)}) of arrays, a torch dataset or "
        "loader, or a pandas frame",
    )


def _in_words(obj: Any) -> str:
    """What an object is, for people."""
    if obj is None:
        return "None"
    if isinstance(obj, (int, float, str)):
        return f"{obj!r}"
    if isinstance(obj, (Tensor, np.ndarray)):
        return "one array without labels"
    return f"an object of type {type(obj).__name__}"


def _is_array(obj: Any) -> bool:
    return isinstance(obj, (Tensor, np.ndarray)) or (
        isinstance(obj, list) and bool(obj) and isinstance(obj[0], (int, float, str, list))
    )


def _is_frame(obj: Any) -> bool:
    kind = type(obj)
    return kind.__name__ == "DataFrame" and kind.__module__.split(".")[0] == "pandas"


def _named(values: Sequence[Any], name: str, columns: Sequence[str]) -> dict[str, Any]:
    if len(values) != len(columns):
        raise DataError(
            f"`{name}` declares the columns {', '.join(columns)}, but {len(values)} were given",
            "declare one name for each, in the order in which they are given",
        )
    return dict(zip(columns, values, strict=True))


def _in_order(obj: Any) -> Iterable[Any]:
    """Batches of a dataset or loader; a loader's shuffling is undone where it only shuffles."""
    if isinstance(obj, DataLoader):
        plain = isinstance(obj.sampler, SequentialSampler) or (
            isinstance(obj.sampler, RandomSampler)
            and not obj.sampler.replacement
            and obj.sampler.num_samples == len(obj.sampler)
            and len(obj.sampler) == len(cast(Any, obj.dataset))
        )
        if obj.batch_size is None or not plain or not hasattr(obj.dataset, "__len__"):
            return obj
        return DataLoader(obj.dataset, batch_size=obj.batch_size, collate_fn=obj.collate_fn)
    return DataLoader(obj, batch_size=_READ_AT_ONCE)


def _collected(batches: Iterable[Any], name: str, columns: Sequence[str]) -> dict[str, Any]:
    """The batches laid end to end, column by column."""
    pieces: dict[str, list[Any]] = {}
    for batch in batches:
        if isinstance(batch, Mapping):
            named: Mapping[str, Any] = batch
        elif isinstance(batch, (tuple, list)):
            named = _named(batch, name, columns)
        else:
            raise DataError(
                f"`{name}` yields a {type(batch).__name__} instead of a tuple or mapping",
                f"each batch must hold the columns {', '.join(columns)}",
            )
        need_columns(name, columns, named)
        for column in columns:
            pieces.setdefault(column, []).append(named[column])
    if not pieces:
        raise DataError(f"the data `{name}` is empty: it yields no batch")
    return {column: _concatenated(values) for column, values in pieces.items()}


def _concatenated(pieces: Sequence[Any]) -> Any:
    if all(isinstance(piece, Tensor) for piece in pieces):
        return torch.cat([piece.detach().cpu() for piece in pieces])
    return np.concatenate([np.asarray(piece) for piece in pieces])


def _frame_columns(frame: Any, name: str, columns: Sequence[str]) -> dict[str, Any]:
    """Declared columns of a frame; without a column `x`, all the others side by side are `x`."""
    found = {str(c): frame[c].to_numpy() for c in frame.columns}
    rest = [c for c in found if c not in columns]
    if "x" in columns and "x" not in found and rest:
        for column in rest:
            if found[column].dtype.kind not in "biuf":
                raise DataError(
                    f"the input column `{column}` of `{name}` holds text",
                    "encode it as numbers first, declare it as a column, or read the table with "
                    "csv(...), which encodes text",
                )
        found["x"] = np.stack([found[c].astype(np.float64) for c in rest], axis=1)
    return found


def _feature_names(raw: Mapping[str, Any], columns: Sequence[str]) -> tuple[str, ...]:
    """Names of the frame's columns that were put side by side."""
    return tuple(c for c in raw if c not in columns) if "x" in raw else ()


def _encoded(
    raw: Mapping[str, Any],
    name: str,
    columns: Sequence[str],
    features: tuple[str, ...],
    origin: str,
) -> Dataset:
    tensors: dict[str, Tensor] = {}
    classes: dict[str, tuple[Any, ...]] = {}
    need_columns(name, columns, raw)
    for column in columns:
        tensors[column], values = _tensor(raw[column], column, name)
        if values is not None:
            classes[column] = values
    return Dataset(name, tensors, classes, features, f"{origin} given as `{name}`")


def _tensor(values: Any, column: str, name: str) -> Encoded:
    if isinstance(values, Tensor):
        tensor = values.detach()
        if tensor.dtype == torch.bool and tensor.ndim == 1:
            return tensor.long(), (False, True)
        if tensor.is_floating_point():
            return in_full(tensor), None
        return tensor.long(), whole_classes(tensor)
    array = np.asarray(values)
    if array.ndim == 1:
        if array.dtype == object and any(v is None or v != v for v in array):
            raise DataError(f"column `{column}` of `{name}` has missing values")
        return encode_plain(array, column)
    if array.dtype.kind not in "biuf":
        raise DataError(f"column `{column}` of `{name}` holds {array.dtype}, not numbers")
    return _tensor(torch.from_numpy(np.ascontiguousarray(array)), column, name)
