"""One number for a constraint of several entries: how far it is from being met, and its price.

`gap`, `abs`, `max`, a vector relation and a set each are several canonical functions (see
`ConstraintFacts`). What is logged, drawn, diagnosed and shown of them is the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan, nan

import torch
from torch import Tensor

from cspec.compiler.records.program import ConstraintFacts


def marked(
    constraints: Sequence[ConstraintFacts], says: Callable[[ConstraintFacts], bool]
) -> Tensor:
    """The entries of the constraint vector whose constraint says so, on the CPU."""
    held = [(c, c.segment) for c in constraints if c.segment is not None]
    marks = torch.zeros(max((stop for _, (_, stop) in held), default=0), dtype=torch.bool)
    for c, (start, stop) in held:
        marks[start:stop] = says(c)
    return marks


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
