"""The variable in the place of a worst example takes the value of that example in the end.

    minimize max(e for (x, y) in train)   as   minimize worst  s.t.  each: e <= worst

What is minimized is the largest e, whatever the variable was when the last step was taken.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from cspec.compiler.records.which_data import where_measured
from cspec.runtime.measure.requirements import measured
from cspec.runtime.result.iterate import Iterate
from cspec.runtime.session.session import Session
from cspec.runtime.session.snapshots import plain_tensors


def settled_levels(session: Session, iterate: Iterate) -> Iterate:
    """The iterate that is loaded, with each such variable at the worst value measured."""
    program = session.program
    levels = tuple(c for c in program.constraints if c.level)
    if not levels:
        return iterate
    places = where_measured(levels, program.verify, session.plan.dataset)
    notes: list[str] = []
    found = measured(session.measurer, places, notes)
    with torch.no_grad():
        for c in levels:
            worst = found[c.label].value
            if math.isfinite(worst):
                session.primal[c.level].fill_(worst)
    return replace(iterate, tensors=plain_tensors(session.primal))
