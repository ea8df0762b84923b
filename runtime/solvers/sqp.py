"""`sqp`: the whole of a small deterministic problem, solved by scipy with exact derivatives.

The emitted `train` calls `solve` once. Every candidate is polished by Newton's method on its KKT
conditions; a stationary point that curves down, or beside which there is a lower one, is left; with
`escalate`, other engines and other starts are tried where the first did not end at a minimum, and
(unless the problem is convex) a few more starts look for a better one. Rules are tried in all the
ways in which they can hold. Where the objective goes on falling infinitely far away there is no
minimum, and that is said. What was tried is noted.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from cspec.runtime.solvers.nlp.attempts import Candidate, Search
from cspec.runtime.solvers.nlp.beside import FEASIBLE, restored
from cspec.runtime.solvers.nlp.engines import EngineLimits
from cspec.runtime.solvers.nlp.explore import explore
from cspec.runtime.solvers.nlp.lift import Lifted, problem_of
from cspec.runtime.solvers.nlp.other_variables import Rule
from cspec.runtime.solvers.nlp.problem import Nlp, Vector, matrix, symmetric
from cspec.runtime.solvers.nlp.starts import defined_start, point
from cspec.runtime.solvers.nlp.trail import Diverged, Trail
from cspec.runtime.solvers.nlp.ways import Chosen, Node, Way, Ways, best_way, combinations, ways_of
from cspec.runtime.solvers.unsloped import require_slopes
from cspec.runtime.task import Outcome, Stopped, Task
from cspec.runtime.verdict.why.endless import (
    Function,
    coordinates,
    distant,
    fall,
    moves,
    unbounded,
)
from cspec.runtime.verdict.why.poles import pole

MOST_NOTES = 4
"""Notes on attempts that are shown."""


def solve(
    task: Task,
    *,
    eliminated: Mapping[int, Rule] | None = None,
    held: Sequence[int] = (),
    ways: Mapping[str, Sequence[Way]] | None = None,
    engine: str = "auto",
    tolerance: float = 1e-9,
    iterations: int = 500,
    escalate: bool = False,
    convex: bool = False,
    semidefinite: bool = False,
    **problem: Any,
) -> Outcome:
    """Move the variables to a minimum; its multipliers, and what is said of it.

    `problem` is what `problem_of` reads. `eliminated` variables are given by others, place by place
    (constant, coefficients by place), and the entries `held` of g hold by that. `ways` are the
    entries of g that together make a rule hold, in each of several ways. `escalate`: other engines
    and starts where the first fails; `convex`: any local minimum is the global one, so no further
    starts are tried; `semidefinite`: so it is if the Hessian of f, which is `quadratic`, has no
    negative eigenvalue.
    """
    require_slopes(task)
    nlp = problem_of(task, {**problem, "ways": ways})
    rules = ways_of(ways or {}, nlp.equalities)
    trail = Trail(task, nlp, rules)
    limits = EngineLimits(tolerance, iterations, trail.seen)
    convex = convex or (semidefinite and nlp.semidefinite())
    run = Run(task, nlp, trail, limits, engine, (eliminated or {}, held), escalate, convex)
    nlp.watch = trail.watch
    try:
        with np.errstate(all="ignore"):
            run.begin()
            if rules is None:
                run.explore(run.search)
            else:
                run.each_way(rules)
    except (Stopped, KeyboardInterrupt):
        run.termination = "interrupted"
    nlp.watch = lambda: None  # what is left of an interrupted run is measured
    with np.errstate(all="ignore"):
        return run.outcome(run.chosen())


@dataclass(eq=False)
class Run:
    """One solve: searches over the problem, or over each way in which its rules can hold."""

    task: Task
    nlp: Nlp
    trail: Trail
    limits: EngineLimits
    engine: str
    eliminated: tuple[Mapping[int, Rule], Sequence[int]]
    escalate: bool
    convex: bool
    notes: list[str] = field(default_factory=list)
    termination: str = ""

    def __post_init__(self) -> None:
        self.start = self.nlp.point()
        self.search = self._search(self.nlp)

    def _search(self, nlp: Nlp) -> Search:
        rules, held = self.eliminated
        held = nlp.held(held) if isinstance(nlp, Chosen) else held
        return Search(nlp, self.limits, self.engine, self.task.seed, rules, held)

    def begin(self) -> None:
        """A point at which the problem is defined."""
        self.start = defined_start(self.nlp, self.task.seed, self.notes)
        self.trail.fallen(self.nlp.values(self.start)[0])

    def explore(self, search: Search) -> None:
        """The attempts at a problem, that of the spec or one way in which its rules hold."""
        try:
            explore(search, self.start, self.escalate, self.convex)
        except Diverged as gone:
            search.endless = gone.x

    def each_way(self, rules: Ways) -> None:
        """The best of all combinations of the ways in which the rules can hold."""

        ends: list[tuple[float, Search]] = []

        def solved(decided: Mapping[int, Way]) -> Node | None:
            search = self._search(Chosen(self.nlp, rules.kept(decided)))
            search.problems = math.prod(map(len, rules.rules))
            search.spare = any(away <= FEASIBLE and s.best.minimum for away, s in ends if s.best)
            self.explore(search)
            best = search.best
            if search.endless is not None and (best is None or not best.minimum):
                best = search.measured(search.endless, search.engine)
                return Node(best.x, -math.inf, True, True, search)
            if best is None:
                return None
            ends.append((self.nlp.violation(best.x), search))
            return Node(best.x, best.f, best.violation <= FEASIBLE, best.minimum, search)

        def measured(x: Vector) -> Vector:
            return self.nlp.values(x)[1]

        tried = best_way(rules, measured, solved, FEASIBLE, self.convex)
        if tried.best is not None:
            self.search = tried.best.found
        elif ends:
            self.search = min(ends, key=lambda end: end[0])[1]
        self.notes.append(combinations(rules, tried))

    def chosen(self) -> Candidate | None:
        """The best attempt; of an interrupted run the best iterate, where that is better."""
        search, sense = self.search, self.task.sense
        best = search.best
        if best is not None and isinstance(search.nlp, Chosen):
            violation = self.nlp.violation(best.x)
            minimum = best.minimum and violation <= FEASIBLE
            best = best._replace(violation=violation, minimum=minimum)
        self.notes += _few(search.notes)
        if self.termination != "interrupted":
            end = self._pole(best)
            if end is not None and best is not None:
                self.termination = "unbounded"
                self.notes.append(unbounded(point(end), sense))
                return best._replace(minimum=False)
        if search.endless is not None:
            if self.termination != "interrupted" and (best is None or not best.minimum):
                self.termination = "unbounded"
                self.notes.append(unbounded(point(search.endless), sense))
                return search.measured(search.endless, search.engine)
            self._also(search.endless)
        if self.termination == "interrupted" and self.trail.best is not None:
            found = search.measured(self.trail.best, search.engine)
            return found if best is None or found.rank < best.rank else best
        return self._attained(best) if self.termination != "interrupted" else best

    def _pole(self, best: Candidate | None) -> Vector | None:
        """Where the objective falls without end beside the best attempt: no convex one does."""
        if best is None or best.violation > FEASIBLE or self.convex:
            return None
        nlp = self.search.nlp
        everywhere = np.ones(nlp.size, dtype=bool)
        function = Function(_place(nlp), nlp.gradient, everywhere, self.nlp.analytic)
        return pole(function, best.x, self.start, best.minimum)

    def _attained(self, best: Candidate | None) -> Candidate | None:
        """The best attempt, no minimum where the objective falls on infinitely far away."""
        if best is None or best.violation > FEASIBLE:
            return best
        nlp = self.search.nlp
        open_ = np.isinf(nlp.lower) | np.isinf(nlp.upper)
        function = Function(_place(nlp), nlp.gradient, open_, self.nlp.analytic)
        found = fall(function, best.x, self.start) if open_.any() else None
        if found is None:
            self._look_far(function, best)
            return best
        self.notes.append(found.sentence(coordinates(self.task.variables), self.task.sense))
        self.termination = "unbounded"
        return best._replace(minimum=False)

    def _look_far(self, function: Function, best: Candidate) -> None:
        """Say where the objective falls far from a minimum, beyond others."""
        known = self.search.endless is not None
        if known or self.convex or not self.escalate or not function.open.any():
            return
        far = distant(function, best.x)
        if far is not None:
            self._also(far)

    def _also(self, far: Vector) -> None:
        sense = self.task.sense
        self.notes.append(
            f"the objective also {moves(sense)} without end, toward {point(far)}: what is "
            f"reported is a local {'max' if sense == 'maximize' else 'min'}imum"
        )

    def outcome(self, best: Candidate | None) -> Outcome:
        """The variables at the best attempt, its multipliers and what is said of them."""
        search, nlp = self.search, self.nlp
        if best is None:
            return Outcome(self.termination, tuple(self.notes))
        nlp.put(best.x)
        own = best.state.multipliers
        if isinstance(search.nlp, Chosen):
            own = search.nlp.spread(own)
        ended = "converged" if best.minimum else "no further progress"
        return Outcome(
            termination=self.termination or ended,
            notes=(*self.notes, _summary(search, best)),
            end=self.trail.told(best.x),
            multipliers=torch.as_tensor(own),
            residual=best.state.stationarity if isinstance(nlp, Lifted) else None,
        )


def _place(nlp: Nlp) -> Callable[[Vector], tuple[Vector, float, bool]]:
    """A point put onto its constraints, the objective there, and whether they are met."""

    def at(x: Vector) -> tuple[Vector, float, bool]:
        place = restored(nlp, x)
        scale = max(1.0, 1e-9 * float(np.abs(place).max(initial=0.0)))
        return place, nlp.raw(place)[0], nlp.violation(place) <= 10 * FEASIBLE * scale

    return at


def _few(notes: Sequence[str]) -> list[str]:
    """The first notes on attempts, and how many more there are."""
    more = len(notes) - MOST_NOTES
    return [*notes[:MOST_NOTES], *([f"and {more} more like these"] if more > 0 else [])]


def _summary(search: Search, best: Candidate) -> str:
    state = best.state
    tried = f", best of {search.attempts} attempts" if search.attempts > 1 else ""
    kind = "a minimum" if best.minimum else "no certified minimum"
    stationarity = state.stationarity if math.isfinite(state.stationarity) else math.inf
    return (
        f"solved by scipy ({best.how}{tried}): {kind}, stationarity {stationarity:.1e}, violation "
        f"{best.violation:.1e}, complementarity {state.complementarity:.1e}; multipliers by least "
        "squares over the active constraints"
    )


__all__ = ["matrix", "solve", "symmetric"]
