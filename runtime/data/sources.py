"""The data sources that a spec can name, and how their parts fill its targets."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from cspec.dsl.messages.wording import closest
from cspec.runtime.data.cifar import cifar10
from cspec.runtime.data.dataset import Dataset, need_columns
from cspec.runtime.data.embedded import breast_cancer, diabetes, digits, iris, two_gaussians, wine
from cspec.runtime.data.errors import DataError
from cspec.runtime.data.idx import idx, mnist
from cspec.runtime.data.points import points
from cspec.runtime.data.tables import Column, csv, parquet

Source = Callable[..., dict[str, Dataset]]

SOURCES: dict[str, Source] = {
    "digits": digits,
    "two_gaussians": two_gaussians,
    "csv": csv,
    "parquet": parquet,
    "mnist": mnist,
    "idx": idx,
    "cifar10": cifar10,
    "breast_cancer": breast_cancer,
    "wine": wine,
    "iris": iris,
    "diabetes": diabetes,
    "points": points,
}


def source_settings(name: str) -> tuple[str, ...]:
    """The settings that a spec may write for a source; `columns` comes from its targets."""
    if name not in SOURCES:
        guess = closest(name, SOURCES)
        hint = (f"did you mean `{guess}`?",) if guess else ()
        raise DataError(f"unknown data source `{name}`", f"known: {', '.join(SOURCES)}", *hint)
    return tuple(s for s in inspect.signature(SOURCES[name]).parameters if s != "columns")


def load(
    name: str,
    targets: Sequence[str] | None,
    columns: Sequence[Column] = ("x", "y"),
    **settings: Any,
) -> dict[str, Dataset]:
    """Read a source and name its parts after the targets of the spec.

    Targets called like the parts (`train`, `val`, `test`) get them by name; other names are filled
    in order where `split=[...]` has as many shares; one target gets a source that has one part.
    `targets=None` takes all the parts. `columns` are names, or (in the file, in the spec).

    Raises:
        DataError: an unknown source, setting, part or column; data that can't be used.
    """
    known = source_settings(name)
    for setting in settings:
        if setting not in known:
            raise DataError(f"{name} has no setting `{setting}`", f"known: {', '.join(known)}")
    given = {"columns": tuple(columns)} if name in ("csv", "parquet", "points") else {}
    try:
        inspect.signature(SOURCES[name]).bind(**settings, **given)
    except TypeError as error:
        raise DataError(f"{name} can't be read: {error}") from error
    parts = SOURCES[name](**settings, **given)
    filled = _fill(name, parts, targets, settings.get("split"))
    wanted = [c if isinstance(c, str) else c[1] for c in columns]
    for part in filled.values():
        need_columns(name, wanted, part.columns)
    return filled


def _fill(
    source: str,
    parts: dict[str, Dataset],
    targets: Sequence[str] | None,
    split: Sequence[float] | None,
) -> dict[str, Dataset]:
    if targets is None:
        return parts
    available = list(parts)
    by_name = all(target in parts for target in targets)
    in_order = split is not None and len(targets) == len(parts)
    agree = by_name and [p for p in available if p in targets] == list(targets)
    if by_name and (agree or not in_order):
        return {target: parts[target] for target in targets}
    if (in_order and not by_name) or (len(targets) == len(parts) == 1):
        ordered = zip(targets, parts.values(), strict=True)
        return {target: part.renamed(target) for target, part in ordered}
    if by_name:
        raise DataError(
            f"{source} fills targets by name or in the order of `split`, and here the two differ",
            f"write the targets in the order {', '.join(available)}",
        )
    raise DataError(
        f"{source} has the parts {', '.join(available)}, not {', '.join(targets)}",
        "name the targets like the parts, or give split=[...] with one share a target "
        "(split=[1] for all the data in one)",
    )
