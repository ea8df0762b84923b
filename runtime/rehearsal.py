"""A learning rate that nobody gave: a run's first steps are tried at a few rates, and taken anew.

    for rate in 32, 10, 3.2, 1 times the optimizer's, until one does no better than the one before:
        the loop's own first n steps, on the same batches, from the same start; the rate falls along
        half a cosine to 0, as it does at the end of a run: none is blamed for its noise
        merit = f + sum of |grad f| / |grad g_i| x violation of g_i, of means over the first batches

The run begins anew at the rate below the best: n steps want longer ones than fifty times n do. What
moves straight goes n r, noise adds up to sqrt(n) r, and the rate that suits both falls along
1 / sqrt(n) (short trials, Wu et al. 2018; ranges of rates, Smith 2017). Measured on small networks
with weights in sets, where a run is fifty times n: half a decade below the best of n ends within 2%
of the best rate of all (and up to 27% below a rate of 0.001).

Parameters, state, optimizer and generators are put back as from a checkpoint, so what follows is
the run at that rate, to the bit.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from cspec.compiler.rehearse import RATES
from cspec.runtime.entries import marked
from cspec.runtime.units import slopes

if TYPE_CHECKING:
    from cspec.runtime.session import Session

BATCHES = 16
"""Batches, at most, on which the end of a rehearsal is judged."""


class Rehearsal:
    """The rehearsals of a run, from the session's first step on."""

    def __init__(self, session: Session, steps: int) -> None:
        self.steps = steps
        self._session = session
        self._start: dict[str, Any] = copy.deepcopy(session.state_dict())
        self._weights = _weights(session)
        self.merits: list[float] = []
        """Of the rates that were tried, the largest first."""
        session.schedule.rehearse(RATES[0], steps)

    def goes_on(self) -> bool:
        """Whether another step of a rehearsal follows; the session is back at its start if not.

        One that is interrupted has chosen nothing: the run that is resumed rehearses anew.
        """
        session = self._session
        if session.step < self.steps and not session.interrupted:
            return True
        merit = math.inf if session.interrupted else self._merit()
        session.load_state_dict(copy.deepcopy(self._start))
        if session.interrupted:
            return False
        self.merits.append(merit)
        tried = len(self.merits)
        if tried < len(RATES) and (tried == 1 or not math.isfinite(merit) or self._gains()):
            session.schedule.rehearse(RATES[tried], self.steps)
            return True
        session.schedule.take(chosen(self.merits))
        return False

    def _gains(self) -> bool:
        """Whether the last rate did better than all before it."""
        return self.merits[-1] < min(self.merits[:-1])

    def _merit(self) -> float:
        """f and what is violated, in its units; infinite where it is no number."""
        session, measure = self._session, self._session.module["measure"]
        count = min(BATCHES, self.steps)
        found = [session.seen(measure, session.batch_at(k)) for k in range(count)]
        f = torch.stack([each[0].reshape(()) for each in found]).mean()
        true = torch.stack([each[2].double() for each in found]).nanmean(0)
        equal = marked(session.program.constraints, lambda c: c.equal).to(true.device)
        short = torch.where(equal, true.abs(), true.relu()) if len(true) else true
        value = float(f) + float((torch.nan_to_num(short) * self._weights).sum())
        return value if math.isfinite(value) else math.inf


def chosen(merits: Sequence[float]) -> float:
    """The rate below the best of those that were tried, in units of the optimizer's own."""
    if not math.isfinite(min(merits)):
        return RATES[-1]
    return RATES[min(len(RATES) - 1, merits.index(min(merits)) + 1)]


def _weights(session: Session) -> Tensor:
    """|grad f| / |grad g_i| at the start; 0 where g_i has no slope there, or was not measured."""
    with session.again():
        f, g, _ = session.module["measure"](session.primal, session.batch_at(0))
    steep = slopes(g, session.parameters).double() if len(g) else g.detach().double()
    pull = slopes(f.reshape(1), session.parameters).double()
    return torch.where(steep > 0, pull / steep, 0.0)
