"""A learning rate that nobody gave: a run's first steps are tried at a few rates, and taken anew.

    for rate in 32, 10, 3.2, 1 times the optimizer's, until one does no better than those before:
        the loop's own first n steps, on the same batches, from the same start; the rate falls along
        half a cosine to 0, as it does at the end of a run: none is blamed for its noise
        merit = f + sum of |grad f| / |grad g_i| x violation of g_i, of means over the first batches

The run begins anew half a decade below the best: n steps want longer ones than fifty times n do.
What moves straight goes n r, noise adds up to sqrt(n) r, and the rate that suits both falls along
1 / sqrt(n) (short trials, Wu et al. 2018; ranges of rates, Smith 2017). Measured on small networks
with weights in sets, where a run is fifty times n: half a decade below the best of n ends within 2%
of the best rate of all (and up to 27% below a rate of 0.001).

A set may have parts that no path within it joins: orthogonal matrices of determinant 1 and -1. Of
a single such weight both are tried at the best rate, four times as long, and the better one is
begun in. (Of many, one is no matter.)

Parameters, state, optimizer and generators are put back as from a checkpoint, so what follows is
the run at that rate, to the bit.
"""

import copy
import math
from collections.abc import Generator, Sequence
from typing import Any

import torch
from torch import Tensor

from cspec.compiler.choose.rehearsal import BELOW, RATES
from cspec.runtime.methods.units import slopes
from cspec.runtime.operators import Operator
from cspec.runtime.result.entries import marked
from cspec.runtime.session.session import Session
from cspec.runtime.steps.projection import project_together

BATCHES = 16
"""Batches, at most, on which the end of a rehearsal is judged."""
LONGER = 4
"""Times the steps of a rehearsal, what shows in which part of a set the better solution is."""


def rehearse(session: Session, steps: int, below: float = BELOW) -> None:
    """Try the first steps at several rates: `session.batches` begins with theirs, and then anew.

    The run's rate is `below` decades under the best of them.

    Nothing of them is recorded, verified or kept. A run that is resumed has chosen already.
    """
    if session.step == 0 and session.schedule.times is None:
        session.rehearsal = Rehearsal(session, steps, below)


class Rehearsal:
    """The rehearsals of one run, from before its session's first step on."""

    def __init__(self, session: Session, steps: int, below: float) -> None:
        self.steps = steps
        self._below = below
        self.merits: list[float] = []
        """Of the rates that were tried, the largest first."""
        self._session = session
        self._first = self._start = copy.deepcopy(session.state_dict())
        self._weights = _weights(session)
        self._course = self._tried()
        next(self._course)

    def goes_on(self) -> bool:
        """Whether another step of a rehearsal follows; the session is at its start if not.

        One that is interrupted has chosen nothing: the run that is resumed rehearses anew.
        """
        session = self._session
        if session.interrupted:
            self._back_to(self._first)
            return False
        if session.step < self.steps:
            return True
        merit = self._merit()
        self._back_to(self._start)
        try:
            self._course.send(merit)
        except StopIteration:
            return False
        return True

    def _back_to(self, state: dict[str, Any]) -> None:
        # What a method keeps from its first move on was not there at the start.
        for name in self._session.state.keys() - state["state"].keys():
            del self._session.state[name]
        self._session.load_state_dict(copy.deepcopy(state))

    def _tried(self) -> Generator[None, float, None]:
        """One rehearsal after another: each is told its merit; at the end the session is set."""
        schedule = self._session.schedule
        for rate in RATES:
            schedule.rehearse(rate, self.steps)
            self.merits.append((yield))
            if len(self.merits) > 1 and math.inf > self.merits[-1] >= min(self.merits[:-1]):
                break
        apart = self._apart()
        if len(apart) == 1:
            yield from self._both(*apart[0], RATES[self.merits.index(min(self.merits))])
        schedule.take(chosen(self.merits, self._below))

    def _both(
        self, operator: Operator, weight: Tensor, rate: float
    ) -> Generator[None, float, None]:
        """A rehearsal in each part of a set; the start is in the better one."""
        self.steps *= LONGER
        self._session.schedule.rehearse(rate, self.steps)
        here = yield
        self._cross(operator, weight)
        self._session.schedule.rehearse(rate, self.steps)
        there = yield
        if there < here:
            self._say(weight)
        else:
            self._back_to(self._first)

    def _apart(self) -> list[tuple[Operator, Tensor]]:
        """Weights whose sets have another part."""
        return [
            (operator, weight)
            for operator, weights in self._session.held
            for weight in weights
            if operator.across(weight.detach(), torch.zeros_like(weight)) is not None
        ]

    def _cross(self, operator: Operator, weight: Tensor) -> None:
        """Begin in the other part of a set, where the gradient leads to."""
        session = self._session
        with session.again():
            f, _, _ = session.module["measure"](session.primal, session.batch_at(0))
            (slope,) = torch.autograd.grad(f, [weight], allow_unused=True)
        slope = torch.zeros_like(weight) if slope is None else slope
        place = operator.across(weight.detach(), slope)
        with torch.no_grad():
            weight.copy_(weight if place is None else place)
        project_together([h for h in session.held if any(w is weight for w in h[1])])
        self._start = copy.deepcopy(session.state_dict())

    def _say(self, weight: Tensor) -> None:
        session = self._session
        name = next(n for n, p in session.named.items() if p is weight)
        session.notes.append(
            f"`{name}` begins in the other part of its set (of the other determinant), which no "
            "step would have reached: the first steps did better there"
        )

    def _merit(self) -> float:
        """f and what is violated, in its units; infinite where it is no number."""
        session, measure = self._session, self._session.module["measure"]
        count = min(BATCHES, self.steps)
        batches = [session.batch_at(k).remembering(session.state) for k in range(count)]
        found = [session.seen(measure, batch) for batch in batches]
        f = torch.stack([each[0].reshape(()) for each in found]).mean()
        true = torch.stack([each[2].double() for each in found]).nanmean(0)
        equal = marked(session.program.constraints, lambda c: c.equal).to(true.device)
        short = torch.where(equal, true.abs(), true.relu()) if len(true) else true
        value = float(f) + float((torch.nan_to_num(short) * self._weights).sum())
        return value if math.isfinite(value) else math.inf


def chosen(merits: Sequence[float], below: float = BELOW) -> float:
    """The rate `below` decades under the best of those that were tried.

    In units of the optimizer's own, which is the least that is taken.
    """
    if not math.isfinite(min(merits)):
        return RATES[-1]
    return max(RATES[-1], float(10 ** (math.log10(RATES[merits.index(min(merits))]) - below)))


def _weights(session: Session) -> Tensor:
    """|grad f| / |grad g_i| at the start; 0 where g_i has no slope there, or was not measured."""
    with session.again():
        f, g, _ = session.module["measure"](session.primal, session.batch_at(0))
    steep = slopes(g, session.parameters).double() if len(g) else g.detach().double()
    pull = slopes(f.reshape(1), session.parameters).double()
    return torch.where(steep > 0, pull / steep, 0.0)
