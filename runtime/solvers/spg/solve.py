"""`spg`: deterministic problems over sets with a projection, solved by spectral projected gradient.

The emitted `train` calls `solve` once. Functions beside the sets are met by an augmented Lagrangian
with the projected gradient method inside (ALGENCAN, Andreani, Birgin, Martinez and Schuverdt 2008):
multipliers move after each inner minimization, a penalty grows tenfold where its violation did not
halve. Where the problem is not known to be convex a few more starts look for a better minimum; they
follow from the seed, so that a run can be repeated.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count as count_from
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cspec.runtime.solvers.nlp.problem import Vector
from cspec.runtime.solvers.nlp.ways import Node, Way, Ways, best_way, combinations, ways_of
from cspec.runtime.solvers.spg.descent import DescentLimits, End, descend
from cspec.runtime.solvers.spg.falls import endless
from cspec.runtime.solvers.spg.problem import Held, SetProblem, supports
from cspec.runtime.solvers.spg.starts import beside_point, corner, exchanged, other_starts
from cspec.runtime.solvers.unsloped import require_slopes
from cspec.runtime.task import Outcome, Stopped, Task

FLOOR = {torch.float64: 1e-12, torch.float32: 2e-5}
"""The smallest optimality, relative to the gradient, that rounding lets one see."""
FEASIBLE = {torch.float64: 1e-9, torch.float32: 1e-5}
"""Violation at which the multipliers are left as they are."""
EVALUATIONS = 200_000
"""Evaluations after which no further start is tried."""
EXCHANGES = 100
FLUSH_EVERY = 50
"""Steps between two looks of whoever watches."""
ROUNDS = 60
"""Updates of the multipliers."""
GROWTH = 10.0
STAGNATION = 0.5
LARGEST_PENALTY = 1e8
SLOPES = 256
"""Constraints whose slopes are found, at most: one backward pass each."""
LARGEST_MULTIPLIER = 1e8
TIE = 1e-9
"""Objectives this close, relatively, are the same: the earlier attempt is kept."""


STEEP = 1e4
"""Slope, in max(1, |f|), from which an end may be stationary by its size alone."""
FAR_OFF = 1e-3
"""Violation of an end that is no solution, and how much lower it has to be to be looked at."""


class Candidate(NamedTuple):
    """Where one attempt ended."""

    x: Tensor
    f: float
    violation: float
    multipliers: Tensor
    end: End
    how: str


class Search:
    """Attempts at one problem, and the best of what they found."""

    def __init__(self, task: Task, problem: SetProblem, limits: DescentLimits, arc: bool) -> None:
        self.task, self.problem, self.limits, self.arc = task, problem, limits, arc
        dtype = problem.point().dtype
        self.feasible = FEASIBLE[dtype]
        self.best: Candidate | None = None
        self.attempts = 0
        self.agreed = 0
        """Attempts that ended at the best objective."""
        self.lower: Candidate | None = None
        """The lowest end that is no solution: it does not meet the functions beside the sets."""

    def attempt(self, start: Tensor, how: str) -> Candidate:
        """One start, and what it led to."""
        problem = self.problem
        end = self._with_multipliers(start) if len(problem.equalities) else self._descend(start)
        found = self.settle(end, how)
        self.attempts += 1
        best = self.best
        if best is None or self._better(found, best):
            self.best, self.agreed = found, 1
        elif self._sinks(found, best):
            self.lower = found
        elif abs(found.f - best.f) <= 1e-6 * max(1.0, abs(best.f)):
            self.agreed += 1
        return found

    def settle(self, end: End, how: str) -> Candidate:
        """The end of a descent, moved into its sets to the last bit, and measured."""
        problem = self.problem
        x = problem.project(end.x)
        problem.value(x)
        multipliers = problem.multipliers.clone()
        return Candidate(x, problem.f, problem.worst(), multipliers, end, how)

    def _better(self, found: Candidate, best: Candidate) -> bool:
        if not math.isfinite(found.f):
            return False
        over = [max(0.0, c.violation - 10 * self.feasible) for c in (found, best)]
        if over[0] != over[1]:
            return over[0] < over[1]
        return not math.isfinite(best.f) or found.f < best.f - TIE * max(1.0, abs(best.f))

    def _sinks(self, found: Candidate, best: Candidate) -> bool:
        """Whether an end that is no solution is lower than all others."""
        least = best.f if self.lower is None else self.lower.f
        return math.isfinite(found.f) and found.violation > FAR_OFF and found.f < least - FAR_OFF

    def _descend(self, start: Tensor) -> End:
        found = corner(self.problem, start, self.limits.tolerance)
        if found is not None:
            return found
        return descend(self.problem, self.problem.project, start, self.limits, self.arc)

    def _with_multipliers(self, start: Tensor) -> End:
        """The method of multipliers from `start`: looser inner minimizations come first."""
        problem, limits = self.problem, self.limits
        x = problem.project(start)
        units = self._units(x)
        self._first_penalty(x, units)
        largest = LARGEST_PENALTY * units.square()
        tolerance = max(1e-2, limits.tolerance)
        before = torch.full_like(problem.penalty, math.inf)
        for _ in range(ROUNDS):
            inner = limits._replace(tolerance=tolerance)
            end = descend(problem, problem.project, x, inner, self.arc)
            if end.reason in ("unbounded", "nonfinite"):
                return end
            x = end.x
            problem.value(x)
            size = units * problem.violation()
            met = bool((size <= self.feasible).all())
            if met and end.optimality <= limits.tolerance:
                return end
            problem.update_multipliers(LARGEST_MULTIPLIER)
            stagnates = (size > STAGNATION * before) & (size > self.feasible)
            grown = torch.minimum(GROWTH * problem.penalty, largest)
            problem.penalty = torch.where(stagnates, grown, problem.penalty)
            before = size
            tolerance = max(0.1 * tolerance, limits.tolerance)
        reason = "no further progress" if end.reason == "converged" else end.reason
        return end._replace(reason=reason)

    def _units(self, x: Tensor) -> Tensor:
        """1 / max(1, |dg/dx|) of each constraint: what of a steep one counts as 1 (as in ALGENCAN).

        So 1000*g <= 1000*b is solved in the steps of g <= b: u g with penalty c has the Lagrangian
        of g with u^2 c. The slopes of more than `SLOPES` constraints cost more than they save.
        """
        if len(self.problem.equalities) > SLOPES:
            return torch.ones_like(self.problem.penalty)
        slopes = torch.linalg.vector_norm(self.problem.jacobian(x), ord=torch.inf, dim=1)
        units: Tensor = 1 / slopes.nan_to_num(1.0, posinf=1.0).clamp(min=1)
        return units

    def _first_penalty(self, x: Tensor, units: Tensor) -> None:
        """10 max(1, |f|) / (||violation||^2 / 2), within [1e-6, 10] (Birgin and Martinez 2014)."""
        problem = self.problem
        problem.multipliers = torch.zeros_like(problem.multipliers)
        problem.penalty = torch.ones_like(problem.penalty)
        problem.value(x)
        squares = max(1e-12, float((units * problem.over()).square().sum()) / 2)
        first = 10 * max(1.0, abs(problem.f)) / squares
        size = min(max(first, 1e-6), 10.0) if math.isfinite(first) else 10.0
        problem.penalty = size * units.square()


def solve(
    task: Task,
    *,
    sets: Sequence[Held] = (),
    equalities: Sequence[bool] = (),
    tolerance: float = 1e-8,
    iterations: int = 10_000,
    memory: int = 10,
    starts: int | None = None,
    convex: bool = False,
    ways: Mapping[str, Sequence[Way]] | None = None,
) -> Outcome:
    """Move the variables to a minimum; its multipliers, and what is said of it.

    `sets` are pairs of a variable and a set that it is held in, `equalities` says which entries of
    g are == 0, `ways` which of them together make a rule hold, in each of several ways.
    `iterations` limits one inner minimization. `starts`: how many attempts there are; by default
    one where the problem is `convex`, else some, by its size.
    """
    require_slopes(task)
    rules = ways_of(ways or {}, equalities)
    steps = count_from(1)

    def searching(rows: Sequence[int] | None = None) -> Search:
        problem = SetProblem(task, equalities, sets, rows)

        def seen() -> None:
            task.seen(*_told(problem, rules))
            if next(steps) % FLUSH_EVERY == 0:
                task.flush()
            if task.interrupted():
                raise Stopped

        least = FLOOR[problem.point().dtype]
        limits = DescentLimits(max(tolerance, least), iterations, memory, seen)
        return Search(task, problem, limits, arc=not problem.convex_sets)

    search = searching()
    start = search.problem.point()
    count = 1 if convex and starts is None else starts
    termination, notes = "", []
    try:
        if rules is None:
            _search(search, start, count)
        else:
            search, said = _each_way(searching, rules, start, count, convex)
            notes.append(said)
    except Stopped:
        termination = "interrupted"
    found = _outcome(search, start, convex, rules, termination)
    return replace(found, notes=(*notes, *found.notes))


def _each_way(
    searching: Callable[[Sequence[int] | None], Search],
    rules: Ways,
    start: Tensor,
    count: int | None,
    convex: bool,
) -> tuple[Search, str]:
    """The search that found the best of all combinations of ways, and what is said of them."""
    found: list[Search] = []

    def solved(decided: Mapping[int, Way]) -> Node | None:
        search = searching(rules.kept(decided).tolist())
        found.append(search)
        _search(search, start, count)
        best = search.best
        if best is None:
            return None
        endless = best.end.reason == "unbounded"
        feasible = best.violation <= 10 * search.feasible
        f = -math.inf if endless else best.f
        return Node(best.x.double().cpu().numpy(), f, feasible, True, search)

    def measured(x: Vector) -> Vector:
        problem = found[-1].problem
        problem.value(torch.as_tensor(x).to(start))
        return np.asarray(problem.all_g.double().cpu().numpy())

    tried = best_way(rules, measured, solved, 10 * FEASIBLE[start.dtype], convex)
    search: Search = tried.best.found if tried.best is not None else found[-1]
    return search, combinations(rules, tried)


def _search(search: Search, start: Tensor, count: int | None) -> None:
    """The spec's own start, others, then exchanges of what is zero and what is not."""
    problem = search.problem
    first = search.attempt(start, "the start of the spec")
    if first.end.reason == "unbounded" or count == 1:
        return
    for point, how in other_starts(problem, start, search.limits, search.task.seed, count):
        if problem.evaluations > EVALUATIONS:
            return
        search.attempt(point, how)
    assert search.best is not None
    beside = beside_point(search.best.x, search.task.seed)
    search.attempt(beside, "beside the best")
    if supports(problem) and not problem.equalities.numel():
        _exchange(search)


def _exchange(search: Search) -> None:
    """Better supports, one exchange at a time, until none of those tried is better."""
    for _ in range(EXCHANGES):
        best = search.best
        assert best is not None
        better = exchanged(search.problem, best.x, best.f, search.limits)
        if better is None or search.problem.evaluations > EVALUATIONS:
            return
        search.attempt(better, "an exchange of two entries")


def _told(problem: SetProblem, rules: Ways | None) -> tuple[Tensor, Tensor]:
    """f and g of the last iterate, as a step of the run."""
    g = problem.all_g
    if rules is not None:
        g = torch.as_tensor(rules.shown(g.double().cpu().numpy()))
    return torch.tensor(problem.f, dtype=torch.float64), g


def _outcome(
    search: Search, start: Tensor, convex: bool, rules: Ways | None, termination: str
) -> Outcome:
    """Put the best point in place and say what is known of it."""
    problem, best = search.problem, search.best
    if best is None:
        return Outcome(termination)
    said = _summary(search, best, convex)
    if best.end.reason not in ("unbounded", "nonfinite") and not termination:
        falling = _falls(search, best, start)
        if falling:
            termination, said = "unbounded", falling
    multipliers = problem.spread(best.multipliers) if len(problem.all_g) else None
    problem.value(best.x)
    end = _told(problem, rules)
    problem.put(best.x)
    return Outcome(
        termination or best.end.reason, (said,), end, multipliers,
        projected_gradient=best.end.optimality,
    )  # fmt: skip


def _falls(search: Search, best: Candidate, start: Tensor) -> str:
    """What is said where the objective falls without end; empty where it does not."""
    if best.violation > 10 * search.feasible:
        return ""
    lower = None if search.lower is None else search.lower.x
    steep = float(best.end.gradient.norm()) > STEEP * max(1.0, abs(best.f))
    converged = best.end.reason == "converged" and not steep
    ends = best.x, search.problem.project(start), lower
    return endless(search.problem, ends, search.task, 10 * search.feasible, converged)


def _summary(search: Search, best: Candidate, convex: bool) -> str:
    end, maximized = best.end, search.task.sense == "maximize"
    size = f"projected gradient {end.optimality:.1e} of the gradient (tolerance "
    size += f"{search.limits.tolerance:.0e})"
    if end.reason == "unbounded":
        written = f"rose above {-best.f:.1e}" if maximized else f"fell below {best.f:.1e}"
        return f"the objective is unbounded: it {written}; bound it or its variables"
    if end.reason == "nonfinite":
        return "the objective or its gradient is not finite where the solver began or ended"
    if best.violation > 100 * search.feasible:
        penalty = float(search.problem.penalty.max())
        proved = "; the problem is convex, so most likely none exists" if convex else ""
        return (
            f"no feasible point was found: the violation stays at {best.violation:.2g} under "
            f"penalties up to {penalty:.0e}{proved}"
        )
    if end.reason == "completed":
        return f"the budget of iterations ended first: {size}; raise `iterations`"
    tried = f"{search.attempts} starts, {search.agreed} of which ended there"
    if convex:
        kind = "a global minimum, because the problem is convex"
    elif search.attempts > 1:
        kind = f"a local minimum, the best of {tried}; not proved to be global"
    else:
        kind = "a stationary point, not proved to be global"
    reached = "solved" if end.reason == "converged" else "no step makes it better"
    return f"spectral projected gradient: {reached}, {kind}; {size}"
