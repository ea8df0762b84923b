"""Data that come in batches or one by one: loaders, torch datasets, lists, generators.

    read(obj, "train", ("x", "y"), reading) -> Read(columns, stream, items, words, notes)

`columns` are the examples laid end to end in their own order, read once: what is measured on whole
data. A loader's batches are the training batches, too (`stream`): drawn anew each epoch, by its own
sampler, with its own augmentation. A map-style dataset is trained in batches of ours; where reading
an item twice gives different ones, items are read anew for each batch (`items`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice, zip_longest
from typing import Any, cast

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, Subset
from torch.utils.data import Dataset as TorchDataset

from cspec.runtime.data.collate import Pieces, collate
from cspec.runtime.data.columns import is_column
from cspec.runtime.data.dataset import Dataset, Items, Stream, need_columns
from cspec.runtime.data.errors import DataError
from cspec.runtime.data.order import RandomStream, permutation
from cspec.runtime.data.reading import MEASURED_ROWS, MOST_ENTRIES, MOST_HELD, MOST_ROWS, Reading
from cspec.runtime.data.samplers import (
    READ_AT_ONCE,
    as_of,
    batch_size_of,
    in_order_of,
    is_iterable_dataset,
    is_map_style,
    own_generator,
)

COMPARED = 1000
"""Items of a dataset that are read twice, to see whether it augments."""

Columns = Mapping[str, Any]
Convert = Callable[[Columns], Dataset]
"""Raw columns of one batch as a dataset."""


@dataclass(frozen=True)
class Read:
    """Raw columns of all examples, and how training goes on from their source."""

    columns: Columns
    stream: Stream | None = None
    items: Items | None = None
    words: str = ""
    notes: tuple[str, ...] = field(default=())
    sampled: str = ""
    """What the columns are, where there are more examples than they hold."""


def read(obj: Any, name: str, columns: Sequence[str], reading: Reading, convert: Convert) -> Read:
    """Any source of examples or batches, read once.

    Raises:
        DataError: batches that are none, examples of different shapes, a source without end where
            the spec does not say how many steps to take.
    """
    source = _Source(name, tuple(columns), reading, convert)
    random = RandomStream()
    random.seed("read", name)
    with _told(name), random.used():
        if isinstance(obj, DataLoader):
            return source.loader(obj)
        if is_iterable_dataset(obj):
            return source.loader(DataLoader(obj, batch_size=128, collate_fn=collate))
        if is_map_style(obj):
            return source.dataset(obj)
        if isinstance(obj, (list, tuple)) and not _holds_batches(obj):
            return source.dataset(cast(Any, obj))
        return source.batches(obj)


_END = object()


def _holds_batches(items: Sequence[Any]) -> bool:
    """Whether a list holds batches, not examples: arrays with a first dimension in common."""
    if not items:
        return True
    first = items[0]
    if not isinstance(first, (Mapping, tuple, list)):
        return True
    values = list(first.values()) if isinstance(first, Mapping) else list(first)
    lengths = {len(v) if is_column(v) and np.ndim(v) else -1 for v in values}
    return len(lengths) == 1 and -1 not in lengths


@contextmanager
def _told(name: str) -> Iterator[None]:
    """What the user's own code raises while it is read, as a mistake in the data."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        said = " ".join(str(error).split()) or type(error).__name__
        if any(words in said for words in ("equal size", "same shape", "inhomogeneous")):
            raise DataError(
                f"the examples of `{name}` have different shapes, so they make no batch",
                "pad or cut them to one length; a mask column says what is padding",
            ) from error
        raise DataError(
            f"reading `{name}` raised {type(error).__name__}: {said}",
            "give tuples or mappings of tensors, arrays and numbers",
        ) from error


@dataclass(frozen=True)
class _Source:
    """Reading one source."""

    name: str
    wanted: tuple[str, ...]
    reading: Reading
    convert: Convert

    # --- Sources -----------------------------------------------------------------------------

    def loader(self, loader: DataLoader[Any]) -> Read:
        """A loader: its passes are the epochs."""
        sized = not isinstance(loader.dataset, IterableDataset) or hasattr(
            loader.dataset, "__len__"
        )
        length = len(loader) if sized else None
        if length == 0:
            held = len(cast(Any, loader.dataset))
            why = (
                f"`drop_last` leaves none of its {held} examples" if held else "it has no examples"
            )
            raise DataError(f"the loader of `{self.name}` yields no batch: {why}")
        in_order = in_order_of(loader)
        sampled = ""
        if in_order is None:
            found, whole = self._collected(loader, sized)
        else:
            count = len(cast(Any, in_order.dataset))
            found, whole = self._collected(in_order, sized=True, rows=count)
        endless = not whole and not sized
        if not whole and in_order is None:
            sampled = f"the first {found.rows:,} examples"
        elif not whole and in_order is not None:
            found = self._drawn(in_order, found.entries // max(1, found.rows))
            sampled = f"{found.rows:,} of its {count:,} examples, drawn at random"
        stream = Stream(
            pass_over=lambda: iter(loader),
            read=self._dataset,
            length=length if length is not None or endless else found.count,
            batch_size=batch_size_of(loader),
            steady=getattr(loader, "generator", None) is None and own_generator(loader) is None,
        )
        how = "read once in their own order" if in_order is not None else "from one pass"
        words = _words(stream, "drawn anew each epoch", f"{found.rows:,} examples, {how}", sampled)
        notes = (f"`{self.name}`: {words}",)
        return Read(found.columns(), stream, None, words, notes, sampled)

    def _drawn(self, loader: DataLoader[Any], entries: int) -> Pieces:
        """As many examples as are held, of so many entries each, drawn at random."""
        rows = min(MEASURED_ROWS, max(1, MOST_HELD // max(1, entries)))
        dataset = cast(Any, loader.dataset)
        chosen = sorted(permutation(len(dataset), 0, 0)[:rows].tolist())
        part = as_of(loader, Subset(dataset, chosen), loader.batch_size)
        return self._collected(part, sized=True)[0]

    def dataset(self, dataset: TorchDataset[Any]) -> Read:
        """A map-style dataset: examples by position."""
        if not hasattr(dataset, "__len__"):
            raise DataError(
                f"`{self.name}` is a dataset without a length",
                "give it `__len__`, or make it an IterableDataset",
            )
        loader = DataLoader(dataset, batch_size=READ_AT_ONCE, collate_fn=collate)
        found, whole = self._collected(loader, sized=True, rows=len(dataset))
        if not whole:
            raise DataError(
                f"`{self.name}` holds {len(dataset):,} examples, more than is held in memory",
                f"give a loader, whose batches are streamed: {self.name}=DataLoader("
                f"{self.name}, batch_size=128, shuffle=True)",
            )
        columns = found.columns()
        if not self._augments(dataset, columns):
            return Read(columns)
        items = Items(lambda rows: self._dataset(collate([dataset[i] for i in rows])))
        words = (
            f"its {found.rows:,} examples are another at each reading, so each batch reads its own "
            "anew; what is measured on whole data was read once"
        )
        return Read(columns, None, items, words, (f"`{self.name}`: {words}",))

    def batches(self, batches: Iterable[Any]) -> Read:
        """Any other iterable of batches."""
        once = iter(batches)
        again = once is not batches
        first = next(once, _END)
        if first is _END:
            why = ("a generator gives its batches once: it may have been used before",)
            message = f"the data `{self.name}` is empty: it yields no batch"
            raise DataError(message, *(() if again else why))
        once = chain([first], once)
        if not _holds_batches([first]):
            return self.dataset(cast(Any, self._examples(once)))
        found, whole = self._collected(once, hasattr(batches, "__len__"))
        kept, how = found.raw, "read anew each epoch"
        if whole and not again:
            # What a generator gave is all there is: its batches come again each epoch.
            stream, how = (
                Stream(lambda: iter(kept), self._dataset, len(kept)),
                "the same each epoch",
            )
        elif whole:
            stream = Stream(lambda: iter(batches), self._dataset, len(kept))
        else:
            rest = chain(kept, once)
            passes = (lambda: iter(batches)) if again else (lambda: rest)
            stream = Stream(passes, self._dataset, None, again=again)
        words = _words(stream, how, f"{found.rows:,} examples")
        return Read(found.columns(), stream, None, words, (f"`{self.name}`: {words}",))

    def _examples(self, once: Iterator[Any]) -> list[Any]:
        """An iterable of examples, one by one.

        Raises:
            DataError: it does not seem to end.
        """
        found = list(islice(once, MOST_ROWS))
        if next(once, _END) is not _END:
            raise DataError(
                f"`{self.name}` has given {len(found):,} examples one by one and goes on",
                "give batches of them: DataLoader(..., batch_size=128) over an IterableDataset, or "
                "a generator of batches; and write how many steps to take: fit(steps=...)",
            )
        return found

    # --- Reading -----------------------------------------------------------------------------

    def _collected(self, batches: Iterable[Any], sized: bool, rows: int = 0) -> tuple[Pieces, bool]:
        """The batches laid end to end, and whether the source came to its end.

        `sized`: whether it knows its length, so that it has an end; `rows`: its examples, where
        they are to be held all or not at all.
        """
        found = Pieces(keep=not isinstance(batches, DataLoader))
        for batch in batches:
            found.add(batch, self._named(batch))
            large = found.entries * max(1, rows / max(1, found.rows)) > MOST_HELD
            if large if sized else self._enough(found):
                return found, False
        if not found.count:
            raise DataError(f"the data `{self.name}` is empty: it yields no batch")
        return found, True

    def _enough(self, found: Pieces) -> bool:
        """Whether a source that does not say its length is left unread from here on.

        Raises:
            DataError: it would have to end, and does not seem to.
        """
        if not self.reading.whole:
            steps = self.reading.steps
            enough = found.rows >= MEASURED_ROWS or found.entries >= MOST_HELD
            return enough or (steps is not None and found.count >= steps)
        if found.rows >= MOST_ROWS or found.entries >= MOST_ENTRIES:
            raise DataError(
                f"`{self.name}` has given {found.count:,} batches ({found.rows:,} examples) and "
                "goes on, and nothing says how long to train",
                "write how many steps to take: fit(steps=...)",
                "or give data that know their length: a loader over a dataset with `__len__`",
            )
        return False

    def _named(self, batch: Any) -> Columns:
        """A batch as columns by name.

        Raises:
            DataError: another number of columns, or no tuple and no mapping.
        """
        if isinstance(batch, Mapping):
            named: Columns = batch
        elif isinstance(batch, (tuple, list)):
            named = named_columns(batch, self.name, self.wanted)
        else:
            listed = ", ".join(self.wanted)
            raise DataError(
                f"`{self.name}` yields a {type(batch).__name__} instead of a tuple or mapping",
                f"each batch must hold the columns {listed}",
                f"give columns as a tuple: ({listed})",
            )
        need_columns(self.name, self.wanted, named)
        return {column: named[column] for column in self.wanted}

    def _dataset(self, batch: Any) -> Dataset:
        return self.convert(self._named(batch))

    def _augments(self, dataset: TorchDataset[Any], columns: Columns) -> bool:
        """Whether items are others when they are read again, with other random numbers."""
        count = min(len(cast(Any, dataset)), COMPARED)
        stream = RandomStream()
        stream.seed("compared", self.name)
        with stream.used():
            again = self._dataset(collate([dataset[i] for i in range(count)]))
        first = self.convert({name: columns[name][:count] for name in self.wanted})
        return any(not torch.equal(first[name], again[name]) for name in self.wanted)


def named_columns(values: Sequence[Any], name: str, columns: Sequence[str]) -> dict[str, Any]:
    """Columns by the names that the spec declares, in its order; by names of their own where
    these are the spec's.

    Raises:
        DataError: another number of them.
    """
    fields: Sequence[str] = getattr(values, "_fields", ())
    moved = any(a != b and a in columns for a, b in zip_longest(fields, columns))
    if moved or (fields and set(columns) <= set(fields)):
        return dict(zip(fields, values, strict=True))
    if len(values) != len(columns):
        raise DataError(
            f"`{name}` declares the columns {', '.join(columns)}, but {len(values)} were given",
            "declare one name for each, in the order in which they are given",
        )
    return dict(zip(columns, values, strict=True))


def _words(stream: Stream, how: str, measured: str, sampled: str = "") -> str:
    """What was read how."""
    if stream.length is None:
        return (
            "trained on its batches as they come, which have no known end; what is measured on "
            f"whole data are its first {measured}"
        )
    size = f" of {stream.batch_size}" if stream.batch_size else ""
    return (
        f"trained on its own {stream.length:,} batches{size}, {how}; what is measured on whole "
        f"data are {sampled or 'its ' + measured}"
    )
