"""Calls whose outputs only running them tells: what to run them on."""

from __future__ import annotations

from typing import Literal, NamedTuple

from cspec.dsl.values.shapes import Shape


class Argument(NamedTuple):
    """What one argument is made of."""

    source: Literal[
        "column", "model", "parameter", "variable", "weights", "number", "filled", "like"
    ]
    name: str = ""
    """Of the column (where a number is `filled` in, that of its place), model, variable; of a
    parameter, behind its model: `net.fc1.weight`."""
    number: float = 0.0
    shape: Shape = ()
    """Of one example, where values of that form have to do."""
    each: bool = True
    what: str = "number"


class Asked(NamedTuple):
    """A call of a model or of a person's own function, as something that can be run."""

    key: str
    function: str
    dataset: str | None
    arguments: tuple[Argument, ...]
    keywords: tuple[tuple[str, Argument], ...] = ()
