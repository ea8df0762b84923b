"""The iterates of a solver: recorded as steps of the run, and the best of them kept."""

import math

import numpy as np
import torch
from torch import Tensor

from cspec.runtime.solvers.nlp.lift import Lifted
from cspec.runtime.solvers.nlp.problem import HUGE, Nlp, Vector
from cspec.runtime.solvers.nlp.ways import Ways
from cspec.runtime.task import Stopped, Task

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

    def __init__(self, task: Task, nlp: Nlp, ways: Ways | None = None) -> None:
        self._task, self._nlp, self._ways = task, nlp, ways
        self._rank = (math.inf, math.inf)
        self._floor = -math.inf
        self.best: Vector | None = None

    def watch(self) -> None:
        """End the solver where the run was interrupted."""
        if self._task.interrupted():
            raise Stopped

    def fallen(self, first: float) -> None:
        """Below which objective a run counts as unbounded, by its value at the start."""
        self._floor = -ENDLESS * max(1.0, abs(first) if abs(first) < HUGE else 1.0)

    def seen(self, x: Vector) -> None:
        """Note an iterate, and whether it is the best so far."""
        f, _ = self._nlp.values(x)
        rank = (max(0.0, self._nlp.violation(x) - FEASIBLE), f)
        if rank < self._rank:
            self.best, self._rank = np.array(x), rank
        self._task.seen(*self.told(x))
        self.watch()
        if rank[0] == 0.0 and f < self._floor:
            raise Diverged(np.array(x))

    def told(self, x: Vector) -> tuple[Tensor, Tensor]:
        """f and g of an iterate, in terms of the spec; the variables are there after that."""
        task = self._task
        f, g = self._nlp.raw(x)
        self._nlp.load(x)
        if isinstance(self._nlp, Lifted):
            with torch.no_grad():
                value, own, _ = task.measure(task.primal, {})
            f, g = float(value), own.double().numpy()
        if self._ways is not None:
            g = self._ways.shown(g)
        dtype = torch.float64
        return torch.tensor(f, dtype=dtype), torch.tensor(g, dtype=dtype)
