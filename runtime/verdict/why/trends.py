"""What the logged trajectory of one constraint shows, in numbers: pure functions of a history.

Trends are read over the last third of a run: what happened before belongs to finding the boundary,
and a shorter window of a noisy run shows noise. A window is compared by means of its quarters, so
that single batches decide nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.result.history import Row

WINDOW = 1 / 3
"""The last share of the run that trends are read from."""
FEWEST = 12
"""Logged points below which a window shows no trend."""
FALLING = 0.03
"""Relative fall of the violation within the window that counts: less is no progress, since a run
that goes on so for its whole length again would take off a tenth."""
RUNAWAY, RUNAWAY_STEPS = 1e8, 5
"""Growth of the objective that is taken for divergence, and logged steps that show it."""
LEAST_ROWS = 20
"""Logged steps that it takes to tell that a run leaves a requirement behind."""
EVEN = 0.5
"""The last quarter's fall, relative to that of the second, from which the pace is even."""
CAP = 0.99e6
"""Multipliers from here on are held by the safeguard (1e6 by default)."""


@dataclass(frozen=True)
class Trend:
    """The last third of one constraint's path; violations are canonical."""

    label: str
    early: float
    late: float
    """Mean violation of the window's first and last quarter."""
    grows: bool
    """Whether the multiplier grew and fell in no quarter (or is at its cap)."""
    multiplier: float
    """Its last size; NaN where there is none."""
    gained: float
    """What the multiplier gained from the middle of the first to that of the last quarter."""
    step: float
    """Estimated dual step: |change of the multiplier| / sum of |g| over the steps between."""
    noise: float
    """Standard deviation of g from step to step, without its trend."""
    moved: bool
    """Whether g changed at all in the whole run."""

    @property
    def falling(self) -> bool:
        """Whether the violation fell by more than a few percent within the window."""
        return self.early > 0 and 1 - self.late / self.early > FALLING

    @property
    def shortfall(self) -> float:
        """How many times larger the multiplier has to become, were g linear in it; inf if flat."""
        drop = self.early - self.late
        if not (drop > 0 and self.gained > 0 and self.multiplier > 0):
            return math.inf
        return (self.multiplier + self.late * self.gained / drop) / self.multiplier


def trend(rows: Sequence[Row], constraint: ConstraintFacts) -> Trend | None:
    """The trend of a constraint; None where the log is too short or it was not logged."""
    label = constraint.label
    logged = [r for r in rows if not math.isnan(r.violations.get(label, math.nan))]
    window = logged[-int(len(logged) * WINDOW) :] if logged else []
    if len(window) < FEWEST:
        return None
    equal = constraint.equal
    g = [abs(r.violations[label]) if equal else r.violations[label] for r in window]
    path = [abs(r.multipliers.get(label, math.nan)) for r in window]
    sizes = _quarters(path)
    known = not any(math.isnan(v) for v in path)
    rises = all(b >= a for a, b in pairwise(sizes)) and sizes[-1] > sizes[0]
    grows = known and (rises or path[-1] >= CAP)
    every = [r.violations[label] for r in logged]
    steady = [
        r.violations[label] if constraint.crosses else abs(r.violations[label]) for r in window
    ]
    span = max(every) - min(every)
    return Trend(
        label=label,
        early=_quarters(g)[0],
        late=_quarters(g)[-1],
        grows=grows,
        multiplier=path[-1] if known else math.nan,
        gained=sizes[-1] - sizes[0] if known else math.nan,
        step=_dual_step(window, label) if known else math.nan,
        noise=_noise(steady),
        moved=span > 1e-9 * max(1e-3, abs(every[0])),
    )


def diverges(rows: Sequence[Row]) -> tuple[float, float] | None:
    """First and last finite objective of a run whose objective runs away; None of others.

    Beyond 1e8 times where it started, and larger with each of the last logged steps.
    """
    path = [row.objective for row in rows if math.isfinite(row.objective)]
    sizes = [abs(value) for value in path[-RUNAWAY_STEPS:]]
    if len(sizes) < RUNAWAY_STEPS or not all(b > a for a, b in pairwise(sizes)):
        return None
    return (path[0], path[-1]) if sizes[-1] > RUNAWAY * max(1.0, abs(path[0])) else None


def left_behind(
    rows: Sequence[Row], label: str, sense: str = "minimize"
) -> tuple[float, float] | None:
    """Where the minimized objective began and ended, if it left the constraint behind; else None.

    It fell in each of the last three quarters, in the last no slower than at half the pace of the
    second, by more than max(1, |start|) in all, while the violation did not fall by a tenth. Where
    the gradient of a requirement vanishes (a surrogate far from its data), nothing holds the
    objective back, and no multiplier catches up.
    """
    if len(rows) < LEAST_ROWS:
        return None
    places = [round(share * (len(rows) - 1)) for share in (0, 0.25, 0.5, 0.75, 1)]
    sign = -1.0 if sense == "maximize" else 1.0
    values = [sign * rows[place].objective for place in places]
    falls = [a - b for a, b in pairwise(values)]
    early, late = (abs(rows[place].violations.get(label, math.nan)) for place in places[1::3])
    if not all(math.isfinite(value) for value in (*values, early, late)) or late == 0:
        return None
    even = min(falls[1:]) > 0 and falls[3] >= EVEN * falls[1]
    far = values[0] - values[-1] > max(1.0, abs(values[0]))
    return (values[0], values[-1]) if even and far and late > 0.9 * early else None


def blocks(values: Sequence[float], count: int) -> list[Sequence[float]]:
    """Values in so many parts, each about as long as the others."""
    size = len(values) / count
    return [values[int(i * size) : int((i + 1) * size)] for i in range(count)]


def _quarters(values: Sequence[float]) -> list[float]:
    return [fmean(quarter) for quarter in blocks(values, 4)]


def _dual_step(window: Sequence[Row], label: str) -> float:
    """Multiplier steps over what drove them, for a multiplier that moves on every step."""
    moved = driven = 0.0
    for a, b in pairwise(window):
        moved += abs(b.multipliers[label] - a.multipliers[label])
        driven += abs(b.violations[label]) * (b.step - a.step)
    return moved / driven if driven > 0 else math.nan


def _noise(values: Sequence[float]) -> float:
    """Half the mean squared change from point to point: a slow trend hardly enters."""
    changes = [b - a for a, b in pairwise(values)]
    return math.sqrt(fmean(c * c for c in changes) / 2)
