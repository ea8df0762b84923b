"""One numbering of classes for a column that several datasets have.

`male` must be the same code in `train` and in `val`, whichever of its values each of them holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cspec.runtime.data.dataset import Dataset
from cspec.runtime.data.errors import DataError
from cspec.runtime.functions.shapes import are_within


def aligned(data: Mapping[str, Dataset]) -> dict[str, Dataset]:
    """The datasets with the classes of each shared column numbered alike.

    The classes are the union: sorted where each dataset has them sorted, else in the order of the
    first one. Columns of whole numbers keep their values as codes.

    Raises:
        DataError: a column that holds text in one dataset and numbers in another.
    """
    found = dict(data)
    for column in dict.fromkeys(name for dataset in data.values() for name in dataset.columns):
        having = [d for d in found.values() if column in d.columns]
        if len(having) < 2 or not any(column in d.classes for d in having):
            continue
        for dataset in _alike(having, column):
            found[dataset.name] = dataset
    return found


def _alike(having: Sequence[Dataset], column: str) -> list[Dataset]:
    known = [_values(d, column) for d in having]
    if any(values is None for values in known):
        return []
    lists = [values for values in known if values is not None]
    texts = [d.name for d, values in zip(having, lists, strict=True) if isinstance(values[0], str)]
    if texts and len(texts) < len(having):
        other = next(d.name for d in having if d.name not in texts)
        raise DataError(
            f"column `{column}` holds text in `{texts[0]}` and numbers in `{other}`",
            "encode it in the same way in all datasets",
        )
    every = tuple(dict.fromkeys(value for values in lists for value in values))
    union = tuple(sorted(every)) if all(list(v) == sorted(v) for v in lists) else every
    return [
        d if d.classes.get(column) == union else _recoded(d, column, values, union)
        for d, values in zip(having, lists, strict=True)
    ]


def _values(dataset: Dataset, column: str) -> tuple[Any, ...] | None:
    """The class of each code; None for a column of real numbers, or of other whole ones."""
    if column in dataset.classes:
        return tuple(dataset.classes[column])
    codes = dataset[column]
    if codes.is_floating_point() or codes.ndim != 1 or int(codes.min()) < 0:
        return None
    return tuple(range(int(codes.max()) + 1))


def _recoded(
    dataset: Dataset, column: str, values: tuple[Any, ...], union: tuple[Any, ...]
) -> Dataset:
    places = torch.tensor([union.index(value) for value in values])
    codes = dataset[column]
    moved = places.to(codes.device)[codes]
    return replace(
        dataset,
        columns={**dataset.columns, column: moved},
        classes={**dataset.classes, column: union},
    )


def coded_like(dataset: Dataset, classes: Mapping[str, tuple[Any, ...]]) -> Dataset:
    """The dataset with the codes that its columns have where `classes` were numbered.

    Raises:
        DataError: a value that is no class there.
    """
    found = dict(dataset.columns)
    for column, known in classes.items():
        if column in found and dataset.classes.get(column) != known:
            own = dataset.classes.get(column)
            values = found[column] if own is None else [own[code] for code in found[column]]
            found[column] = codes_of(values, known, column)
    kept = {column: known for column, known in classes.items() if column in found}
    return replace(dataset, columns=found, classes={**dataset.classes, **kept})


def codes_of(values: Any, classes: Sequence[Any], column: str) -> Tensor:
    """The position of each value in `classes`; whole numbers are codes where classes are text.

    Raises:
        DataError: a value that is no class.
    """
    if isinstance(values, Tensor):
        if not are_codes(classes):
            return _looked_up(values, classes, column)
        return checked_codes(values, classes, column)
    array = np.asarray(values)
    if array.dtype.kind in "biuf":
        return codes_of(torch.from_numpy(np.ascontiguousarray(array)), classes, column)
    places = {value: code for code, value in enumerate(classes)}
    unknown = [value for value in dict.fromkeys(array.ravel().tolist()) if value not in places]
    if unknown:
        raise _no_class(unknown[0], classes, column)
    return torch.tensor([places[value] for value in array.ravel().tolist()]).reshape(array.shape)


def are_codes(classes: Sequence[Any]) -> bool:
    """Whether whole numbers are codes of these classes: of text, and of 0, 1, 2, ..."""
    return isinstance(classes[0], str) or list(classes) == list(range(len(classes)))


def _looked_up(values: Tensor, classes: Sequence[Any], column: str) -> Tensor:
    """Codes of numbers that are not their own codes: 1, 2, 5, or false and true."""
    known = torch.tensor([float(value) for value in classes], device=values.device)
    same = values.unsqueeze(-1).to(known.dtype) == known
    if not bool(same.any(-1).all()):
        raise _no_class(values[~same.any(-1)][0].item(), classes, column)
    return same.long().argmax(-1)


def checked_codes(values: Tensor, classes: Sequence[Any], column: str) -> Tensor:
    """Whole numbers as codes; those of an accelerator are not waited for.

    Raises:
        DataError: one that is no code of these classes.
    """
    codes = values if values.dtype is torch.int64 else values.long()
    if codes.is_cpu and codes.numel() and not are_within(codes, len(classes)):
        lowest, highest = (int(end) for end in torch.aminmax(codes))
        raise _no_class(lowest if lowest < 0 else highest, classes, column)
    return codes


def check_groups(values: Tensor, groups: Sequence[int], column: str) -> None:
    """Whole numbers that make groups: none is left out.

    Raises:
        DataError: one that is none of these groups.
    """
    strange = ~torch.isin(values, values.new_tensor(groups))
    if bool(strange.any()):
        raise _no_class(values[strange][0].item(), groups, column)


def check_labels(values: Tensor, column: str, chances: bool) -> bool:
    """Numbers that are read as classes 0, 1, ..., or with `chances` as probabilities of class 1.

    True where they say so themselves: one of them is in [0, 1).

    Raises:
        DataError: -1 and 1, which nobody said; what is no probability.
    """
    if not values.numel():
        return False
    lowest, highest = (float(end) for end in torch.aminmax(values))
    if chances and not 0 <= lowest <= highest <= 1:
        wrong = lowest if lowest < 0 else highest
        raise DataError(
            f"column `{column}` holds {wrong:g}, and is read as labels 0 and 1, or probabilities",
            "number the two classes 0 and 1",
        )
    if lowest == -1 and bool((values.abs() == 1).all()):
        raise DataError(
            f"column `{column}` holds -1 and 1, and is read as classes 0 and 1",
            f'say which values there are: groups={{"{column}": [-1, 1]}}, or give the training '
            "data to `bind`",
        )
    return 0 <= lowest < 1


def _no_class(value: Any, classes: Sequence[Any], column: str) -> DataError:
    shown = ", ".join(repr(item) for item in classes[:10])
    return DataError(
        f"column `{column}` holds {value!r}, which is none of its known values",
        f"they are: {shown}",
    )
