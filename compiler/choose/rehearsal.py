"""Which runs try their first steps at several learning rates: those that leave the rate open.

Of models, that is: decision variables are in units of their own, which the path shows.
"""

import math
from typing import NamedTuple

from cspec.compiler.records.graph import Kind, Operation, UpdateGraph
from cspec.compiler.records.problem import Problem
from cspec.compiler.surrogates.words import LOGISTIC
from cspec.dsl.settings.fit import FitSettings

RATES = (10**1.5, 10.0, 10**0.5, 1.0)
"""What the optimizer's rate is multiplied by: half decades down from the first."""
SHARE = 50
"""A rehearsal is one in so many steps of the run, ..."""
LEAST, MOST = 50, 200
"""... within these: fewer steps show little, and of more a long run has no need."""
SHORT = 5
"""Of short runs it is one in so many steps at most, ..."""
FEWEST = 10
"""... but for so many steps, which the shortest take."""
FAR = 20
"""Times the steps of a rehearsal, the run whose rate is that far below the best: at no more steps
than those of the rehearsal, it is the best itself."""

BELOW = 0.5
"""Decades that a run begins below the best rate of its rehearsals, ..."""
NOISY = 0.75
"""... and those where counts of batches are followed: they circle around their bounds more."""


class Rehearsed(NamedTuple):
    """How a run is rehearsed."""

    steps: int
    """Of one rehearsal; 0: there is none."""
    below: float = BELOW
    """Decades from the best rate down to the run's."""


NEVER = Rehearsed(0)


def rehearsed(
    written: FitSettings,
    acting: FitSettings,
    steps: int,
    problem: Problem,
    *,
    whole: bool = False,
) -> Rehearsed:
    """How long a run is rehearsed, and how far below the best rate it begins.

    The rate is open: its schedule follows the path, and nobody asked for that. Where counts of
    a model are required, their path circles around the bound from early on, so nothing else tells
    that a rate is small; where the model runs away, to where surrogates vanish, the true
    violations tell, which the merit of a rehearsal weighs. Counts of batches, not of `whole` data,
    are noisy, and so are the pulls of their multipliers: such runs begin lower. Measured on
    six tasks of rates at batch 64, one seed: within 2% of the best search on all with 0.75 decades,
    on four with 0.5, on five with 1. A count that is minimized gets better far away: that stays at
    the first rate, but where it is followed by losses.
    """
    open_ = acting.schedule.follow and not written.given("schedule")
    by_losses = any(c.surrogate_text == LOGISTIC.text for c in problem.constraints)
    if not open_ or (problem.objective_gradient is not None and not by_losses):
        return NEVER
    counts = any(c.gradient_parts is not None for c in problem.constraints)
    below = NOISY if counts and not whole and not by_losses else BELOW
    tried = min(MOST, max(min(LEAST, steps // SHORT), steps // SHARE, FEWEST))
    return Rehearsed(tried, round(below * min(1.0, math.log(steps / tried, FAR)), 2))


def arguments(tried: Rehearsed) -> str:
    """What the emitted loop hands on, behind the session."""
    return f"{tried.steps}" + ("" if tried.below == BELOW else f", below={tried.below}")


TIMES = f"{', '.join(f'{rate:.2g}' for rate in RATES)} times lr"
"""The rates that are tried."""


def with_rehearsal(graph: UpdateGraph, steps: int) -> UpdateGraph:
    """The graph of a run that is rehearsed first."""
    first = Operation(
        kind=Kind.REHEARSE,
        name="rehearse",
        often="before the first step",
        meaning=f"the first {steps} steps are tried at {TIMES} while that gets better, and the run "
        "begins anew below the best",
    )
    return graph.model_copy(update={"operations": (first, *graph.operations)})
