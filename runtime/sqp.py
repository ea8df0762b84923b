"""`sqp`: the whole of a small deterministic problem, solved by scipy with exact derivatives.

The emitted `train` calls `solve` once. Every candidate is polished by Newton's method on its KKT
conditions; a stationary point that curves down is left along the direction in which it does; with
`escalate`, other engines and other starts are tried where the first did not end at a minimum, and
(unless the problem is convex) a few more starts look for a better one. What was tried is noted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from scipy.linalg import qr

from cspec.runtime.eliminated import Rule, eliminating
from cspec.runtime.nlp import (
    Curvature,
    Derivative,
    Measure,
    Nlp,
    Spent,
    Vector,
    matrix,
    symmetric,
)
from cspec.runtime.nlp_engines import (
    ENGINES,
    Engine,
    Limits,
    Scale,
    Stopped,
    augmented_lagrangian,
    by_size,
    scaling,
    unscaled,
)
from cspec.runtime.nlp_kkt import Kkt, descent_direction, kkt, polish
from cspec.runtime.nlp_lift import Lifted, problem_of
from cspec.runtime.nlp_spread import apart, spreading
from cspec.runtime.nlp_starts import defined_start, point, starts
from cspec.runtime.nlp_trail import FEASIBLE, Diverged, Trail

if TYPE_CHECKING:
    from cspec.runtime.session import Session

STATIONARY = 1e-5
"""KKT residual below which a point counts as stationary."""
EVALUATIONS = 20_000
"""Evaluations after which no further start is tried."""
LEAST_WORK = 3e7
"""Work (operations on numbers, about two seconds of them) that further starts may always take."""
SHARE = 3.0
"""Work that further starts may take together, in that of the first attempt."""
ESCAPES = 3
"""Times that a stationary point that is no minimum is left."""


UNBOUNDED = (
    "unbounded: the objective falls without end while the constraints hold (toward {}): bound the "
    "variables, or look for a sign"
)


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


class Search:
    """Attempts at one problem and what they found."""

    def __init__(
        self,
        nlp: Nlp,
        limits: Limits,
        engine: str,
        session: Session,
        eliminated: Mapping[int, Rule],
        held: Sequence[int],
    ) -> None:
        self.nlp, self.limits = nlp, limits
        self.engine = by_size(nlp) if engine == "auto" else engine
        self.session = session
        self.eliminated, self.held = eliminated, held
        self.best: Candidate | None = None
        self.attempts = 0
        self.endless: Vector | None = None
        """Where the objective fell below everything, the constraints met."""

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
            return self._measured(gone.x, how)
        found = self._settle(end, how)
        for _ in range(ESCAPES):
            first = found.violation <= FEASIBLE and found.state.stationarity <= STATIONARY
            if found.minimum or not first:
                break
            direction = descent_direction(self.nlp, found.x, found.state.multipliers)
            if direction is None:
                break
            moved = self._leave(engine, found, direction, scale)
            if moved is None:
                break
            self.session.notes.append(
                f"{point(found.x)} is stationary but no minimum (the Lagrangian curves down "
                "along the constraints); it was left in that direction"
            )
            found = moved
        self.attempts += 1
        if self.best is None or found.rank < self.best.rank:
            self.best = found
        return found

    def _leave(
        self, engine: Engine, found: Candidate, direction: Vector, scale: Scale
    ) -> Candidate | None:
        size = 1e-2 * max(1.0, float(np.abs(found.x).max(initial=0.0)))
        ends = []
        for sign in (1.0, -1.0):
            start = self.nlp.tighten(self.nlp.clip(found.x + sign * size * direction))
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

    def _measured(self, x: Vector, how: str) -> Candidate:
        """A point that is no end of anything."""
        nlp = self.nlp
        return Candidate(x, nlp.values(x)[0], nlp.violation(x), kkt(nlp, x), False, how)


def solve(
    session: Session,
    measure: Measure,
    *,
    equalities: Sequence[bool] = (),
    gradient: Derivative | None = None,
    jacobian: Derivative | None = None,
    hessian: Curvature | None = None,
    bounds: Mapping[int, tuple[int, float, float]] | None = None,
    eliminated: Mapping[int, Rule] | None = None,
    held: Sequence[int] = (),
    affine: Sequence[tuple[int, int]] = (),
    smooth: Measure | None = None,
    auxiliary: tuple[str, int] | None = None,
    above: Sequence[tuple[int, int]] = (),
    engine: str = "auto",
    tolerance: float = 1e-9,
    iterations: int = 500,
    escalate: bool = False,
    convex: bool = False,
) -> None:
    """Move the session's variables to a minimum and put the multipliers into its state.

    `bounds` maps entries of g that bound one variable to (place in x, lower, upper): they are held
    as bounds. `eliminated` variables are given by others, place by place (constant, coefficients by
    place), and the entries `held` of g hold by that. `escalate`: other engines and starts where the
    first fails; `convex`: any local minimum is the global one, so no further starts are tried.
    """
    given = {
        "equalities": equalities, "gradient": gradient, "jacobian": jacobian, "hessian": hessian,
        "bounds": bounds, "affine": affine, "smooth": smooth, "auxiliary": auxiliary,
        "above": above,
    }  # fmt: skip
    nlp = problem_of(session, measure, given)
    trail = Trail(session, nlp, measure)
    search = Search(
        nlp, Limits(tolerance, iterations, trail.seen), engine, session, eliminated or {}, held
    )
    nlp.watch = trail.watch
    # Multipliers are known at the end: no zeros are shown in their place on the way.
    unknown = session.state.pop("multipliers", None)
    try:
        with np.errstate(all="ignore"):
            start = defined_start(nlp, session.seed, session.notes)
            trail.fallen(nlp.values(start)[0])
            _search(search, start, escalate, convex)
    except (Stopped, KeyboardInterrupt):
        session.termination = "interrupted"
    except Diverged as gone:
        search.endless = gone.x
    nlp.watch = trail.nothing
    with np.errstate(all="ignore"):
        best = _chosen(search, trail)
        session.flush()
        if unknown is not None:
            session.state["multipliers"] = unknown
        _deliver(session, search, best, trail)


def _chosen(search: Search, trail: Trail) -> Candidate | None:
    """The best attempt; of an interrupted run the best iterate, where that is better."""
    best, session = search.best, search.session
    if search.endless is not None:
        if session.termination != "interrupted" and (best is None or not best.minimum):
            session.termination = "unbounded"
            session.notes.append(UNBOUNDED.format(point(search.endless)))
            return search._measured(search.endless, search.engine)
        session.notes.append(
            f"the objective also falls without end, toward {point(search.endless)}: what is "
            "reported is a local minimum"
        )
    if session.termination != "interrupted" or trail.best is None:
        return best
    found = search._measured(trail.best, search.engine)
    return found if best is None or found.rank < best.rank else best


def _deliver(session: Session, search: Search, best: Candidate | None, trail: Trail) -> None:
    """Give the variables, the multipliers and what is said of them to the session."""
    if best is None:
        return
    search.nlp.put(best.x)
    if "multipliers" in session.state:
        held = session.state["multipliers"]
        found = torch.as_tensor(best.state.multipliers)[: len(held)]
        session.state["multipliers"] = found.to(held)
    if isinstance(search.nlp, Lifted):
        session.state["residual"] = torch.tensor(best.state.stationarity, dtype=torch.float64)
    trail.record(best.x)
    if not session.termination:
        session.termination = "converged" if best.minimum else "no further progress"
    session.notes.append(_summary(search, best))
    session.flush()


def _without_redundant(search: Search, start: Vector) -> None:
    """Hide equalities that repeat others from the engines: SLSQP fails on dependent gradients.

    Dependent at two points is taken for always; the violation still counts every row.
    """
    nlp = search.nlp
    rows = np.flatnonzero(nlp.explicit & nlp.equalities)
    if len(rows) < 2:
        return
    beside = start + np.random.default_rng(0).standard_normal(nlp.size)
    jacobians = [nlp.slopes(nlp.clip(x))[1][rows] for x in (start, beside)]
    both = np.hstack([j / np.maximum(np.linalg.norm(j, axis=1), 1e-12)[:, None] for j in jacobians])
    _, triangle, order = qr(both.T, mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(triangle))
    rank = int((diagonal > 1e-10 * max(1.0, diagonal[0])).sum())
    if rank < len(rows):
        nlp.explicit[rows[order[rank:]]] = False
        search.session.notes.append(
            f"{len(rows) - rank} of {len(rows)} equalities repeat the others: the solver works "
            "without them, the verdict counts all"
        )


def _search(search: Search, start: Vector, escalate: bool, convex: bool) -> None:
    nlp = search.nlp
    _without_redundant(search, start)
    own = ENGINES[search.engine]
    found = search.attempt(own, start, unscaled(nlp), search.engine)
    budget = max(LEAST_WORK, SHARE * nlp.work)
    if found.minimum and (convex or not escalate):
        return
    random = np.random.default_rng(search.session.seed)
    if not escalate:
        _perturbed(search, found, own, random)
        return
    if not found.minimum:
        _other_engines(search, start, 2 * budget)
    if not convex and apart(nlp, start):
        _within(search, spreading(own), start, f"{search.engine}, variables scaled", budget)
    points = starts(nlp, start, random, convex and search.best is not None)
    _again(search, points, own, budget)
    nlp.allowed = math.inf
    if search.best is not None and search.best.violation > FEASIBLE:
        _restore(search, start)


def _again(search: Search, points: Sequence[Vector], engine: Engine, budget: float) -> None:
    """Attempts from further starts while their work is within the budget.

    Work is counted, not timed: the same spec is tried from the same starts on every machine. One
    start is always tried to its end where no minimum is known.
    """
    nlp = search.nlp
    end = nlp.work + budget
    for done, beside in enumerate(points):
        known = search.best is not None and search.best.minimum
        nlp.allowed = end if known or done else math.inf
        try:
            if search.endless is not None and not known:
                return  # It is unbounded: nothing better is to be found.
            if nlp.evaluations > EVALUATIONS or nlp.work > end:
                raise Spent
            scale = scaling(nlp, nlp.clip(beside))
            search.attempt(engine, beside, scale, f"{search.engine} again")
        except Spent:
            search.session.notes.append(
                f"stopped after {done} of {len(points)} further starts: they had taken as much "
                "work as they may (a multiple of that of the first)"
            )
            return


def _perturbed(
    search: Search, found: Candidate, engine: Engine, random: np.random.Generator
) -> None:
    """A few starts beside the end of an attempt that is no minimum."""
    for _ in range(ESCAPES):
        size = 0.1 * np.maximum(1.0, np.abs(found.x))
        beside = found.x + size * random.standard_normal(len(found.x))
        again = search.attempt(engine, beside, unscaled(search.nlp), search.engine)
        if again.minimum:
            search.session.notes.append(
                f"{point(found.x)}, where {search.engine} first ended, is no minimum: it was "
                "started again beside it"
            )
            return


def _other_engines(search: Search, start: Vector, budget: float) -> None:
    """The engines after the first, each within the budget, until one ends at a minimum."""
    nlp = search.nlp
    scale = scaling(nlp, nlp.clip(start))
    if search.eliminated:
        how = f"{search.engine}, nothing eliminated"
        if search.attempt(ENGINES[search.engine], start, unscaled(nlp), how, whole=True).minimum:
            return
    others: list[tuple[Engine, str]] = [
        (ENGINES[search.engine], f"{search.engine}, scaled"),
        (augmented_lagrangian, "augmented Lagrangian with L-BFGS-B"),
        (ENGINES["trust_constr"], "trust_constr"),
    ]
    for engine, how in others:
        if _within(search, engine, start, how, budget, scale):
            return


def _within(
    search: Search,
    engine: Engine,
    start: Vector,
    how: str,
    budget: float,
    scale: Scale | None = None,
) -> bool:
    """One attempt that may take no more than `budget`; whether it ended at a minimum."""
    nlp = search.nlp
    nlp.allowed = nlp.work + budget
    try:
        return search.attempt(engine, start, scale or unscaled(nlp), how).minimum
    except Spent:
        search.session.notes.append(f"{how}: stopped, it took too much work")
        return False
    finally:
        nlp.allowed = math.inf


def _restore(search: Search, start: Vector) -> None:
    """Where nothing was feasible: the least violation first, then the engines from there."""
    nlp = search.nlp
    scale = scaling(nlp, nlp.clip(start))
    only = Scale(0.0, scale.g)
    near = augmented_lagrangian(nlp, nlp.clip(start), only, search.limits)
    search.attempt(ENGINES[search.engine], near, scale, f"{search.engine} from a feasible point")


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
