"""Datasets of a spec from sources, text and Python objects."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from cspec.compiler.records.facts import ColumnFacts, DataFacts, StreamFacts
from cspec.compiler.records.program import DataSetup, SourceCall
from cspec.dsl.settings.points import MADE, Pairs
from cspec.runtime.bind.pairs import pairs
from cspec.runtime.bind.text import load_object, named_by_user, read_call
from cspec.runtime.data import DataError, Dataset, as_dataset, load
from cspec.runtime.data.align import aligned
from cspec.runtime.data.errors import raise_all
from cspec.runtime.data.reading import Reading

IMPLIED = "data"
"""The dataset of a spec that declares none."""
SPLITS = ("val", "test")

Target = tuple[str, tuple[tuple[str, str], ...]]
_PLAIN: tuple[tuple[str, str], ...] = (("x", "x"), ("y", "y"))


class _Place(NamedTuple):
    """The folder that paths are relative to, and how much of a source is to be read."""

    base: Path
    reading: Reading


def bind_data(
    setups: Sequence[DataSetup],
    given: Mapping[str, Any],
    base: Path,
    reading: Reading | None = None,
) -> tuple[dict[str, Dataset], tuple[DataSetup, ...]]:
    """Every dataset by name, and the setups with the calls that texts named.

    `reading` is what the spec leaves to sources that come in batches. The implied `data`, bound
    to a source with splits, is its `train`; `val` and `test` come along.

    Raises:
        DataError: a missing column, an unknown source or part, unusable data.
    """
    read: dict[str, Dataset] = {}
    data: dict[str, Dataset] = {}
    resolved: list[DataSetup] = []
    wrong: list[DataError] = []
    of_pairs = [s for s in setups if s.source.name == Pairs.word and s.source.module is None]
    for setup in (setup for setup in setups if setup not in of_pairs):
        implied = [name for name, _ in setup.targets] == [IMPLIED]
        try:
            place = _Place(base, reading or Reading())
            found, call = (_implied if implied else _declared)(setup, given, place)
        except DataError as error:
            wrong.append(error)
            continue
        read |= found
        data |= {name: _as_declared(dataset, setup) for name, dataset in found.items()}
        resolved.append(setup.model_copy(update={"source": call}))
    raise_all(wrong)
    data = aligned(data)
    whole = aligned(read) if of_pairs else {}
    for setup in of_pairs if all(s.source.settings["data"] in whole for s in of_pairs) else ():
        (name, _), *_ = setup.targets
        data[name] = _pairs(setup, whole).renamed(name)
    return data, (*resolved, *of_pairs)


def held_pairs(setups: tuple[DataSetup, ...]) -> list[str]:
    """Datasets of pairs that are held."""
    own = (s for s in setups if s.source.name == Pairs.word and s.source.module is None)
    return [name for s in own if s.source.settings["way"] == "held" for name, _ in s.targets]


def _pairs(setup: DataSetup, whole: Mapping[str, Dataset]) -> Dataset:
    """Pairs of the examples of a dataset; features of theirs that are named are columns, too."""
    settings = Pairs.model_validate(setup.source.settings)
    of, columns = whole[settings.data], {}
    for own, _ in setup.targets[0][1]:
        word, _, column = own.partition(".")
        columns[own] = (settings.names.index(word), column)
    named = {
        column: (columns[own][0], name)
        for name, column in setup.features
        if (own := column.rpartition(".")[0]) in columns and name in of.features
    }
    of = replace(of, columns={**of.features, **of.columns})
    made = pairs(of, {**columns, **named}, settings.way, settings.n, settings.seed)
    return replace(made.shaped(setup.inputs), exact=setup.exact)


def _as_declared(dataset: Dataset, setup: DataSetup) -> Dataset:
    """One number an example in a shape of its own, and the features that the spec names."""

    def declared(found: Dataset) -> Dataset:
        shaped = found.shaped(setup.inputs).with_features(setup.features)
        return replace(shaped, exact=setup.exact).with_entries(setup.exact)

    return declared(dataset).drawn_by(declared)


def _implied(
    setup: DataSetup, given: Mapping[str, Any], place: _Place
) -> tuple[dict[str, Dataset], SourceCall]:
    columns = setup.targets[0][1] or _PLAIN
    binding = given.get(IMPLIED)
    call = SourceCall()
    if binding is None or isinstance(binding, str):
        call = setup.source if binding is None else read_call(binding)
        parts = _load(call, None, columns, place, binding is not None)
    elif _has_splits(binding):
        parts = {name: _dataset(binding[name], name, columns, place) for name in binding}
    else:
        parts = {"train": _dataset(binding, IMPLIED, columns, place)}
    first = "train" if "train" in parts else next(iter(parts))
    found = {IMPLIED: parts[first].renamed(IMPLIED)}
    found |= {name: part for name, part in parts.items() if name in SPLITS}
    for name in SPLITS:
        if name in given:
            found[name] = _single(given[name], name, columns, place)
    return found, call


def _declared(
    setup: DataSetup, given: Mapping[str, Any], place: _Place
) -> tuple[dict[str, Dataset], SourceCall]:
    found = {
        name: _single(given[name], name, columns or _PLAIN, place)
        for name, columns in setup.targets
        if name in given
    }
    left = [(name, columns or _PLAIN) for name, columns in setup.targets if name not in found]
    call = setup.source
    if left:
        made = call.module is None and call.name in MADE
        binding = None if made else given.get(IMPLIED)  # points are the spec's own
        if binding is not None and not isinstance(binding, str):
            parts = _several(binding, left, place)
        else:
            call = call if binding is None else read_call(binding)
            columns = tuple(dict.fromkeys(pair for _, pairs in left for pair in pairs))
            asked = [name for name, _ in left]
            parts = _load(call, asked, columns, place, named_by_user(binding))
        found |= parts
    return {name: found[name] for name, _ in setup.targets}, call if left else SourceCall()


def _several(binding: Any, left: Sequence[Target], place: _Place) -> dict[str, Dataset]:
    if isinstance(binding, Mapping) and all(name in binding for name, _ in left):
        return {name: _dataset(binding[name], name, columns, place) for name, columns in left}
    if len(left) == 1:
        return {left[0][0]: _dataset(binding, left[0][0], left[0][1], place)}
    raise DataError(
        f"`data` has to fill {', '.join(name for name, _ in left)}, but it is one dataset",
        "bind each by its name, or give a mapping with these names",
    )


def _has_splits(binding: Any) -> bool:
    names = set(binding) if isinstance(binding, Mapping) else set()
    return "train" in names and names <= {"train", *SPLITS}


def _load(
    call: SourceCall,
    targets: Sequence[str] | None,
    columns: tuple[tuple[str, str], ...],
    place: _Place,
    bound: bool,
) -> dict[str, Dataset]:
    """The parts of a source; `bound` says that the user named it, not the spec."""
    if call.module is not None:
        made = load_object(call.module, call.name, place.base, bound=bound)
        made = made(*call.arguments, **call.settings) if callable(made) else made
        if targets is None and _has_splits(made):
            return {name: _dataset(made[name], name, columns, place) for name in made}
        if targets is None:
            return {"train": _dataset(made, "train", columns, place)}
        return _several(made, [(name, columns) for name in targets], place)
    settings = dict(call.settings)
    for key in ("path", "folder"):
        if isinstance(settings.get(key), str):
            settings[key] = str(place.base / settings[key])
    return load(call.name, targets, [(there, here) for here, there in columns], **settings)


def _single(
    binding: Any, name: str, columns: tuple[tuple[str, str], ...], place: _Place
) -> Dataset:
    if isinstance(binding, str):
        call = read_call(binding)
        parts = _load(call, None, columns, place, bound=named_by_user(binding))
        chosen = name if name in parts else ("train" if "train" in parts else next(iter(parts)))
        return parts[chosen].renamed(name)
    return _dataset(binding, name, columns, place)


def _dataset(obj: Any, name: str, columns: tuple[tuple[str, str], ...], place: _Place) -> Dataset:
    """A Python object as a dataset whose columns carry the names of the spec."""
    found = as_dataset(obj, name, [there for _, there in columns], place.reading)
    if all(here == there for here, there in columns):
        return found
    return found.with_columns_renamed({there: here for here, there in columns})


def data_facts(dataset: Dataset, crosses: Collection[tuple[str, ...]] = ()) -> DataFacts:
    """Rows, kinds, classes with counts of one dataset; counts of the combinations of `crosses`."""
    stream = dataset.stream
    return DataFacts(
        rows=len(dataset),
        columns={name: _column_facts(dataset, name) for name in dataset.columns},
        feature_names=dataset.feature_names,
        provenance=dataset.provenance,
        scaling=dataset.scaling,
        stream=stream and StreamFacts(epoch=stream.epoch, batch_size=stream.batch_size),
        points=dataset.fresh is not None and dataset.members is None,
        boxed=bool(dataset.box),
        joint=tuple(
            (columns, _joint_counts(dataset, columns))
            for columns in sorted({_groupable(dataset, names) for names in crosses})
            if len(columns) > 1
        ),
    )


def _groupable(dataset: Dataset, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of some columns that can make groups: whole numbers or codes, one an example.

    A mask over tokens, a number is a condition.
    """
    held = {name: dataset.columns[name] for name in names if name in dataset.columns}
    return tuple(n for n, v in held.items() if v.ndim == 1 and not v.is_floating_point())


def _joint_counts(
    dataset: Dataset, columns: tuple[str, ...]
) -> tuple[tuple[tuple[int, ...], int], ...]:
    """Rows of each combination of codes that occurs."""
    codes = torch.stack([dataset[name].flatten().cpu() for name in columns], dim=1)
    found, counts = codes.unique(dim=0, return_counts=True)  # type: ignore[no-untyped-call]
    return tuple(
        (tuple(row), count) for row, count in zip(found.tolist(), counts.tolist(), strict=True)
    )


def _column_facts(dataset: Dataset, name: str) -> ColumnFacts:
    values = dataset[name]
    shape = tuple(values.shape[1:])
    classes = dataset.classes.get(name)
    if classes is not None:
        counts = torch.bincount(values.flatten().cpu(), minlength=len(classes)).tolist()
        return ColumnFacts(
            kind="categorical",
            shape=shape,
            classes=tuple(_plain(c) for c in classes),
            counts=tuple(counts),
        )
    if values.is_floating_point():
        some = _some_values(values)
        return ColumnFacts(kind="real", shape=shape, values=some, signed=some == (-1, 1))
    distinct, counts = values.detach().cpu().unique(return_counts=True)  # type: ignore[no-untyped-call]
    few = len(distinct) <= MOST_LEVELS
    return ColumnFacts(
        kind="integer",
        shape=shape,
        levels=tuple(distinct.tolist()) if few else (),
        counts=tuple(counts.tolist()) if few else (),
        signed=tuple(distinct.tolist()) == (-1, 1),
        values=tuple(distinct[:_SHOWN].tolist()),
    )


MOST_LEVELS = 1_000
"""Distinct whole numbers up to which a column can make groups."""


_SHOWN = 6
"""Distinct values that facts hold at most: enough to say what labels look like."""


def _some_values(values: torch.Tensor) -> tuple[int | float, ...]:
    if values.numel() != len(values):
        return ()
    distinct = values.detach().cpu().unique()  # type: ignore[no-untyped-call]
    return tuple(distinct[:_SHOWN].tolist())


def _plain(value: Any) -> str | int | float | bool:
    """A class as JSON can hold it (numpy's own numbers are no Python numbers)."""
    plain = value.item() if hasattr(value, "item") else value
    return plain if isinstance(plain, str | int | float | bool) else str(plain)
