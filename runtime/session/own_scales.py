"""The scale of a requirement by its own values: how far from its bound a run has seen it.

A requirement that is multiplied by 1/1000 has violations of 1/1000, and its tolerance is as before.
Verdicts keep to the tolerance; what is chosen among iterates keeps to the requirement.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.measure.requirements import amount
from cspec.runtime.result.iterate import Iterate

if TYPE_CHECKING:
    from cspec.runtime.session.session import Session

STRICT = 1e-4
"""Share of its scale to which a requirement is met, where its tolerance is wider."""


def own_scale(session: Session, c: ConstraintFacts) -> float:
    """The largest |value - bound| that was measured; infinite where nothing was."""
    pairs = (
        (i.values.get(c.label, math.nan), i.bounds.get(c.label, math.nan)) for i in session.measured
    )
    sizes = [abs(value - bound) for value, bound in pairs]
    return max((size for size in sizes if math.isfinite(size)), default=math.inf)


def strictly_met(session: Session, iterate: Iterate) -> bool:
    """Whether every requirement by multipliers is met to a small share of its own scale, too."""
    for c in session.program.constraints:
        if c.soft or c.tolerance == 0 or c.segment is None:
            continue
        value, bound = iterate.values.get(c.label, math.nan), iterate.bounds.get(c.label, math.nan)
        if not amount(c, value, bound) <= min(c.tolerance, STRICT * own_scale(session, c)):
            return False
    return iterate.feasible
