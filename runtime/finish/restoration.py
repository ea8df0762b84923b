"""Can true requirements be met where surrogates stand in for them? Steps of all lengths, tried.

A surrogate (a sigmoid in the place of a count) flattens out far from its threshold: descent on it
stops though the rate could still be moved. So nothing is called infeasible by a surrogate alone.
From a few iterates, steps are taken along the surrogates' slopes, weighed by the true violations,
and each step's length is found on the true requirements: of lengths over six orders of magnitude
the one that leaves the least violation.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cspec.runtime.finish.violation import Violation, point_of, put, put_within

STEPS = 10
LENGTHS = tuple(4.0**k for k in range(-5, 6))
"""Of a step, in units of the one that a linear model would take."""
PROGRESS = 1e-3
"""Relative decrease below which a step has not helped."""


def restorable(violation: Violation, starts: Sequence[Tensor], enough: float) -> bool:
    """Whether such steps bring the true violation V to `enough` or less from one of the starts."""
    for start in starts:
        put(violation.session.parameters, start)
        value = violation.true_value()
        for _ in range(STEPS):
            if value <= enough:
                return True
            found = _step(violation)
            if found > (1 - PROGRESS) * value:
                break
            value = found
        if value <= enough:
            return True
    return False


def _step(violation: Violation) -> float:
    """Take the best of the steps along the slope; V there."""
    session = violation.session
    point, direction = point_of(session.parameters), violation.pull()
    size = float(direction @ direction)
    if not size > 0:
        return violation.true_value()
    # V would be 0 at the end of this step if it were linear in it: V - t |d|^2.
    unit = violation.true_value() / size
    tried: list[tuple[float, Tensor]] = []
    for length in LENGTHS:
        put_within(session, point - length * unit * direction)
        value = violation.true_value()
        tried.append((value if value == value else float("inf"), point_of(session.parameters)))
    best, place = min(tried, key=lambda item: item[0])
    put(session.parameters, place)
    return best


def has_slope(violation: Violation, labels: Sequence[str]) -> bool:
    """Whether what is differentiated still has slope for each of these constraints.

    It has where a move of a tenth of the parameters along its gradient would take off a twentieth
    of the violation, were it linear: below, that descent stops shows a flat surrogate, and nothing
    about the requirement.
    """
    session, amounts = violation.session, violation.amounts()
    reach = 0.1 * max(1.0, float(torch.linalg.norm(point_of(session.parameters))))
    norms = Violation(session).norms
    return all(norms[label] * reach >= 0.05 * amounts[label] for label in labels)
