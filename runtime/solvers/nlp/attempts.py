"""Attempts at one problem: an engine from a start, polished, and left where it is no minimum."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from cspec.runtime.solvers.nlp.beside import better_beside
from cspec.runtime.solvers.nlp.engines import Engine, EngineLimits, Scale, by_size
from cspec.runtime.solvers.nlp.kkt import Kkt, descent_direction, kkt, polish
from cspec.runtime.solvers.nlp.other_variables import Rule, eliminating
from cspec.runtime.solvers.nlp.problem import Nlp, Vector
from cspec.runtime.solvers.nlp.starts import point
from cspec.runtime.solvers.nlp.trail import FEASIBLE, Diverged

STATIONARY = 1e-5
"""KKT residual below which a point counts as stationary."""
ESCAPES = 3
"""Times that a stationary point that is no minimum is left."""


class Candidate(NamedTuple):
    """Where one attempt ended."""

    x: Vector
    f: float
    violation: float
    state: Kkt
    minimum: bool
    """Feasible, stationary, and without negative curvature along the constraints."""
    how: str

    @property
    def rank(self) -> tuple[float, float]:
        """Feasibility first, objective second."""
        return (max(0.0, self.violation - FEASIBLE), self.f)


@dataclass(eq=False)
class Search:
    """Attempts at one problem and what they found."""

    nlp: Nlp
    limits: EngineLimits
    engine: str
    seed: int
    eliminated: Mapping[int, Rule]
    held: Sequence[int]
    problems: int = 1
    """Problems like it that share the work of further starts."""
    spare: bool = False
    """Whether another of them has a solution: what an engine fails on from all starts is left."""
    notes: list[str] = field(default_factory=list)
    """What is said of the attempts."""
    best: Candidate | None = None
    attempts: int = 0
    endless: Vector | None = None
    """Where the objective fell below everything, the constraints met."""

    def __post_init__(self) -> None:
        self.engine = by_size(self.nlp) if self.engine == "auto" else self.engine
        self._before = self.nlp.count.evaluations

    @property
    def evaluations(self) -> int:
        """Evaluations of the attempts."""
        return self.nlp.count.evaluations - self._before

    def attempt(
        self, engine: Engine, start: Vector, scale: Scale, how: str, whole: bool = False
    ) -> Candidate:
        """One engine from one start, polished; stationary points that are no minimum are left.

        `whole`: over all variables, none eliminated.
        """
        if not whole:
            engine = eliminating(engine, self.eliminated, self.held)
        start = self.nlp.tighten(self.nlp.clip(start))
        try:
            end = engine(self.nlp, start, scale, self.limits)
        except Diverged as gone:
            self.endless = gone.x
            self.attempts += 1
            return self.measured(gone.x, how)
        found = self._settle(end, how)
        for _ in range(ESCAPES):
            if found.violation > FEASIBLE or found.state.stationarity > STATIONARY:
                break
            found, moved, why = self._lower(engine, found, scale)
            if moved is None:
                break
            self.notes.append(f"{point(found.x)} is stationary but no minimum ({why})")
            found = moved
        self.attempts += 1
        if self.best is None or found.rank < self.best.rank:
            self.best = found
        return found

    def _lower(
        self, engine: Engine, found: Candidate, scale: Scale
    ) -> tuple[Candidate, Candidate | None, str]:
        """A stationary point, as a minimum or not; where leaving it led to, None where nowhere."""
        if not found.minimum:
            direction = descent_direction(self.nlp, found.x, found.state.multipliers)
            if direction is None:
                return found, None, ""
            why = "the Lagrangian curves down along the constraints; it was left in that direction"
            return found, self._leave(engine, found, direction, scale), why
        beside = better_beside(self.nlp, found.x, found.state)
        if beside is None:
            return found, None, ""
        found = found._replace(minimum=False)
        why = f"{point(beside)}, near it, is lower; the solver went on from there"
        return found, self._from(engine, found, [beside], scale), why

    def _leave(
        self, engine: Engine, found: Candidate, direction: Vector, scale: Scale
    ) -> Candidate | None:
        size = 1e-2 * max(1.0, float(np.abs(found.x).max(initial=0.0)))
        sides = [found.x + sign * size * direction for sign in (1.0, -1.0)]
        starts = [self.nlp.tighten(self.nlp.clip(side)) for side in sides]
        return self._from(engine, found, starts, scale)

    def _from(
        self, engine: Engine, found: Candidate, starts: Sequence[Vector], scale: Scale
    ) -> Candidate | None:
        """Where the engine ends from points beside a candidate, if that is better."""
        ends = []
        for start in starts:
            try:
                end = engine(self.nlp, start, scale, self.limits)
            except Diverged as gone:
                self.endless = gone.x
                continue
            ends.append(self._settle(end, found.how))
        if not ends:
            return None
        best = min(ends, key=lambda c: c.rank)
        better = best.f < found.f - 1e-12 * max(1.0, abs(found.f))
        return best if better and best.violation <= max(FEASIBLE, found.violation) else None

    def _settle(self, x: Vector, how: str) -> Candidate:
        polished = self.nlp.tighten(polish(self.nlp, self.nlp.tighten(x)))
        f, _ = self.nlp.values(polished)
        state = kkt(self.nlp, polished)
        violation = self.nlp.violation(polished)
        first = violation <= FEASIBLE and state.stationarity <= STATIONARY
        minimum = first and descent_direction(self.nlp, polished, state.multipliers) is None
        minimum = minimum and self.nlp.sloped(polished)
        return Candidate(polished, f, violation, state, minimum, how)

    def measured(self, x: Vector, how: str) -> Candidate:
        """A point that is no end of anything."""
        nlp = self.nlp
        return Candidate(x, nlp.values(x)[0], nlp.violation(x), kkt(nlp, x), False, how)
