"""What each step trains on: a function of (seed, step), so that resuming needs two numbers."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor

from cspec.compiler.choose.batching import batches_per_epoch, last_batch
from cspec.compiler.records.program import Program
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.settings.fit import FitSettings
from cspec.runtime.data.dataset import Dataset
from cspec.runtime.data.order import permutation, stratified
from cspec.runtime.data.points import on_like
from cspec.runtime.data.stream import DataEndedError, StreamReader, draw_items
from cspec.runtime.steps.late import MEMORY

T = TypeVar("T")
Columns = Mapping[str, Tensor]
Augment = Callable[[Tensor], Tensor]

DEFAULT_EPOCHS = 30
DEFAULT_STEPS = 5_000
EPOCH_WITHOUT_DATA = 100
"""Steps that count as an epoch where there is no data."""


LARGE = 20_000
"""Rows of data up to which gradients are taken of all of them ..."""
SLOPE_BATCHES = 16
"""... and batches that represent larger data."""


def many_rows(data: Mapping[str, Dataset]) -> bool:
    """Whether data are too many rows to take gradients of all of them."""
    return any(len(each) > LARGE for each in data.values())


def training_dataset(program: Program, names: Mapping[str, object]) -> str | None:
    """The dataset whose passes are the epochs, None without data.

    The objective's; else (`satisfy`, an objective of parameters) the only one, `train`, `data`,
    or the first that a constraint measures.
    """
    measured = [name for c in program.constraints for name in c.datasets]
    usual: tuple[str, ...] = ("train", "data") if measured else ()
    of = {name: getattr(found, "of", "") or name for name, found in names.items()}
    for candidate in (*program.objective_datasets, *usual):
        if candidate in names:
            return of[candidate]
    return next((of[name] for name in measured if name in names), None)


class WhenAsked(dict[str, T]):
    """Values by name, each of which is made when it is first asked for.

    As a dictionary it holds those that are made: asking again costs what it costs a dictionary.
    """

    def __init__(self, names: Collection[str], make: Callable[[str], T]) -> None:
        self._names, self._make = names, make

    def __missing__(self, name: str) -> T:
        self[name] = found = self._make(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    # Of all names, and not of those alone that are made.
    get, __contains__ = Mapping.get, Mapping.__contains__  # type: ignore[assignment]
    keys, values, items = Mapping.keys, Mapping.values, Mapping.items  # type: ignore[assignment]


class Batch(WhenAsked[Columns]):
    """The batches of one step by dataset; those nobody asks for are never gathered.

    `clock`, which is no dataset, holds the number of steps before this one: what bounds that move
    are read from.
    """

    rows: Callable[[str], Tensor]
    """The numbers of the rows of a dataset that this batch holds, in their order; a KeyError of a
    loader's, which does not tell them."""

    def remembering(self, state: dict[str, Tensor]) -> "Batch":
        """The batch of a step, whose averages over late ones are kept in the state of the run."""
        self[MEMORY] = state
        return self


def rows_of(columns: Columns, rows: Tensor) -> WhenAsked[Tensor]:
    """Some rows of a dataset; a column that nobody asks for is never gathered."""
    return WhenAsked(columns, lambda name: columns[name].index_select(0, rows))


@dataclass(frozen=True)
class EpochPlan:
    """How long the run is and what its epochs are."""

    dataset: str | None
    """The dataset that defines epochs."""
    epoch_steps: int
    total_steps: int
    join: bool = False
    """Whether a single example that is left over joins the batch before."""

    @property
    def epochs(self) -> int:
        """Epochs that are at least begun."""
        return -(-self.total_steps // self.epoch_steps)


def plan_steps(
    program: Program, fit: FitSettings, data: Mapping[str, Dataset], join: bool = False
) -> EpochPlan:
    """Length of the run: `epochs` or `steps`, whichever ends first; else the defaults.

    `join`: a single example that is left over joins the batch before.
    """
    dataset = training_dataset(program, data)
    if dataset is None or data[dataset].fresh is not None:
        epoch_steps = EPOCH_WITHOUT_DATA
        default = DEFAULT_STEPS
    else:
        epoch_steps = batches_per_epoch(len(data[dataset]), fit.rows_of_step(dataset), join)
        stream = data[dataset].stream
        if stream is not None and fit.rows_of_step(dataset) is not None:
            epoch_steps = stream.epoch
        default = DEFAULT_EPOCHS * epoch_steps
    limits = [fit.epochs * epoch_steps] if fit.epochs is not None else []
    limits += [fit.steps] if fit.steps is not None else []
    return EpochPlan(dataset, epoch_steps, min(limits, default=default), join)


def reading_notes(
    program: Program, plan: EpochPlan, fit: FitSettings, data: Mapping[str, Dataset]
) -> Iterator[str]:
    """How the data that training draws from were read, where that is not plain, and what is said
    where the last batch of an epoch has one example more than the others.
    """
    drawn = {plan.dataset, *(name for c in program.constraints for name in c.datasets)}
    for name, dataset in data.items():
        whole = dataset.stream is not None and fit.rows_of_step(name) is None
        if name in drawn and not whole:
            yield from dataset.notes
    size = None if plan.dataset is None else fit.rows_of_step(plan.dataset)
    if plan.dataset is None or size is None or data[plan.dataset].stream is not None:
        return
    last = last_batch(len(data[plan.dataset]), size, plan.join)
    if last > size:
        yield (
            f"the last batch of each epoch has {last} examples: the one left over joins it, "
            "because batch normalization needs two or more"
        )


class Batches:
    """Draws the batch of any step of the run.

    The dataset of the objective is passed over once an epoch; each other dataset goes round in
    its own order, its batch number being the step's. What comes from a loader comes in the
    loader's batches, one after another.
    """

    def __init__(
        self,
        data: Mapping[str, Dataset],
        plan: EpochPlan,
        fit: FitSettings,
        seed: int,
        augment: Augment | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        sizes = fit.batch_size if isinstance(fit.batch_size, dict) else {}
        if unknown := [name for name in sizes if name not in data]:
            raise SpecError([_unknown_size(name, data) for name in unknown])
        self.data = data
        self.plan = plan
        self._sizes = {name: fit.rows_of_step(name) for name in data}
        self._counts = {
            name: (len(d), batches_per_epoch(len(d), self._sizes[name], plan.join))
            for name, d in data.items()
        }
        """By dataset, how many examples and batches it has."""
        self._seed = seed
        self._strata = fit.strata if isinstance(fit.strata, tuple) else ()
        self._augment = augment
        self._dtype = dtype
        self._orders: dict[str, tuple[int, Tensor]] = {}
        self._cells: dict[str, Tensor | None] = {}
        self._all: dict[str, Tensor] = {}
        self._streams = {
            name: StreamReader(d.stream, d, seed, name)
            for name, d in data.items()
            if d.stream is not None and self._sizes[name] is not None
        }
        self._epochs_an_order = 1

    def keep_orders(self, epochs: int) -> None:
        """Pass over the training data in the same batches for some epochs."""
        self._epochs_an_order = epochs
        if reader := self._streams.get(self.plan.dataset or ""):
            reader.epochs_an_order = epochs

    def at(self, step: int, once: bool = False) -> Batch:
        """The batch of step number `step`, counted from 0, as training sees it.

        `once`: what a loader gives from the data as they were read once; it is not asked again.
        """
        return self._batch(partial(self._draw, step=step, once=once), step)

    def held(self, step: int) -> Batch:
        """A batch of the same size from the data as they were read once: for measurements.

        Without loaders it is the batch of the step.
        """
        return self._batch(partial(self._from_memory, step=step), step)

    def ready(self, step: int) -> bool:
        """Whether the source of the training data has a batch for a step; it is drawn."""
        reader = self._streams.get(self.plan.dataset or "")
        if reader is None:
            return True
        try:
            reader.at(step)
        except DataEndedError:
            return False
        return True

    def used_up(self, step: int) -> str:
        """What is said where a source that can't start anew ends before the run's last step."""
        left = f"no batch left after {step} of {self.plan.total_steps} steps"
        return f"`{self.plan.dataset}` had {left}, and can't be read again"

    def not_again(self) -> list[str]:
        """What is said of a run that is resumed on sources that can't be drawn from again."""
        return [
            f"`{name}` draws from a generator of its own or can't be read again: the batches after "
            "this point are others than those of a run that was not interrupted"
            for name, reader in self._streams.items()
            if not reader.repeats
        ]

    def _batch(self, draw: Callable[[str], Columns], step: int) -> Batch:
        def made(name: str) -> Any:
            if name == "clock":
                return torch.full((1,), float(step), dtype=self._dtype)
            return draw(name)

        batch = Batch(self.data, made)
        batch.rows = partial(self._numbers, step=step)
        return batch

    def _draw(self, name: str, step: int, once: bool) -> Columns:
        reader = self._streams.get(name)
        if reader is None or once:
            return self._from_memory(name, step, anew=reader is None)
        return self._augmented(dict(reader.at(step)))

    def _from_memory(self, name: str, step: int, anew: bool = False) -> Columns:
        """Rows in the order of the epoch; `anew`: examples that augment are read again."""
        dataset, rows = self.data[name], self._chosen(name, step)
        if dataset.draws is not None:
            return on_like(dataset.draws.at(self._seed, step), dataset.columns)
        if anew and dataset.items is not None:
            chosen = range(len(dataset)) if rows is None else rows.tolist()
            columns: Columns = draw_items(dataset.items, dataset, chosen, self._seed, name, step)
        else:
            columns = dict(dataset.columns) if rows is None else rows_of(dataset.columns, rows)
        return columns if self._augment is None else self._augmented(columns)

    def _chosen(self, name: str, step: int) -> Tensor | None:
        """The rows of a step's batch; None for all of them."""
        size, length, count = self._sizes[name], *self._counts[name]
        if size is None or (size >= length and name != self.plan.dataset):
            return None
        epoch, position = divmod(step, count)
        if name == self.plan.dataset:
            epoch //= self._epochs_an_order
        end = length if position == count - 1 else (position + 1) * size
        return self._order(name, epoch)[position * size : end]

    def _numbers(self, name: str, step: int) -> Tensor:
        if name in self._streams:
            raise KeyError(name)
        rows = self._chosen(name, step)
        if rows is not None:
            return rows
        if name not in self._all:
            device = next(iter(self.data[name].columns.values())).device
            self._all[name] = torch.arange(len(self.data[name]), device=device)
        return self._all[name]

    def _augmented(self, columns: Columns) -> Columns:
        if self._augment is None or "x" not in columns:
            return columns
        return {**columns, "x": self._augment(columns["x"])}

    def _order(self, name: str, epoch: int) -> Tensor:
        held = self._orders.get(name)
        if held is None or held[0] != epoch:
            dataset = self.data[name]
            device = next(iter(dataset.columns.values())).device
            # A seed of its own for each dataset that cycles, so that orders are unrelated.
            apart = 1_000_003 * (1 + list(self.data).index(name))
            seed = self._seed + (0 if name == self.plan.dataset else apart)
            if name not in self._cells:
                self._cells[name] = cells_of(dataset, self._strata)
            cells = self._cells[name]
            order = (
                permutation(len(dataset), seed, epoch)
                if cells is None
                else stratified(cells, seed, epoch)
            )
            held = (epoch, order.to(device))
            self._orders[name] = held
        return held[1]


def cells_of(dataset: Dataset, strata: Sequence[str]) -> Tensor | None:
    """A number for the combination of groups that each row is in; None where rows have none."""
    cells: Tensor | None = None
    for column in (dataset.columns[name] for name in strata if name in dataset.columns):
        groups, codes = torch.unique(column.reshape(len(dataset)), return_inverse=True)
        cells = codes if cells is None else cells * len(groups) + codes
    return cells


def _unknown_size(name: str, data: Mapping[str, Dataset]) -> Diagnostic:
    return Diagnostic(
        code="CS513",
        message=f"batch_size names `{name}`, which is no dataset of this spec",
        notes=(f"datasets: {', '.join(data) or 'none'}",),
        helps=(f"write `sizes({next(iter(data), 'train')}=64)`",),
    )
