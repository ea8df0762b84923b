"""Table columns to tensors: numbers, codes of classes, one-hot features."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cspec.runtime.data.dataset import whole_classes
from cspec.runtime.data.errors import DataError

_SHOWN = 3

Encoded = tuple[Tensor, tuple[Any, ...] | None]
"""A column and the original values of its codes; None for a column of plain numbers."""


def encode_classes(values: NDArray[Any], column: str, positive: Any | None = None) -> Encoded:
    """Codes in the sorted order of the values; `positive` of two values becomes class 1.

    Raises:
        DataError: `positive` is no value of the column, or the column does not have two.
    """
    keys = values.astype(str) if values.dtype == object else values
    found, codes = np.unique(keys, return_inverse=True)
    # As values of Python: what facts and messages show.
    classes = tuple(v.item() if isinstance(v, np.generic) else v for v in found)
    if positive is not None:
        if positive not in classes or len(classes) != 2:
            raise DataError(
                f"positive={positive!r} must be one of two values of `{column}`",
                f"its values are: {', '.join(map(repr, classes[:10]))}",
                about=str(positive),
            )
        if classes[0] == positive:
            classes, codes = classes[::-1], 1 - codes
    return torch.from_numpy(codes.astype(np.int64)), classes


def encode_plain(values: NDArray[Any], column: str) -> Encoded:
    """A column as it is: text and truth values as codes, numbers as numbers.

    Whole numbers stay what they are; they count as classes only if they are exactly 0, ..., K - 1,
    where a code is the value itself.
    """
    if values.dtype.kind in "OUSTb":
        return encode_classes(values, column)
    if values.dtype.kind in "iu":
        numbers = torch.from_numpy(values.astype(np.int64))
        return numbers, whole_classes(numbers)
    return in_full(torch.from_numpy(np.array(values))), None


def in_full(values: Tensor) -> Tensor:
    """Numbers with the digits they came with: the session rounds to the precision of the run.

    Half precision becomes torch's default type, in which anything can be computed.
    """
    full = values.dtype in (torch.float32, torch.float64)
    return values if full else values.to(torch.get_default_dtype())


def lines_text(lines: Sequence[int]) -> str:
    """`line 7`, `lines 7, 9, 12 and 40 more`."""
    shown = ", ".join(str(line) for line in lines[:_SHOWN])
    rest = f" and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return f"line{'s' if len(lines) > 1 else ''} {shown}{rest}"


def one_hot(codes: Tensor, classes: Sequence[Any]) -> Tensor:
    """(N,) codes -> (N, K) of zeros and ones in float64."""
    return torch.nn.functional.one_hot(codes, len(classes)).to(torch.float64)
