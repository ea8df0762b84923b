"""The problem that a solver gets: that of the spec, or the smooth one in place of one with kinks.

Auxiliary variables stand behind those of the spec, and functions of g that keep them above their
kinks behind the constraints of the spec. `tighten` gives each its least value, so that f and g are
those of the spec.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from cspec.compiler.records.program import VariableSetup
from cspec.runtime.solvers.nlp.problem import Nlp, Vector
from cspec.runtime.solvers.nlp.ways import ways_of
from cspec.runtime.task import Measure, Task

DEEPEST = 20
"""Kinks within kinks: passes after which auxiliary variables stay as they are."""


class Lifted(Nlp):
    """A problem with auxiliary variables, each above its pieces."""

    def __init__(
        self,
        task: Task,
        measure: Measure,
        auxiliary: tuple[str, int],
        above: Sequence[tuple[int, int]],
        settings: Mapping[str, Any],
    ) -> None:
        name, size = auxiliary
        values = torch.zeros(size, dtype=torch.float64, requires_grad=True)
        setup = VariableSetup(name=name, shape=(size,), start=0.0)
        super().__init__(
            {**task.primal, name: values}, (*task.variables, setup), measure, **settings
        )
        self.analytic = False
        self._entries = np.array([entry for entry, _ in above])
        self._places = np.array([place for _, place in above])
        self.own = self.size - size
        """Variables of the spec."""

    def tighten(self, x: Vector) -> Vector:
        """`x` with the least auxiliary variables that are above their pieces."""
        for _ in range(DEEPEST):
            _, g = self.raw(x)
            pieces = g[self._entries] + x[self._places]
            least = np.full(self.size, -np.inf)
            np.maximum.at(least, self._places, np.where(np.isfinite(pieces), pieces, -np.inf))
            moved = np.where(np.isfinite(least), least, x)
            if np.array_equal(moved, x):
                break
            x = moved
        return x


_PARTS = ("gradient", "jacobian", "hessian", "affine", "operations", "quadratic")
"""What `Nlp` takes by the names that emitted calls give it."""


def problem_of(task: Task, settings: Mapping[str, Any]) -> Nlp:
    """The problem of an emitted call of the solver, from what it was handed.

    `bounds` maps entries of g that bound one variable to (place in x, lower, upper): they are held
    as bounds. `operations` of each function measure the work that is done.
    """
    smooth, auxiliary = settings.get("smooth"), settings.get("auxiliary")
    given = {part: settings[part] for part in _PARTS if part in settings}
    given |= {"equalities": settings.get("equalities", ()), "bounded": settings.get("bounds")}
    nlp: Nlp
    if smooth is None or auxiliary is None:
        nlp = Nlp(task.primal, task.variables, task.measure, **given)
    else:
        nlp = Lifted(task, smooth, auxiliary, settings.get("above", ()), given)
    ways = ways_of(settings.get("ways") or {}, nlp.equalities)
    if ways is not None:
        nlp.excess = ways.excess
    return nlp
