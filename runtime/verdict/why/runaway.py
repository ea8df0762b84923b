"""Runs that leave a requirement behind: the objective falls on and on, the violation stays.

Where the gradient of a requirement vanishes (a surrogate far from its data), nothing holds the
objective back: it falls at an even pace, and no multiplier catches up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from cspec.runtime.result.history import Row

LEAST_ROWS = 20
"""Logged steps that it takes to tell."""
EVEN = 0.5
"""The last quarter's fall, relative to that of the second, from which the pace is even."""


def left_behind(
    rows: Sequence[Row], label: str, sense: str = "minimize"
) -> tuple[float, float] | None:
    """Where the minimized objective began and ended, if it left the constraint behind; else None.

    It fell in each of the last three quarters, in the last no slower than at half the pace of the
    second, by more than max(1, |start|) in all, while the violation did not fall by a tenth.
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
