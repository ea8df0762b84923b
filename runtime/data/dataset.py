"""Records of datasets: named columns of one length, checked when made, and what makes batches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from cspec.dsl.messages.wording import closest
from cspec.dsl.tree.rebuild import entry_name, entry_of
from cspec.runtime.data.errors import DataError, raise_all
from cspec.runtime.data.order import permutation
from cspec.runtime.data.reading import MEASURED_ROWS, MOST_HELD

EPOCH = 100
"""Batches that count as an epoch of a source that has no end."""
_MOST_WHOLE_CLASSES = 10_000
_AT_ONCE = 2**24
"""Entries that are looked at at once: data may be larger than memory."""


def type_in(dtype: torch.dtype, values: Tensor, exact: bool) -> torch.dtype | None:
    """The type of a column where numbers are in `dtype`: exact ones lose no digits; None of whole
    numbers, which stay."""
    if not values.is_floating_point():
        return None
    return torch.promote_types(values.dtype, dtype) if exact else dtype


@dataclass(frozen=True)
class Together:
    """Raw batches that make one."""

    batches: tuple[Any, ...]


@dataclass(frozen=True)
class Stream:
    """A source of batches.

    Attributes:
        pass_over: a new pass over the data, raw batch by raw batch; called again for each epoch.
        read: a raw batch as a dataset of its own, columns by their names in the spec.
        length: batches a pass; None where no end is known.
        batch_size: examples a batch, where the source says it.
        again: whether `pass_over` can be called more than once.
        steady: whether a pass is the same for the same random numbers.
        left_over: whether the last batch of each pass is a single example.
    """

    pass_over: Callable[[], Iterator[Any]]
    read: Callable[[Any], Dataset]
    length: int | None
    batch_size: int | None = None
    again: bool = True
    steady: bool = True
    left_over: bool = False

    @property
    def epoch(self) -> int:
        """Batches that count as an epoch."""
        return EPOCH if self.length is None else self.length

    def then(self, change: Callable[[Dataset], Dataset]) -> Stream:
        """The same batches, each one changed."""
        read = self.read
        return replace(self, read=lambda raw: change(read(raw)))

    def joined(self) -> Stream:
        """The same batches, but that a single example that is left over joins the one before."""
        length = self.length
        if length is None or length < 2 or not self.left_over:
            return self

        def pass_over() -> Iterator[Any]:
            batches = iter(self.pass_over())
            yield from islice(batches, length - 2)
            yield Together(tuple(batches))

        return replace(self, pass_over=pass_over, length=length - 1, left_over=False)


@dataclass(frozen=True)
class Items:
    """Examples that are another at each reading: a dataset that augments."""

    read: Callable[[Sequence[int]], Dataset]
    """The examples at these positions."""

    def then(self, change: Callable[[Dataset], Dataset]) -> Items:
        """The same examples, changed."""
        read = self.read
        return Items(lambda rows: change(read(rows)))


class Draws(Protocol):
    """Points that are drawn anew at every step."""

    def at(self, seed: int, step: int) -> Mapping[str, Tensor]:
        """The points of a step, by column."""


class Members(NamedTuple):
    """Which examples of a dataset make up pairs of them, (M,) each."""

    first: Tensor
    second: Tensor


@dataclass(frozen=True, eq=False)
class Dataset:
    """Columns of one length.

    Attributes:
        name: how the spec calls it (`train`).
        columns: tensors (N, ...); `x` float features or images, codes and labels int64.
        classes: original values of each categorical column; a code is a position in them.
        feature_names: names of the last dimension of `x`, where it has names.
        features: what `x` was made of, by name, in the units of its source: numbers before they
            were scaled, text as codes with `classes["x.name"]`. Binding makes columns of those
            that a spec names and drops the rest.
        scaling: of each feature that is standardized its name, mean and deviation: the model sees
            (feature - mean) / deviation.
        provenance: where the data came from: file, sizes, seed.
        stream: training batches as a loader makes them, where the data came from one.
        items: examples read anew, where each reading gives others.
        notes: what is to be told of how the data were read.
        draws: points that are drawn anew at every step; `columns` are then what stands for all.
        fresh: of points of a domain those that verdicts are measured on.
        exact: columns of one number an example that keep their digits.
        box: of points that were drawn once from a box the ends of it, by column.
        sampled: what they are, where they stand for more: `a grid of 51 x 51 points`.
        members: of pairs of examples, the examples that verdicts are measured on.
        of: of pairs of examples, the dataset that these are of.
        rows: of pairs of examples, how many examples there are.

    Raises:
        DataError: no columns, no rows, unequal lengths, NaN or infinite numbers.
    """

    name: str
    columns: Mapping[str, Tensor]
    classes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    feature_names: tuple[str, ...] = ()
    provenance: str = ""
    features: Mapping[str, Tensor] = field(default_factory=dict)
    scaling: tuple[tuple[str, float, float], ...] = ()
    stream: Stream | None = None
    items: Items | None = None
    notes: tuple[str, ...] = ()
    draws: Draws | None = None
    fresh: Mapping[str, Tensor] | None = None
    exact: Collection[str] = ()
    box: Mapping[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    sampled: str = ""
    members: Members | None = None
    of: str = ""
    rows: int = 0

    def __post_init__(self) -> None:
        if not self.columns:
            raise DataError(f"the data `{self.name}` has no columns")
        single = next((column for column, v in self.columns.items() if not v.ndim), None)
        if single is not None:
            why = "is a single number, not one value a row"
            raise DataError(f"column `{single}` of `{self.name}` {why}")
        lengths = {column: len(values) for column, values in self.columns.items()}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{column}: {length}" for column, length in lengths.items())
            raise DataError(
                f"the columns of `{self.name}` have different lengths ({listed})",
                "give each column one row an example, in the same order",
            )
        if not len(self):
            raise DataError(f"the data `{self.name}` is empty: it has no rows")
        for column, values in self.columns.items():
            _check_finite(self.name, column, values)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, column: str) -> Tensor:
        if column not in self.columns:
            raise missing_column(self.name, column, self.columns)
        return self.columns[column]

    def for_models(self, column: str) -> Tensor:
        """A column as models get it: truth values, kept as 0 and 1, as such."""
        values, classes = self[column], self.classes.get(column)
        return values.bool() if classes and isinstance(classes[0], bool) else values

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> Dataset:
        """The same data on a device, floating-point columns but for exact ones in a dtype."""
        moved = {
            column: values.to(device=device, dtype=self._type(column, dtype))
            for column, values in self.columns.items()
        }
        fresh = self.fresh
        if fresh is not None:
            fresh = {name: values.to(moved[name]) for name, values in fresh.items()}
        return replace(self, columns=moved, fresh=fresh)

    def _type(self, column: str, dtype: torch.dtype | None) -> torch.dtype | None:
        """The type of a column where numbers are in `dtype`."""
        values = self.columns[column]
        exact = column in self.exact and values.numel() == len(values)
        return None if dtype is None else type_in(dtype, values, exact)

    @property
    def large(self) -> bool:
        """Whether it is more than is passed over often, or held in memory."""
        return any(values.numel() > MOST_HELD for values in self.columns.values())

    @cached_property
    def part(self) -> Dataset:
        """What stands for all where it would be passed over often: of large data some rows."""
        if not self.large:
            return self
        return self.select(permutation(len(self), 0, 0)[:MEASURED_ROWS])

    @property
    def judged(self) -> Mapping[str, Tensor]:
        """The columns that verdicts are measured on."""
        return self.columns if self.fresh is None else self.fresh

    def select(self, indices: Tensor | Sequence[int]) -> Dataset:
        """The rows at the given positions, in that order."""
        rows = torch.as_tensor(indices, dtype=torch.int64)

        def chosen(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {name: v[rows.to(v.device)] for name, v in values.items()}

        return replace(
            self,
            columns=chosen(self.columns),
            features=chosen(self.features),
            stream=None,
            items=None,
        )

    def shaped(self, inputs: Collection[str]) -> Dataset:
        """The same data with (N, 1) as (N,), but for columns that models take as they are.

        A column of one number in a row of its own is one number an example.
        """
        narrow = {
            column: values.squeeze(1)
            for column, values in self.columns.items()
            if values.ndim == 2 and values.shape[1] == 1 and column not in inputs
        }
        if not narrow:
            return self
        found = {column: whole_classes(values) for column, values in narrow.items()}
        classes = {column: values for column, values in found.items() if values is not None}
        return replace(
            self, columns={**self.columns, **narrow}, classes={**classes, **self.classes}
        )

    def with_features(self, names: Iterable[tuple[str, str]]) -> Dataset:
        """Features of `x` as columns of their own, `(age, x.age)`; the other ones are dropped."""
        named = {column: self.features[name] for name, column in names if name in self.features}
        return replace(self, columns={**self.columns, **named}, features={})

    def with_entries(self, names: Iterable[str]) -> Dataset:
        """Entries of columns of several numbers, `x[3]` or `x.age`, as columns that keep their
        digits; points of domains have no others."""
        if self.draws is not None or self.fresh is not None:
            return self
        found = {}
        for name in names:
            column, place = entry_of(name) or self._feature(name)
            values = self.columns.get(column)
            if (
                values is not None
                and values.ndim == 2
                and -values.shape[1] <= place < values.shape[1]
            ):
                found[entry_name(column, place % values.shape[1])] = values[:, place].clone()
        if not found:
            return self
        return replace(self, columns={**self.columns, **found}, exact=(*self.exact, *found))

    def _feature(self, name: str) -> tuple[str, int]:
        """Column and place of a feature that is no column of its own."""
        column, _, feature = name.partition(".")
        known = name not in self.columns and column == "x" and feature in self.feature_names
        return (column, self.feature_names.index(feature)) if known else ("", 0)

    def renamed(self, name: str) -> Dataset:
        """The same data under another name."""
        return replace(self, name=name)

    def with_columns_renamed(self, names: Mapping[str, str]) -> Dataset:
        """The same data, columns by other names where `names` has one."""
        return replace(
            self,
            columns={names.get(name, name): value for name, value in self.columns.items()},
            classes={names.get(name, name): value for name, value in self.classes.items()},
            box={names.get(name, name): ends for name, ends in self.box.items()},
        ).drawn_by(lambda batch: batch.with_columns_renamed(names))

    def drawn_by(self, change: Callable[[Dataset], Dataset]) -> Dataset:
        """The same data, each batch that a source draws changed like the whole."""
        return replace(
            self,
            stream=None if self.stream is None else self.stream.then(change),
            items=None if self.items is None else self.items.then(change),
        )

    def joined(self) -> Dataset:
        """The same data; in a loader's batches a single example left over joins the one before."""
        stream = None if self.stream is None else self.stream.joined()
        if stream is self.stream:
            return self
        said = (
            f"`{self.name}`: the example left over at the end of each epoch joins the batch "
            "before, because batch normalization needs two or more"
        )
        return replace(self, stream=stream, notes=(*self.notes, said))

    def noted(self, remark: str) -> Dataset:
        """The same data with a remark added to its provenance."""
        return replace(self, provenance=f"{self.provenance}; {remark}")


def _check_finite(name: str, column: str, values: Tensor) -> None:
    # A sum has no room for what is not finite: one pass, without a mask, of what is mostly right.
    if not values.is_floating_point() or bool(torch.isfinite(values.sum())):
        return
    size = max(1, _AT_ONCE * len(values) // max(1, values.numel()))
    parts = torch.split(values, size)
    if all(bool(torch.isfinite(part).all()) for part in parts):
        return
    bad = torch.cat([(~torch.isfinite(part)).reshape(len(part), -1).any(1) for part in parts])
    rows = bad.nonzero().flatten()
    kind = "NaN" if bool(values[rows].isnan().any()) else "infinite numbers"
    raise DataError(
        f"column `{column}` of `{name}` holds {kind} in {len(rows)} of {len(values)} rows, "
        f"first in row {int(rows[0])}",
        "remove these rows or fill them in before training",
    )


def missing_column(name: str, column: str, known: Mapping[str, Any]) -> DataError:
    """The error for a column that is not there; it lists what is."""
    guess = closest(column, known)
    hint = (f"did you mean `{guess}`?" if guess else "name one of these, or add it to the data",)
    listed = f"its columns are: {', '.join(known)}"
    return DataError(f"the data `{name}` has no column `{column}`", listed, *hint, about=column)


def need_columns(name: str, wanted: Iterable[str], known: Mapping[str, Any]) -> None:
    """Check that columns are there.

    Raises:
        DataError: those that are not, all at once.
    """
    raise_all([missing_column(name, c, known) for c in dict.fromkeys(wanted) if c not in known])


def whole_classes(values: Tensor) -> tuple[int, ...] | None:
    """(0, ..., K - 1) if a column of whole numbers takes exactly these values, else None.

    Only then is a code the value itself, so that nothing changes by reading it as a class.
    """
    if values.is_floating_point() or values.ndim != 1 or not len(values):
        return None
    lowest, highest = int(values.min()), int(values.max())
    if lowest != 0 or highest >= _MOST_WHOLE_CLASSES:
        return None
    every = bool((torch.bincount(values.cpu().long()) > 0).all())
    return tuple(range(highest + 1)) if every else None
