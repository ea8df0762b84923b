"""Metrics of the iterate that is loaded, each by itself: one that fails costs no other.

{"acc": 0.97, "m[Female]": 0.3, "m[Male]": 0.4}
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor

from cspec.runtime.failures import reason_of
from cspec.runtime.measure.requirements import models_in
from cspec.runtime.models.without_trace import measuring


class Recorded(NamedTuple):
    """Metrics by name, NaN where one could not be measured, and what is said of those."""

    values: dict[str, float]
    notes: tuple[str, ...] = ()


class Before(dict[str, Tensor]):
    """What metrics compare with, by its text: values before the first step."""

    def __missing__(self, text: str) -> Tensor:
        raise ValueError(
            f"`{text}` was not measured before the first step: call `handle.verify(data)` there"
        )


def recorded(
    module: Mapping[str, Any],
    primal: Mapping[str, Any],
    data: Mapping[str, Any],
    entries: Mapping[str, tuple[str, ...]],
) -> Recorded:
    """Every metric of an emitted module; those of several numbers entry by entry."""
    values: dict[str, float] = {}
    notes: list[str] = []
    for name, function in module["metrics"].items():
        names = entries.get(name, ())
        found = dict.fromkeys(_keys(name, names), math.nan)
        with _measuring(f"metric `{name}`", primal, notes):
            found |= _named(name, function(primal, data), names)
            missing = [key for key, value in found.items() if math.isnan(value)]
            notes += [f"metric `{key}` is not measured [CS606]: {_EMPTY}" for key in missing]
        values |= found
    return Recorded(values, tuple(notes))


_EMPTY = (
    "no example meets a condition in it or is in a group of it, a denominator is 0, or a function "
    "has no value there"
)


def before(
    module: Mapping[str, Any],
    primal: Mapping[str, Any],
    data: Mapping[str, Any],
) -> tuple[Before, tuple[str, ...]]:
    """The values that `initial` asks for, at the iterate that is loaded."""
    found = Before()
    notes: list[str] = []
    functions: Mapping[str, Any] = module.get("initial", {})
    for text, function in functions.items():
        found[text] = torch.tensor(math.nan)
        with _measuring(f"`initial({text})`", primal, notes):
            found[text] = torch.as_tensor(function(primal, data)).detach().clone()
    return found, tuple(notes)


@contextmanager
def _measuring(what: str, primal: Mapping[str, Any], notes: list[str]) -> Iterator[None]:
    """Run a block as deployed; whatever goes wrong there is a note, and the rest stands."""
    try:
        with measuring(models_in(primal)):
            yield
    except Exception as error:
        reason, _ = reason_of(error)
        notes.append(f"{what} is not measured [CS606]: {reason}")


def _keys(name: str, entries: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{name}[{entry}]" for entry in entries) or (name,)


def _named(name: str, value: Any, entries: tuple[str, ...]) -> dict[str, float]:
    """A value as plain numbers by name.

    Raises:
        ValueError: several numbers that nobody named.
    """
    plain = isinstance(value, int | float)
    numbers = [value] if plain else torch.as_tensor(value).detach().cpu().reshape(-1).tolist()
    keys = _keys(name, entries)
    if not entries and len(numbers) > 1:
        shape = " x ".join(map(str, value.shape)) if isinstance(value, Tensor) else len(numbers)
        raise ValueError(f"it is {shape} numbers; write one of them, or `max(...)`, `norm(..., 2)`")
    return dict(zip(keys, map(float, numbers), strict=True))
