"""Examples put together to batches, batches laid end to end."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import default_collate

from cspec.runtime.data.errors import DataError


def collate(examples: Sequence[Any]) -> Any:
    """Examples as a batch: torch's own way, but text stays text and numbers keep their digits."""
    first = examples[0]
    if isinstance(first, Mapping):
        return {key: _column([example[key] for example in examples]) for key in first}
    if isinstance(first, (tuple, list)):
        columns = (_column(list(values)) for values in zip(*examples, strict=True))
        return getattr(first, "_make", tuple)(columns)
    return default_collate(list(examples))


def _column(values: list[Any]) -> Any:
    first = values[0]
    if isinstance(first, Tensor):
        return default_collate(values)
    if isinstance(first, np.ndarray):
        return np.stack(values)
    return values


def concatenated(pieces: Sequence[Any], name: str) -> Any:
    """Pieces of a column laid end to end.

    Raises:
        DataError: pieces of different shapes.
    """
    try:
        if all(isinstance(piece, Tensor) for piece in pieces):
            return torch.cat([piece.detach().cpu() for piece in pieces])
        # Lists as they are: numpy would make text of numbers beside text.
        return np.concatenate(
            [np.array(p, dtype=object) if isinstance(p, list) else np.asarray(p) for p in pieces]
        )
    except (RuntimeError, ValueError) as error:
        raise DataError(
            f"the batches of column `{name}` have different shapes, so they make no whole",
            "pad or cut the examples to one length in all batches; a mask column says what is "
            "padding",
        ) from error


class Pieces:
    """Batches as they come in, column by column; `last` is how many rows the last one has."""

    def __init__(self, keep: bool) -> None:
        self._pieces: dict[str, list[Any]] = {}
        self._keep = keep
        self.raw: list[Any] = []
        self.count = self.rows = self.last = self.entries = 0

    def add(self, raw: Any, columns: Mapping[str, Any]) -> None:
        """Take a batch in."""
        if self._keep:
            self.raw.append(raw)
        self.count += 1
        lengths = [len(v) for v in columns.values() if hasattr(v, "__len__") and np.ndim(v)]
        self.last = lengths[0] if lengths else 1
        self.rows += self.last
        self.entries += sum(
            int(np.size(v)) if not isinstance(v, Tensor) else v.numel() for v in columns.values()
        )
        for name, values in columns.items():
            self._pieces.setdefault(name, []).append(values)

    def columns(self) -> dict[str, Any]:
        """The batches laid end to end."""
        return {name: concatenated(values, name) for name, values in self._pieces.items()}
