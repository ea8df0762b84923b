"""What comes after training costs no result: what fails is named, and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cspec.dsl.messages.diagnostic import SpecError
from cspec.runtime.failures import reason_of

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
