"""One number for a constraint of several entries: how far it is from being met, and its price.

`gap`, `abs`, `max`, a vector relation and a set each are several canonical functions (see
`ConstraintFacts`). What is logged, drawn, diagnosed and shown of them is the same everywhere.
"""

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isnan, nan

import torch
from torch import Tensor

from cspec.compiler.records.program import ConstraintFacts


def length(constraints: Sequence[ConstraintFacts]) -> int:
    """How many entries the constraint vector has."""
    return max((c.segment[1] for c in constraints if c.segment is not None), default=0)


def spread(
    constraints: Sequence[ConstraintFacts], number: Callable[[ConstraintFacts], float]
) -> Tensor:
    """A constraint's number at each of its entries of the vector: float64, on the CPU."""
    numbers = torch.zeros(length(constraints), dtype=torch.float64)
    for c in constraints:
        if c.segment is not None:
            numbers[slice(*c.segment)] = number(c)
    return numbers


def marked(
    constraints: Sequence[ConstraintFacts], says: Callable[[ConstraintFacts], bool]
) -> Tensor:
    """The entries of the constraint vector whose constraint says so, on the CPU."""
    return spread(constraints, says).bool()


def within_rule(constraints: Sequence[ConstraintFacts], c: ConstraintFacts) -> slice:
    """The entries of a constraint among those that its rule has of its own.

    These start where the first constraint of the rule does in the constraint vector.
    """
    first = min(o.segment[0] for o in constraints if o.rule == c.rule and o.segment)
    start, stop = c.segment or (first, first)
    return slice(start - first, stop - first)


def violation(entries: Sequence[float], constraint: ConstraintFacts) -> float:
    """The entry that is farthest from being met: the largest g, or the h of the largest size.

    So the sign is that of the verdict: <= 0 exactly where every g <= 0 holds. Entries that were
    not measured (NaN) are left out; NaN where none was.
    """
    measured = [entry for entry in entries if not isnan(entry)]
    return max(measured, key=abs if constraint.equal else None, default=nan)


def price(entries: Sequence[float], constraint: ConstraintFacts) -> float:
    """One number for the multipliers of a constraint.

    The parts of one inequality (`abs`, `gap`, `max`) share its bound, so their multipliers add up
    to the price of that bound. Of the entries of an equality or of a set it is the one that is
    largest in size, with its sign.
    """
    if constraint.relation in ("<=", ">="):
        return sum(entries)
    return max(entries, key=abs)


class ByLabel(Mapping[str, float]):
    """Numbers by label, without a dictionary for each step of a run.

    `places` has the labels in the order of their `numbers`.
    """

    __slots__ = ("_places", "numbers")

    def __init__(self, places: Mapping[str, int], numbers: Sequence[float]) -> None:
        self._places, self.numbers = places, array("d", numbers)

    def __getitem__(self, label: str) -> float:
        return self.numbers[self._places[label]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return repr(dict(self))


def numbers_of(by_label: Mapping[str, float]) -> Sequence[float]:
    """The numbers alone, in the order of their labels."""
    return by_label.numbers if isinstance(by_label, ByLabel) else list(by_label.values())


def places(constraints: Sequence[ConstraintFacts]) -> dict[str, int] | None:
    """The entry of each constraint by label, where each has just one, in order; else None.

    Then violation and price are that entry.
    """
    for place, c in enumerate(constraints):
        if c.segment != (place, place + 1):
            return None
    return {c.label: place for place, c in enumerate(constraints)}


def violations(values: Tensor, constraints: Sequence[ConstraintFacts]) -> dict[str, float]:
    """`violation` of each constraint that has entries, by label."""
    numbers = values.tolist()
    return {c.label: violation(part, c) for c in constraints if (part := _part(numbers, c))}


def prices(multipliers: Tensor | None, constraints: Sequence[ConstraintFacts]) -> dict[str, float]:
    """`price` of each constraint that has multipliers, by label; nothing where there are none."""
    if multipliers is None:
        return {}
    numbers = multipliers.tolist()
    priced = [c for c in constraints if c.multipliers]
    return {c.label: price(part, c) for c in priced if (part := _part(numbers, c))}


def _part(numbers: list[float], constraint: ConstraintFacts) -> list[float]:
    """The constraint's entries of a vector over all constraints."""
    start, stop = constraint.segment or (0, 0)
    return numbers[start:stop]
