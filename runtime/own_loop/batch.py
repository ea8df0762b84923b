"""The arguments of `Handle.loss` as the batch that emitted functions read."""

from collections.abc import Mapping
from functools import partial
from math import inf
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cspec.compiler.records.program import DataSetup, Program
from cspec.compiler.refusals.loop_groups import NO_HOLDS, Holds
from cspec.dsl.explicit.points import is_points
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.tree.rebuild import entry_of
from cspec.runtime.data.align import (
    are_codes,
    check_groups,
    check_labels,
    checked_codes,
    codes_of,
)
from cspec.runtime.data.dataset import Dataset, type_in
from cspec.runtime.data.errors import DataError
from cspec.runtime.data.points import on_like
from cspec.runtime.functions.shapes import ShapeMismatch, are_within
from cspec.runtime.session.batches import WhenAsked, training_dataset

Classes = Mapping[str, tuple[Any, ...]]
"""The classes of each categorical column, in the order of their codes."""

_TIMES = ("clock", "epoch")
"""Optimizer steps and epochs so far, in a batch."""


NARROW = frozenset(
    {torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32}
    | {torch.uint16, torch.uint32, torch.uint64}
)
"""Types in which arithmetic is another one than that of numbers: 200 + 100 is 44."""


class BatchReader:
    """Sorts keyword arguments into datasets, columns of the training data and `given` values.

    Tensors stay where and what they are; arrays and lists go to `device`, their real numbers in
    `dtype`. Columns of known `classes` become codes, and one number an example in a row of its own
    is one number. `data` are datasets that are known beforehand.
    """

    def __init__(
        self,
        program: Program,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        classes: Mapping[str, Classes] | None = None,
        data: Mapping[str, Dataset] | None = None,
        holds: Holds = NO_HOLDS,
    ) -> None:
        self._program = program
        self.device = device
        self.dtype = dtype
        self.classes = classes or {}
        self._coded = {
            name: {column for column, values in found.items() if are_codes(values)}
            for name, found in self.classes.items()
        }
        """By dataset, columns whose whole numbers are codes."""
        self._holds = holds
        self._watched = {*holds.groups, *holds.labels}
        """Columns of which each batch is looked at."""
        self._points = {n: d.to(device, dtype) for n, d in (data or {}).items() if is_points(n)}
        self._inputs = {name: d.inputs for d in program.data for name, _ in d.targets}
        self.unknown = {
            name: frozenset(inputs).difference(self.classes.get(name, ()))
            for name, inputs in self._inputs.items()
            if name not in (data or {})
        }
        """By dataset, columns that models get and of which the program knows nothing."""
        self._exact = {name: d.exact for d in program.data for name, _ in d.targets}
        self.targets = {name: columns for d in program.data for name, columns in d.targets}
        declared = {name: {c for c, _ in columns} for name, columns in self.targets.items()}
        self.features = {
            n: tuple(
                c for c in d.columns if c not in declared.get(n, d.columns) and not entry_of(c)
            )
            for n, d in (data or {}).items()
        }
        """By dataset, columns that the spec makes of the features of a source."""
        self._checked: tuple[Any, ...] | None = None
        """Names that were handed over last, and are those that are needed."""
        self._ready: dict[str, tuple[torch.dtype, torch.Size, int]] = {}
        """Columns of the training data that were read as they were handed over: types, shapes of an
        example, how many classes."""
        self._alone: tuple[str, ...] | None = None
        """The same, where they are columns of the training data and nothing else."""
        self.default = training_dataset(program, self.targets)
        known = (data or {}).get(self.default or "")
        self.rows = inf if known is None else len(known)
        """Those of the training data, where they are known."""

    def read(
        self, values: Mapping[str, Any], step: int, epoch: float
    ) -> tuple[dict[str, Any], int]:
        """The batch of this step, and how many examples it has (at least 1).

        Raises:
            SpecError: CS631, names that miss and names that the spec does not know, columns of
                different lengths, values that are no class.
        """
        clock = float(step)
        batch: dict[str, Any]
        if self.default is not None and tuple(values) == self._alone:
            found, rows = self._columns(self.default, values)
            batch = {"given": {}, "clock": clock, "epoch": epoch, self.default: found}
            return (self._drawn(step) | batch if self._points else batch), rows
        given, parts, columns = self.sorted(values)
        parts = {**self._drawn(step), **parts}
        batch = {**parts, "given": given, "clock": clock, "epoch": epoch}
        if columns and self.default is not None:
            batch[self.default] = {**batch.get(self.default, {}), **columns}
        self._check(batch, columns)
        alone = columns and not (parts.keys() - self._points.keys()) and not given
        self._alone = tuple(columns) if alone else None
        lengths = {}
        for name in self.targets:
            if name in batch:
                batch[name], lengths[name] = self._columns(name, batch[name])
        main = self.default if batch.get(self.default or "") else next(iter(parts), None)
        return batch, lengths.get(main or "", 1)

    def _drawn(self, step: int) -> dict[str, Any]:
        """The points of domains that a step sees: those that stay, or a function of the step."""
        return {
            name: data.columns
            if data.draws is None
            else on_like(data.draws.at(0, step), data.columns)
            for name, data in self._points.items()
        }

    def sorted(
        self, values: Mapping[str, Any]
    ) -> tuple[dict[str, Tensor], dict[str, Any], dict[str, Any]]:
        """Keyword arguments as given values, batches of datasets, columns of the training data."""
        given: dict[str, Tensor] = {}
        parts: dict[str, Any] = {}
        columns: dict[str, Any] = {}
        for name, value in values.items():
            if name in self._program.given:
                given[name] = self._number(name, value)
            elif name in self.targets and isinstance(value, Mapping):
                parts[name] = value
            else:
                columns[name] = value
        return given, parts, columns

    def _number(self, name: str, value: Any) -> Tensor:
        """A given value, which is one number.

        Raises:
            SpecError: CS631, several.
        """
        found = torch.as_tensor(value, device=None if isinstance(value, Tensor) else self.device)
        if found.numel() == 1:
            return (found.long() if found.dtype in NARROW else found).reshape(())
        size = " by ".join(map(str, found.shape))
        message = f"`{name}` is one number a step, and {size} were handed over"
        raise unusable(message, f"hand over their mean: `{name}={name}.mean()`")

    def setup_of(self, dataset: str) -> DataSetup:
        """How a dataset was declared; `val` and `test` are like the training data."""
        setups = {name: d for d in self._program.data for name, _ in d.targets}
        found = setups.get(dataset) or setups.get(self.default or "")
        return found or DataSetup(targets=())

    @property
    def used(self) -> list[str]:
        """Datasets that the objective or a constraint reads, in that order, but for points."""
        constrained = (name for c in self._program.constraints for name in c.datasets)
        read = dict.fromkeys((*self._program.objective_datasets, *constrained))
        return [name for name in read if name not in self._points]

    def _columns(self, dataset: str, columns: Mapping[str, Any]) -> tuple[WhenAsked[Tensor], int]:
        """The columns of one dataset, and their length; tensors once they are asked for."""
        rows, uneven = -1, False
        found = WhenAsked(columns, partial(self._column, dataset, columns))
        ready = self._ready if dataset == self.default else {}
        for name, value in columns.items():
            tensor = isinstance(value, Tensor)
            shape = value.shape if tensor else np.shape(value)
            if shape:
                uneven |= 0 <= rows != shape[0]
                rows = shape[0]
            if tensor and name in ready:
                dtype, example, classes = ready[name]
                alike = value.dtype is dtype and shape[1:] == example and not value.is_inference()
                if alike and (not classes or are_within(value, classes)):
                    found[name] = value
        if uneven:
            raise _uneven(found)
        return found, rows if rows >= 0 else 1

    def _column(self, dataset: str, columns: Mapping[str, Any], name: str) -> Tensor:
        entry = entry_of(name)
        given = columns[name] if entry is None else _entry(columns[entry[0]], entry[1])
        classes = self.classes.get(dataset, {}).get(name)
        plain = isinstance(given, Tensor) and classes is None
        value: Tensor = given if plain else self._made(dataset, name, given, classes)
        narrow = value.dtype in NARROW
        if narrow and (value.dtype is not torch.bool or name not in self.unknown.get(dataset, ())):
            value = value.long()
        if value.is_inference():
            value = value.clone()  # derivatives may be asked for
        if value.ndim == 2 and value.shape[1] == 1 and name not in self._inputs.get(dataset, ()):
            value = value.squeeze(1)
        if name in self._watched:
            self._look_at(dataset, name, value)
        elif value is given and dataset == self.default:
            self._ready[name] = value.dtype, value.shape[1:], len(classes or ())
        return value

    def _look_at(self, dataset: str, name: str, values: Tensor) -> None:
        """Groups as long as they come, labels until they say themselves what they are.

        Those of an accelerator are waited for until then only.
        """
        try:
            settled = self.check(name, values, wait=False)
        except DataError as error:
            raise _refused(dataset, name, error) from error
        if settled:
            self._watched.discard(name)

    def check(self, name: str, values: Tensor, wait: bool = True) -> bool:
        """Whether nothing more is to be asked of a column with these values.

        Raises:
            DataError: a number that is no group; labels that are no classes 0, 1, ...
        """
        groups, labels = self._holds
        if name in groups and (wait or values.is_cpu):
            check_groups(values, groups[name], name)
        return name in labels and check_labels(values, name, labels[name])

    def _made(
        self, dataset: str, name: str, values: Any, classes: tuple[Any, ...] | None
    ) -> Tensor:
        """A column of classes as their codes, and one that is no tensor as a tensor."""
        coded = isinstance(values, Tensor) and classes and name in self._coded[dataset]
        if coded and are_within(values, len(classes or ())):
            found: Tensor = values
            return found
        try:
            return self._tensor(dataset, values, name, classes)
        except (DataError, TypeError, ValueError) as error:
            raise _refused(dataset, name, error) from error

    def _tensor(
        self, dataset: str, values: Any, name: str, classes: tuple[Any, ...] | None
    ) -> Tensor:
        if classes is not None:
            if isinstance(values, Tensor) and name in self._coded[dataset]:
                return checked_codes(values, classes, name)
            codes = codes_of(values, classes, name)
            return codes if isinstance(values, Tensor) else codes.to(self.device)
        if isinstance(values, Tensor):
            return values
        array = np.asarray(values)
        if array.dtype.kind not in "biuf":
            raise DataError(
                f"`{name}` holds {'text' if array.dtype.kind in 'OUST' else array.dtype}",
                f'say which values there are: groups={{"{name}": [...]}}, or give the training '
                "data to `bind`",
            )
        found = torch.from_numpy(np.ascontiguousarray(array))
        exact = name in self._exact.get(dataset, ())
        return found.to(self.device, type_in(self.dtype, found, exact))

    def _check(self, batch: Mapping[str, Any], columns: Mapping[str, Any]) -> None:
        """Say every name that misses or does not belong, together; the same names just once."""
        names = (*((n, *v) for n, v in batch.items() if n not in _TIMES), tuple(columns))
        if names == self._checked:
            return
        self._require(batch, columns)
        self._checked = names

    def _read_of(self, dataset: str) -> list[str]:
        """The columns of a dataset that the spec reads, in its own names."""
        declared = [here for here, _ in self.targets.get(dataset, ())]
        return [*declared, *self.features.get(dataset, ())]

    def _require(self, batch: Mapping[str, Any], columns: Mapping[str, Any]) -> None:
        missing = [name for name in self._program.given if name not in batch["given"]]
        for dataset in self.used:
            missing += [
                column if dataset == self.default else f"{dataset}.{column}"
                for column in self._read_of(dataset)
                if column not in batch.get(dataset, {})
            ]
        known = dict.fromkeys(self._read_of(self.default or ""))
        found = [_needed(name) for name in missing]
        found += [f"`loss` does not know {name}=..." for name in columns if name not in known]
        if found:
            others = (name for name in self.used if name != self.default)
            names = [*self._program.given, *known, *others]
            note = f"this spec takes: {', '.join(names) or 'nothing'}"
            shown = ", ".join(f"{name}={name}" for name in names if name.isidentifier())
            helps = (f"write `loss({shown})`",)
            raise SpecError(
                [Diagnostic(code="CS631", message=m, notes=(note,), helps=helps) for m in found]
            )


def unusable(message: str, *helps: str) -> SpecError:
    """What was handed over can't be used."""
    return Diagnostic(code="CS631", message=message, helps=helps).error()


def _entry(values: Any, place: int) -> Any:
    """One number an example, of several, with all the digits that were handed over."""
    found = values if isinstance(values, Tensor) else np.asarray(values)
    if found.ndim == 2 and place < found.shape[1]:
        return found[:, place]
    raise ShapeMismatch(f"entry {place} was asked for, of a column of shape {tuple(found.shape)}")


def _uneven(columns: Mapping[str, Tensor]) -> SpecError:
    lengths = (f"{name}: {value.shape[0]}" for name, value in columns.items() if value.ndim)
    message = f"the columns of this batch have different lengths ({', '.join(lengths)})"
    return unusable(message, "hand over as many rows of each column: one an example")


def _needed(name: str) -> str:
    if name.startswith("x."):
        # No Python keyword: a column in the units of the file that the data come from.
        return f'`loss` needs **{{"{name}": ...}}, in the units of its source'
    return f"`loss` needs {name}=..."


def _refused(dataset: str, column: str, error: Exception) -> SpecError:
    notes = error.notes if isinstance(error, DataError) else ()
    said = error.message if isinstance(error, DataError) else str(error)
    return unusable(f"column `{column}` of `{dataset}` can't be read: {said}", *notes)
