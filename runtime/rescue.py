"""What comes after training costs no result: what fails is named, and the rest goes on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from cspec.compiler.which_data import Where
from cspec.dsl.diagnostics import SpecError
from cspec.runtime.failures import reason_of
from cspec.runtime.verify import Measurement

if TYPE_CHECKING:
    from cspec.runtime.session import Session

T = TypeVar("T")


def attempt(notes: list[str], what: str, work: Callable[[], T], otherwise: T) -> T:
    """What `work` gives; where it raises, `otherwise` and a note that names what is missing."""
    try:
        return work()
    except Exception as error:  # the run is over: its result stands, whatever went wrong here
        notes.append(f"{what} [CS607]: {one_line(error)}")
        return otherwise


def one_line(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, SpecError) and error.diagnostics:
        return error.diagnostics[0].message
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    reason, said = reason_of(error)
    return " ".join(f"{reason} ({said[0]})".split() if said else reason.split())


def measured(session: Session, places: Mapping[str, Where]) -> dict[str, Measurement]:
    """Every requirement where it is to be measured; NaN on data that can't be measured."""
    found: dict[str, Measurement] = {}
    for replaced in dict.fromkeys(place.replaced for place in places.values()):
        here = {label: place for label, place in places.items() if place.replaced == replaced}
        labels = ", ".join(here)
        split = next(iter(here.values())).split
        nothing = {
            label: Measurement(math.nan, math.nan, place.split, None)
            for label, place in here.items()
        }
        found |= attempt(
            session.notes,
            f"{labels}: not measured on {split}",
            lambda here=here: session.measurer.measure(here, errors=True),  # type: ignore[misc]
            nothing,
        )
    return found
