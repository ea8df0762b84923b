"""Training batches as their source makes them: a loader's own sampling and augmentation, anew each
epoch.

    stream = dataset.stream
    reader = StreamReader(stream, dataset, seed)
    reader.at(0), reader.at(1), ...          columns of the batches of the run, in order

A dataset that has a stream also has `columns`: the examples read once, which whole-data measures
are made on. The numbers that a loader draws are a function of (seed, epoch): a run that is resumed
draws the same batches again, unless the source has a generator of its own or can't start anew.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from cspec.runtime.data.align import coded_like
from cspec.runtime.data.dataset import Dataset, Items, Stream
from cspec.runtime.data.order import RandomStream


class DataEndedError(Exception):
    """A source that can't start anew has no batch left."""


class StreamReader:
    """The batches of a run, one after another."""

    def __init__(self, stream: Stream, dataset: Dataset, *keys: int | str) -> None:
        self._stream = stream
        self._dataset = dataset
        self._keys = keys
        self._random = RandomStream()
        self._pass: Iterator[Any] | None = None
        self._opened = (-1, 0)
        """The epoch of the pass, and how often it had to start anew within."""
        self._drawn = -1
        self._last: Mapping[str, Tensor] = {}
        self.epochs_an_order = 1
        """Epochs that draw the same random numbers."""

    @property
    def repeats(self) -> bool:
        """Whether a run that is resumed draws the same batches again."""
        return self._stream.again and self._stream.steady

    def at(self, step: int) -> Mapping[str, Tensor]:
        """The columns of the batch of a step, counted from 0.

        Steps go forward; a first one that is not 0 draws what lies before it in its epoch.

        Raises:
            DataEndedError: the source has no more.
        """
        if step == self._drawn:
            return self._last
        if self._pass is None or step < self._drawn:
            self._drawn = self._epoch(step) * self._stream.epoch - 1
            self._opened = (-1, 0)
        raw = None
        while self._drawn < step:
            raw = self._next(self._drawn + 1)
            self._drawn += 1
        self._last = in_form(self._stream.read(raw), self._dataset)
        return self._last

    def _epoch(self, step: int) -> int:
        """A source without end is one pass."""
        return 0 if self._stream.length is None else step // self._stream.length

    def _next(self, step: int) -> Any:
        """The next raw batch; a pass that is over before its length begins anew."""
        epoch = self._epoch(step)
        if self._opened[0] != epoch:
            self._open(epoch, 0)
        for _ in range(2):
            assert self._pass is not None
            with self._random.used():
                raw = next(self._pass, _END)
            if raw is not _END:
                return raw
            if not self._stream.again:
                break
            self._open(epoch, self._opened[1] + 1)
        raise DataEndedError

    def _open(self, epoch: int, again: int) -> None:
        if self._pass is not None and not self._stream.again:
            raise DataEndedError
        self._opened = (epoch, again)
        self._random.seed("stream", *self._keys, epoch // self.epochs_an_order, again)
        with self._random.used():
            self._pass = iter(self._stream.pass_over())


_END = object()


def in_form(batch: Dataset, like: Dataset) -> dict[str, Tensor]:
    """The columns of a batch with the codes, device and precision of the whole data."""
    coded = coded_like(batch, dict(like.classes))
    found = {}
    for name, values in coded.columns.items():
        whole = like[name]
        kind = whole.dtype if whole.is_floating_point() else None
        found[name] = values.to(device=whole.device, dtype=kind)
    return found


def draw_items(
    items: Items, dataset: Dataset, rows: Sequence[int], *keys: int | str
) -> dict[str, Tensor]:
    """Examples read anew, with random numbers that are a function of the keys."""
    stream = RandomStream()
    stream.seed("items", *keys)
    with stream.used():
        batch = items.read(rows)
    return in_form(batch, dataset)
