"""Data for one look of a handle: what `evaluate` and `verify` are given, as datasets by name."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from cspec.compiler.records.program import SourceCall
from cspec.runtime.bind.data import SPLITS, bind_data
from cspec.runtime.data.align import coded_like
from cspec.runtime.data.dataset import Dataset
from cspec.runtime.data.errors import DataError
from cspec.runtime.own_loop.batch import BatchReader, unusable


class Given(dict[str, Tensor]):
    """The spec's `given` values that were handed over; which of them are needed shows."""

    def __missing__(self, name: str) -> Tensor:
        raise unusable(f"this spec needs {name}", f"give {name}=...")


class Look(NamedTuple):
    """Datasets by name, and the spec's `given` values."""

    data: dict[str, Dataset]
    given: Given

    @property
    def columns(self) -> dict[str, Mapping[str, Tensor]]:
        """Whole datasets by name."""
        return {name: data.columns for name, data in self.data.items()}


class DataReader:
    """Brings data of the caller's to the form of the data that a handle was bound with."""

    def __init__(self, batches: BatchReader) -> None:
        self._batches = batches

    def read(self, data: Any, values: Mapping[str, Any], bound: Mapping[str, Dataset]) -> Look:
        """Datasets by name from one object, from a mapping of them, from columns by keyword.

        Datasets that the caller does not name are those that the handle was bound with. One that
        comes alone also stands for `val` and `test`, which metrics may name.

        Raises:
            SpecError: names that miss, several datasets where one was given, unusable data.
        """
        given, parts, rest = self._batches.sorted(values)
        named = parts | {n: rest.pop(n) for n in list(rest) if self._is_dataset(n)}
        if rest:
            named[self._lone()] = rest
        if data is not None:
            named |= self._named(data)
        found = {name: self._dataset(name, obj) for name, obj in named.items()}
        held = (self._batches.device, self._batches.dtype)
        own = {n: d.to(*held) for n, d in bound.items() if n not in found}
        everything = {**own, **found}
        self._require(everything)
        if len(found) == 1:
            only = everything[next(iter(found))]
            everything |= {name: only for name in (*SPLITS, self._batches.default) if name}
        return Look(everything, Given(given))

    def _is_dataset(self, name: str) -> bool:
        return name in self._batches.targets or name in SPLITS

    def _named(self, data: Any) -> dict[str, Any]:
        if isinstance(data, Mapping) and data and all(map(self._is_dataset, data)):
            return dict(data)
        return {self._lone(): data}

    def _lone(self) -> str:
        """The dataset that data without a name stand for."""
        used = self._batches.used
        if len(used) > 1:
            listed = ", ".join(used)
            keywords = ", ".join(f"{name}=..." for name in used)
            raise unusable(f"this spec measures {listed}: say which data are which", keywords)
        if not used and self._batches.default is None:
            raise unusable("this spec measures no data", "leave the data out")
        return used[0] if used else str(self._batches.default)

    def _dataset(self, name: str, obj: Any) -> Dataset:
        batches, default = self._batches, self._batches.default or ""
        columns = batches.targets.get(name) or batches.targets.get(default) or ()
        setup = batches.setup_of(name).model_copy(
            update={"targets": ((name, tuple(columns)),), "source": SourceCall()}
        )
        try:
            found = bind_data((setup,), {name: obj}, Path())[0][name]
            self._require_features(name, found)
            classes = batches.classes.get(name) or batches.classes.get(default, {})
            coded = coded_like(found, classes).to(batches.device, batches.dtype)
            for column, values in coded.columns.items():
                batches.check(column, values)
            unknown = batches.unknown.get(name, batches.unknown.get(default, ()))
            given = {c: coded.for_models(c) for c in unknown if c in found.columns}
            return replace(coded, columns={**coded.columns, **given})
        except DataError as error:
            raise unusable(error.message, *error.notes) from error

    def _require_features(self, name: str, found: Dataset) -> None:
        """Features in the units of their source come only from the source itself."""
        wanted = self._batches.features.get(name, ())
        missing = [column for column in wanted if column not in found.columns]
        if missing:
            raise DataError(
                f"these data have no {', '.join(missing)} in the units of their source",
                "give the source itself, as a text: 'csv(...)', or bind it and leave the data out",
            )

    def _require(self, data: Mapping[str, Dataset]) -> None:
        missing = [name for name in self._batches.used if name not in data]
        if missing:
            listed = ", ".join(f"{name}=..." for name in missing)
            raise unusable(f"this spec needs {', '.join(missing)}", f"give {listed}")
