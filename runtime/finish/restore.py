"""From the end of a run to the requirements: minimum-norm Newton steps over whole data.

    x <- x + d,   min |d|^2  s.t.  J d <= -g,      g what is violated or was, J its gradients

The step is the shortest that a linear model says is needed, so the objective is moved in the second
order: a violation of 1e-2 becomes one of 1e-9. A rate is flat: its step goes along the gradient of
its surrogate (of another temperature, where that of the end leads nowhere), and the length is found
on the true rate: where that is met at the objective's cost, the least that meets it, by halving (a
surrogate that has vanished makes steps too long by far). (A feasibility restoration as of filter
methods, Fletcher and Leyffer 2002; the step is `shortest_step`'s.)

The emitted `restore(session)` is the loop; here is what it is made of. Models are in evaluation
mode: running statistics stay as they are. Data of any length go through them in chunks, forward and
back (each chunk's forward is computed again when its gradient is), so memory holds outputs only.
An interruption puts the run back to where its last step left it: a resumed run restores anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.finish.violation import (
    STRICT,
    at_temperature,
    gradient_of,
    own_scale,
    point_of,
    put,
    put_within,
    temperatures,
)
from cspec.runtime.functions.worst_points import standing
from cspec.runtime.models.without_trace import as_deployed
from cspec.runtime.result.entries import marked, spread
from cspec.runtime.session.batches import rows_of
from cspec.runtime.session.session import Session
from cspec.runtime.session.with_examples import each_of, measured_each, with_examples

LENGTHS = (1.0, 0.5, 0.25, 2.0, 4.0, 8.0, 16.0, 0.125, 32.0, 0.03)
"""Tried in this order, in units of the step that a linear model takes."""
ENOUGH = 0.5
"""A step that leaves this share of the violation or less is taken without trying others."""
PROGRESS = 0.99
"""Share of the violation above which a step has not helped."""
NEAR = 10.0
"""Times 1 + |x|, the way that a restoration may go: what is not met near by is no accident."""
STILL = 1e-9
"""The longest way of a run's steps (rates x steps) below which it moves nothing, nor does this."""
COSTLY = 0.01
"""Share of |f| by which a step that meets rates must have raised f to be shortened, ..."""
HALVINGS = 8
"""... and how often what it may be too long by is halved."""
BLOCKS = 64
"""Violated examples up to which each has a gradient of its own, and blocks of more."""
ENTRIES = 2**26
"""Entries of J that are held at once (half a gigabyte): of more, the rows violated most."""


class Restoration:
    """The end of a run as a point to start from: `with Restoration(session) as near`."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.steps = 0
        self._whole = with_examples(session)
        constraints = self._whole.constraints
        self._blocked = False
        self._counted = marked(constraints, lambda c: not c.soft).to(session.device)
        self._equal = marked(constraints, lambda c: c.equal).to(session.device)
        self._equations = self._equal
        self._flat = marked(constraints, lambda c: c.surrogate is not None).to(session.device)
        rows = max((len(data) for data in session.data.values()), default=0)
        self._one = 1 / max(1, rows)
        self._allowed = spread(constraints, partial(_allowed, session)).to(session.device)
        self._active = torch.zeros_like(self._counted)
        self._start = point_of(session.parameters)
        self._still = session.schedule.fastest * session.total_steps < STILL
        self._temperatures = [None, *temperatures(session)]
        self._tried = 0
        self._mode = as_deployed(session.models())
        self._f = self._first_f = self._first = self._violation = math.nan

    def __enter__(self) -> Restoration:
        self._mode.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        if any(raised) or self.session.interrupted:
            put(self.session.parameters, self._start)
        self._mode.__exit__(*raised)

    def measured(self) -> tuple[Tensor | Blocks, Tensor]:
        """g, differentiable, and how much each entry is over on whole data, by true constraints."""
        f, g, true = self._looked() or self._measure()
        self._f, self._violation = float(f.detach()), self._amount(true)
        self._objective = f
        if not self.steps:
            self._first_f, self._first = self._f, self._violation
        return self._grouped(g, self._asked(torch.nan_to_num(true.detach().double())))

    def _asked(self, true: Tensor) -> Tensor:
        """Of a rate that is missed by less than one example, one: no less changes it."""
        little = self._flat & (self._amounts(true) > self._allowed) & (true.abs() < self._one)
        return torch.where(little, self._one * true.sign(), true)

    def _grouped(self, g: Tensor, true: Tensor) -> tuple[Tensor | Blocks, Tensor]:
        """Many violated examples as a few blocks of rows, the mean of each in their place.

        A gradient a row would be a backward pass a row, one a block passes each row once. Rows are
        in blocks with those that are violated about as much.
        """
        vector = self._whole.vector
        amounts = self._amounts(true)
        rows = (amounts > self._allowed)[vector:].nonzero().flatten() + vector
        self._blocked = len(rows) > BLOCKS
        if not self._blocked:
            self._equations = self._equal
            return g, true
        blocks = rows[amounts[rows].argsort(descending=True)].chunk(BLOCKS)
        signs = torch.where(self._equal, true.sign(), 1.0).to(g)
        means = [lambda block=block: self._mean(block, signs[block]) for block in blocks]
        sizes = torch.stack([amounts[block].mean() for block in blocks])
        both = torch.stack([self._equal[block].any() for block in blocks])
        self._equations = torch.cat([self._equal[:vector], both])
        return Blocks(g[:vector], means), torch.cat([true[:vector], sizes])

    def _mean(self, block: Tensor, signs: Tensor) -> Tensor:
        """The mean of what a block of rows is over, computed on these rows alone."""
        session, batch = self.session, self._batch()
        parts = []
        for place, c in enumerate(each_of(self._whole.constraints)):
            assert c.segment is not None and c.each is not None
            own = (block >= c.segment[0]) & (block < c.segment[1])
            if not bool(own.any()):
                continue
            rows = rows_of(batch[c.each], block[own] - c.segment[0])
            values = measured_each(session.module, session.primal, {**batch, c.each: rows})[3]
            parts.append(signs[own] @ list(values.values())[place].to(signs))
        return torch.stack(parts).sum() / len(block)

    def left(self, true: Tensor) -> Tensor:
        """The indices of what is violated now or was before, none once all is met."""
        if self._blocked:
            own = true[: self._whole.vector].abs() > self._allowed[: self._whole.vector]
            own &= self._equal[: len(own)] | (true[: len(own)] > 0)
            self._active[: len(own)] |= own & self._counted[: len(own)]
            first = self._active[: len(own)].nonzero().flatten()
            blocks = torch.arange(len(own), len(true), device=true.device)
            stays = self._still or self.session.interrupted
            return blocks[:0] if stays else torch.cat([first, blocks])
        short = self._amounts(true) > self._allowed
        if self._still or self.session.interrupted or not bool(short.any()):
            return short.nonzero().flatten()[:0]
        self._active |= short
        rows = self._active.nonzero().flatten()
        most = max(1, ENTRIES // max(1, self._start.numel()))
        if len(rows) <= most:
            return rows
        return rows[self._amounts(true)[rows].argsort(descending=True)[:most]].sort().values

    def equations(self, rows: Tensor) -> Tensor:
        """Which of some entries are equations: of an inequality, more than was asked is no harm."""
        return self._equations[rows]

    def slope(self) -> Tensor:
        """grad f where it was measured last (n,); 0 of what moves nothing."""
        return gradient_of(self._objective, self.session.parameters)

    def go(self, step: Tensor) -> bool:
        """Go the length along a step that leaves the least violation; False if none lowers it."""
        session, start = self.session, point_of(self.session.parameters)
        best, place = self._violation, start
        far = NEAR * (1 + self._start.norm())
        for length in LENGTHS if bool(torch.isfinite(step).all()) else ():
            if (start + length * step - self._start).norm() > far:
                continue
            f, found = self._tried_at(start + length * step)
            if math.isfinite(found) and found < best:
                best, place = found, point_of(session.parameters)
            if best == 0 and bool(self._flat.any()) and f > self._f + COSTLY * abs(self._f):
                place = self._shortened(start, length * step)
            if best <= ENOUGH * self._violation or session.interrupted:
                break
        put(session.parameters, place)
        if "at_worst" in session.module and best < self._violation:  # points stood still
            best = self._looked_at()[1]
            if best >= self._violation:
                put(session.parameters, start)
        helped = best <= PROGRESS * self._violation
        self.steps += helped
        if helped:
            self._tried = 0
            return True
        self._tried += 1
        self._temperatures.append(self._temperatures.pop(0))
        return self._tried < len(self._temperatures)

    def _tried_at(self, point: Tensor) -> tuple[float, float]:
        """Go to a point, or to the nearest of the sets: f there, and what is violated."""
        put_within(self.session, point)
        with standing():
            return self._looked_at()

    def _looked_at(self) -> tuple[float, float]:
        """f and what is violated, without what a gradient needs."""
        with torch.no_grad():
            f, _, true = self._measure()
        return float(f.detach()), self._amount(true)

    def _shortened(self, start: Tensor, step: Tensor) -> Tensor:
        """The nearest point along a step that meets all, which its end does."""
        missed, met, place = 0.0, 1.0, point_of(self.session.parameters)
        for _ in range(HALVINGS):
            middle = (missed + met) / 2
            if self._tried_at(start + middle * step)[1] == 0:
                met, place = middle, point_of(self.session.parameters)
            else:
                missed = middle
        return place

    def tell(self) -> None:
        """Say in the report what was moved, and in the session whether anything is left."""
        self.session.out_of_reach = self._violation > 0 and not self.session.interrupted
        if self.steps and not self.session.interrupted:
            met = "0" if self._violation == 0 else f"{self._violation:.2g}"
            self.session.notes.append(
                f"restored: {self.steps} Newton step{'s' if self.steps > 1 else ''} on whole data "
                f"took the violation from {self._first:.2g} to {met} and the objective from "
                f"{self.session.sign * self._first_f:.6g} to {self.session.sign * self._f:.6g}"
            )

    def _looked(self) -> tuple[Tensor, Tensor, Tensor] | None:
        """A first look at many rows, without what a gradient needs; None where one is needed."""
        if not self.session.large or self.steps or self._tried or not math.isnan(self._violation):
            return None
        with torch.no_grad():
            found = self._measure()
        return None if self._amount(found[2]) > 0 else found

    def _measure(self) -> tuple[Tensor, Tensor, Tensor]:
        return self._whole.measure(self.session.primal, self._batch())

    def _batch(self) -> dict[str, Any]:
        return at_temperature(self.session.whole_batch(), self._temperatures[0])

    def _amounts(self, true: Tensor) -> Tensor:
        true = torch.nan_to_num(true.detach().double())
        amounts = torch.where(self._equal, true.abs(), torch.relu(true))
        return torch.where(self._counted, amounts, 0.0)

    def _amount(self, true: Tensor) -> float:
        """The norm of what is violated by more than is left alone."""
        amounts = self._amounts(true)
        return float(torch.where(amounts > self._allowed, amounts, 0.0).norm())


class Blocks:
    """g, whose last entries are means of rows that are computed when one asks for them."""

    def __init__(self, first: Tensor, means: Sequence[Callable[[], Tensor]]) -> None:
        self._first, self._means = first, means

    def __getitem__(self, row: int) -> Tensor:
        known = len(self._first)
        return self._first[row] if row < known else self._means[row - known]()


def jacobian(g: Tensor | Blocks, rows: Tensor, session: Session) -> Tensor:
    """The gradients of some entries of g with respect to all that moves, one a row, float64."""
    return torch.stack([gradient_of(g[row], session.parameters) for row in rows.tolist()])


def _allowed(session: Session, c: ConstraintFacts) -> float:
    """The violation that is left alone: half of its tolerance, beyond rounding."""
    return 0.5 * (c.aim if c.share else min(c.tolerance, STRICT * own_scale(session, c)))
