"""Which runs try their first steps at several learning rates: those that leave the rate open.

Of models, that is: decision variables are in units of their own, which the path shows.
"""

from __future__ import annotations

from cspec.compiler.records.graph import Kind, Operation, UpdateGraph
from cspec.compiler.records.problem import Problem
from cspec.dsl.settings.fit import FitSettings

RATES = (10**1.5, 10.0, 10**0.5, 1.0)
"""What the optimizer's rate is multiplied by: half decades down from the first."""
SHARE = 50
"""A rehearsal is one in so many steps of the run, ..."""
LEAST, MOST = 50, 200
"""... within these: fewer steps show nothing, and of more a long run has no need."""
LONG = 1000
"""Steps from which a run is rehearsed: the rehearsals of a shorter one would cost too much."""


def rehearsed(
    written: FitSettings,
    acting: FitSettings,
    steps: int,
    problem: Problem,
    *,
    whole: bool = False,
    streams: bool = False,
) -> int:
    """Steps of a rehearsal, 0 where there is none.

    The rate is open (its schedule follows the path, and nobody asked for that), and the first
    batches can be drawn more than once, which those of a loader (`streams`) can't. Where counts of
    a model are required, it is tried on `whole` data: their path circles around the bound from
    early on, so nothing else tells that a rate is small. Where the model runs away, to where
    surrogates vanish, the true violations tell, which the merit of a rehearsal weighs; of batches
    they are noise. A count that is minimized gets better far away: that stays at the first rate.
    """
    open_ = acting.schedule.follow and not written.given("schedule")
    required = any(c.gradient_parts is not None for c in problem.constraints)
    counts = problem.objective_gradient is not None or (required and not whole)
    if not open_ or counts or streams or steps < LONG:
        return 0
    return min(MOST, max(LEAST, steps // SHARE))


def meaning(steps: int) -> str:
    """What a rehearsal does, in a line."""
    return (
        f"the first {steps} steps are tried at {times()} while that gets better, and the run "
        "begins anew at the rate below the best"
    )


def times() -> str:
    """The rates that are tried."""
    return f"{', '.join(f'{rate:.2g}' for rate in RATES)} times lr"


def with_rehearsal(graph: UpdateGraph, steps: int) -> UpdateGraph:
    """The graph of a run that is rehearsed first."""
    first = Operation(
        kind=Kind.REHEARSE, name="rehearse", often="before the first step", meaning=meaning(steps)
    )
    return graph.model_copy(update={"operations": (first, *graph.operations)})
