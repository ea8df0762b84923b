"""One column that Python holds, as a tensor: numbers, codes of text and truth values."""

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cspec.runtime.data.dataset import whole_classes
from cspec.runtime.data.encode import Encoded, encode_plain, in_full
from cspec.runtime.data.errors import DataError
from cspec.runtime.data.reading import MOST_COPIED, MOST_HELD


def is_frame(obj: Any) -> bool:
    """Whether it is a pandas frame."""
    kind = type(obj)
    return kind.__name__ == "DataFrame" and kind.__module__.split(".")[0] == "pandas"


def is_column(obj: Any) -> bool:
    """Whether it is one column, or several side by side, and no collection of batches."""
    if isinstance(obj, (Tensor, np.ndarray)) or is_frame(obj):
        return True
    # Series, indices, categoricals and their kin say how they are an array.
    if hasattr(obj, "__array__") and hasattr(obj, "__len__") and not isinstance(obj, type):
        return True
    if isinstance(obj, (range, memoryview)) or hasattr(obj, "toarray"):
        return True
    return isinstance(obj, list) and not (obj and isinstance(obj[0], (tuple, Mapping)))


def feature_names(values: Any) -> tuple[str, ...]:
    """Names of the columns of a frame."""
    return tuple(str(name) for name in values.columns) if is_frame(values) else ()


def need_own_names(frame: Any, of: str) -> None:
    """Check that each column of a frame has a name of its own.

    Raises:
        DataError: a name that several have.
    """
    twice = [name for name, count in Counter(map(str, frame.columns)).items() if count > 1]
    if twice:
        raise DataError(
            f"several columns of `{of}` are called `{twice[0]}`",
            "give each a name of its own, or drop the copies: "
            "`frame.loc[:, ~frame.columns.duplicated()]`",
            about=twice[0],
        )


def names_columns(obj: Any) -> bool:
    """Whether a tuple is one of columns, and not of examples or batches."""
    return (
        isinstance(obj, tuple)
        and any(map(is_column, obj))
        and not any(isinstance(item, (tuple, Mapping)) for item in obj)
    )


def column(values: Any, name: str, of: str) -> Encoded:
    """A column as a tensor; text and truth values as codes, with their values in code order.

    Numbers keep their digits. `of` is the dataset, for messages.

    Raises:
        DataError: missing values, dates, complex numbers, rows of different shapes, sparse
            tensors, text beside numbers, numbers beyond 64 bits.
    """
    if isinstance(values, (str, bytes, set, frozenset, Iterator)):
        words = "text" if isinstance(values, (str, bytes)) else f"a {type(values).__name__}"
        raise DataError(
            f"column `{name}` of `{of}` is {words}, not one value a row in an order",
            "give a list, an array or a tensor",
        )
    if type(values).__module__ == "pyarrow.lib" and hasattr(values, "to_numpy"):
        values = values.to_numpy(zero_copy_only=False)  # its items are scalars of its own
    if isinstance(values, Tensor):
        return _of_tensor(values.detach(), name, of)
    if is_frame(values) and values.shape[1] == 1:
        single, classes = column(values[values.columns[0]], name, of)
        # Numbers keep a row of their own, which models take; text and truth values are codes.
        plain = classes is None or classes == tuple(range(len(classes)))
        return (single.unsqueeze(1), None) if plain and single.ndim == 1 else (single, classes)
    if is_frame(values):
        return _of_tensor(torch.from_numpy(frame_matrix(values, name, of)), name, of)
    if isinstance(values, (list, tuple)) and any(isinstance(item, Tensor) for item in values):
        return _of_tensor(_stacked(values, name, of), name, of)
    return _of_array(_array(values, name, of), name, of)


def frame_matrix(frame: Any, name: str, of: str) -> NDArray[np.float64]:
    """The columns of a frame side by side; all of them must be numbers."""
    need_own_names(frame, of)
    parts = []
    for label in frame.columns:
        array = _array(frame[label], str(label), of)
        if array.dtype.kind not in "biuf":
            raise DataError(
                f"the input column `{label}` of `{of}` holds {_words(array)}",
                "encode it as numbers first, declare it as a column, or read the table with "
                "csv(...), which encodes text",
                about=str(label),
            )
        parts.append(array.astype(np.float64))
    if not parts:
        raise DataError(f"column `{name}` of `{of}` is a frame without columns")
    return np.stack(parts, axis=1)


def _of_tensor(tensor: Tensor, name: str, of: str) -> Encoded:
    if tensor.layout != torch.strided or tensor.is_nested:
        raise DataError(
            f"column `{name}` of `{of}` is a sparse or nested tensor",
            "give it in full: `.to_dense()`, `.to_padded_tensor(0)`",
        )
    if tensor.is_complex():
        raise _complex(name, of)
    if tensor.is_inference():
        tensor = tensor.clone()  # derivatives may be asked for
    if tensor.dtype == torch.bool:
        return tensor.long(), (False, True)
    if tensor.numel() > MOST_HELD and tensor.dtype not in (
        torch.float32,
        torch.float64,
        torch.long,
    ):
        raise _too_large(tensor, name, of)
    if tensor.is_floating_point():
        return in_full(tensor), None
    if tensor.dtype == torch.uint64 and bool((tensor.view(torch.int64) < 0).any()):
        raise _beyond_64_bits(name, of)
    whole = tensor.long()
    return whole, whole_classes(whole)


def _beyond_64_bits(name: str, of: str) -> DataError:
    return DataError(
        f"column `{name}` of `{of}` holds whole numbers beyond 64 bits",
        "number its values anew, or give it as floating-point numbers",
    )


def _of_array(array: NDArray[Any], name: str, of: str) -> Encoded:
    if array.dtype.kind in "mM":
        raise _dates(name, of, _words(array))
    if array.dtype.kind == "c":
        raise _complex(name, of)
    if array.dtype.kind in "biuf":
        # Tensors have the machine's byte order and at most 64 bits.
        narrow = np.dtype(np.float64) if array.dtype.itemsize > 8 else array.dtype
        kept = array.flags.writeable or _is_mapped(array)
        plain = array.astype(narrow.newbyteorder("="), copy=not kept)
        # `ascontiguousarray` would make a row of a single number.
        ordered = np.ascontiguousarray(plain) if plain.ndim else plain
        return _of_tensor(_shared(ordered), name, of)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]  # one value an example in a row of its own
    if array.ndim != 1:
        raise DataError(
            f"column `{name}` of `{of}` holds {_words(array)} in {array.ndim} dimensions",
            "give one value an example, or a column for each",
        )
    return encode_plain(array, name)


def _too_large(tensor: Tensor, name: str, of: str) -> DataError:
    kind = str(tensor.dtype).removeprefix("torch.")
    return DataError(
        f"column `{name}` of `{of}` holds {tensor.numel():,} numbers in {kind}, which would have "
        "to be converted in memory",
        "give a loader whose dataset converts one example at a time",
        "or write the file in float32",
    )


def _is_mapped(array: NDArray[Any]) -> bool:
    """Whether it lies in a file and is too large to be copied into memory."""
    base: Any = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return array.size > MOST_COPIED
        base = base.base
    return False


def _shared(array: NDArray[Any]) -> Tensor:
    """The array as a tensor of the same memory, which may be a file that can't be written to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nothing is written: models are given copies
        return torch.from_numpy(array)


def _complex(name: str, of: str) -> DataError:
    return DataError(
        f"column `{name}` of `{of}` holds complex numbers, not numbers that a model can take",
        "give real and imaginary part side by side: `torch.view_as_real(x)`",
    )


def _words(array: NDArray[Any]) -> str:
    """What an array holds, for people."""
    words = {"M": "dates", "m": "lengths of time", "c": "complex numbers"}
    return words.get(array.dtype.kind, "text")


# --- To numpy ------------------------------------------------------------------------------------


def _array(values: Any, name: str, of: str) -> NDArray[Any]:
    """Any column as a numpy array of numbers, truth values or text, without missing values."""
    if hasattr(values, "toarray"):
        raise DataError(f"column `{name}` of `{of}` is sparse", "give it in full: `.toarray()`")
    if isinstance(values, np.ma.MaskedArray) and bool(np.ma.is_masked(values)):
        raise _missing(name, of)
    try:
        array = values.to_numpy() if hasattr(values, "to_numpy") else np.asarray(values)
    except ValueError as error:
        raise _ragged(name, of) from error
    if array.dtype.kind in "US" and isinstance(values, (list, tuple)):
        # numpy would have made text of numbers beside text.
        array = np.array(values, dtype=object)
    if array.dtype == object:
        array = _plain_objects(array, name, of)
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    return array


def _plain_objects(array: NDArray[Any], name: str, of: str) -> NDArray[Any]:
    """Python objects as numbers, truth values or text, whichever all of them are."""
    items = array.ravel().tolist()
    if any(item is None or (isinstance(item, Number) and item != item) for item in items):
        raise _missing(name, of)
    if any(type(item).__name__ in ("NAType", "NaTType") for item in items):
        raise _missing(name, of)
    if any(hasattr(item, "isoformat") for item in items):
        raise _dates(name, of, "dates")
    if all(isinstance(item, (bool, np.bool_)) for item in items):
        return array.astype(bool)
    if all(isinstance(item, (Number, np.generic)) and not isinstance(item, str) for item in items):
        return _numbers(array, name, of)
    if any(isinstance(item, (list, tuple, np.ndarray, Tensor)) for item in items):
        return _nested(items, name, of)
    if all(isinstance(item, str) for item in items):
        return array
    kinds = sorted({type(item).__name__ for item in items})
    raise DataError(
        f"column `{name}` of `{of}` mixes values of different kinds ({', '.join(kinds[:4])})",
        "give numbers alone, or text alone: `[str(v) for v in values]`",
    )


def _numbers(array: NDArray[Any], name: str, of: str) -> NDArray[Any]:
    """Python numbers, whatever their classes, as whole ones or as floats."""
    found = np.array([_number(item) for item in array.ravel().tolist()])
    if found.dtype == object:
        raise _beyond_64_bits(name, of)
    return found.reshape(array.shape)


def _number(item: Any) -> Any:
    """Fractions and decimals as floats; numpy's numbers as Python's."""
    plain = item.item() if isinstance(item, np.generic) else item
    return plain if isinstance(plain, (bool, int, float, complex)) else float(plain)


def _nested(items: Sequence[Any], name: str, of: str) -> NDArray[Any]:
    """A column whose entries are arrays of one shape."""
    try:
        arrays = [np.asarray(item) for item in items]
    except ValueError as error:
        raise _ragged(name, of) from error
    if len({array.shape for array in arrays}) > 1 or any(a.dtype == object for a in arrays):
        raise _ragged(name, of)
    return np.stack(arrays)


def _stacked(values: Sequence[Any], name: str, of: str) -> Tensor:
    """A list with one tensor an example."""
    tensors = [torch.as_tensor(item).detach() for item in values]
    if len({tensor.shape for tensor in tensors}) > 1:
        raise _ragged(name, of)
    return torch.stack(tensors)


def _ragged(name: str, of: str) -> DataError:
    return DataError(
        f"the rows of column `{name}` of `{of}` have different shapes",
        "pad or cut them to one length; a mask column says what is padding",
    )


def _dates(name: str, of: str, what: str) -> DataError:
    return DataError(
        f"column `{name}` of `{of}` holds {what}",
        "give numbers: days since a date, the hour of the day",
    )


def _missing(name: str, of: str) -> DataError:
    return DataError(
        f"column `{name}` of `{of}` has missing values",
        "remove these rows or fill them in before training",
    )
