"""The iterates of a solver: recorded as steps of the run, and the best of them kept."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from cspec.runtime.solvers.nlp.engines import Stopped
from cspec.runtime.solvers.nlp.lift import Lifted
from cspec.runtime.solvers.nlp.problem import HUGE, Measure, Nlp, Vector
from cspec.runtime.solvers.nlp.ways import Ways

if TYPE_CHECKING:
    from cspec.runtime.session.session import Session

FEASIBLE = 1e-7
"""Violation up to which candidates count as feasible when they are compared."""
ENDLESS = 1e12
"""Times the objective at the start that it falls below 0 where it is taken for unbounded."""


class Diverged(Exception):  # noqa: N818
    """The objective fell below everything, the constraints met."""

    def __init__(self, x: Vector) -> None:
        super().__init__("unbounded")
        self.x = x


class Trail:
    """The iterates of a run: recorded, and the best of them kept."""

    def __init__(
        self, session: Session, nlp: Nlp, measure: Measure, ways: Ways | None = None
    ) -> None:
        self._session, self._nlp, self._measure, self._ways = session, nlp, measure, ways
        self._rank = (math.inf, math.inf)
        self._floor = -math.inf
        self.best: Vector | None = None

    def watch(self) -> None:
        """End the solver where the run was interrupted."""
        if self._session.interrupted:
            raise Stopped

    def fallen(self, first: float) -> None:
        """Below which objective a run counts as unbounded, by its value at the start."""
        self._floor = -ENDLESS * max(1.0, abs(first) if abs(first) < HUGE else 1.0)

    def nothing(self) -> None:
        """Let what is left of an interrupted run be measured."""

    def seen(self, x: Vector) -> None:
        """Note an iterate, and whether it is the best so far."""
        f, _ = self._nlp.values(x)
        rank = (max(0.0, self._nlp.violation(x) - FEASIBLE), f)
        if rank < self._rank:
            self.best, self._rank = np.array(x), rank
        self.record(x)
        self.watch()
        if rank[0] == 0.0 and f < self._floor:
            raise Diverged(np.array(x))

    def record(self, x: Vector) -> None:
        """An iterate as a step of the run, in terms of the spec."""
        session = self._session
        session.step += 1
        session.epoch = session.step
        f, g = self._nlp.raw(x)
        self._nlp.load(x)
        if isinstance(self._nlp, Lifted):
            with torch.no_grad():
                value, own, _ = self._measure(session.primal, {})
            f, g = float(value), own.double().numpy()
        if self._ways is not None:
            g = self._ways.shown(g)
        dtype = torch.float64
        session.record(torch.tensor(f, dtype=dtype), torch.tensor(g, dtype=dtype))
