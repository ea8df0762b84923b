"""Metrics of the iterate that is loaded, each by itself: one that fails costs no other.

{"acc": 0.97, "m[Female]": 0.3, "m[Male]": 0.4}
"""

from __future__ import annotations

import math
from collections.abc import Mapping
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
        try:
            with measuring(models_in(primal)):
                values |= _named(name, function(primal, data), names)
        except Exception as error:  # whatever went wrong, the run is over and its result stands
            reason, _ = reason_of(error)
            values |= dict.fromkeys(_keys(name, names), math.nan)
            notes.append(f"metric `{name}` is not measured [CS606]: {reason}")
    return Recorded(values, tuple(notes))


def before(
    module: Mapping[str, Any], primal: Mapping[str, Any], data: Mapping[str, Any]
) -> tuple[Before, tuple[str, ...]]:
    """The values that `initial` asks for, at the iterate that is loaded."""
    found, notes = Before(), []
    functions: Mapping[str, Any] = module.get("initial", {})
    for text, function in functions.items():
        try:
            with measuring(models_in(primal)):
                value = function(primal, data)
            found[text] = torch.as_tensor(value).detach().clone()
        except Exception as error:  # said where the metric is
            reason, _ = reason_of(error)
            notes.append(f"`initial({text})` is not measured [CS606]: {reason}")
            found[text] = torch.tensor(math.nan)
    return found, tuple(notes)


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
