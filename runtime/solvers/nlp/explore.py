"""Which attempts are made at a problem, and in which order: engines, scales and starts.

Further starts and engines end with a budget of work, counted in operations: no clock is read, so
that the same spec is tried from the same starts on every machine.
"""

import math
from collections.abc import Sequence

import numpy as np
import scipy

from cspec.runtime.solvers.nlp.attempts import ESCAPES, Candidate, Search
from cspec.runtime.solvers.nlp.engines import (
    ENGINES,
    Engine,
    Scale,
    augmented_lagrangian,
    scaling,
    unscaled,
)
from cspec.runtime.solvers.nlp.other_variables import apart, spreading
from cspec.runtime.solvers.nlp.problem import Spent, Vector
from cspec.runtime.solvers.nlp.starts import point, starts
from cspec.runtime.solvers.nlp.trail import FEASIBLE

EVALUATIONS = 20_000
"""Evaluations after which no further start is tried."""
LEAST_WORK = 3e7
"""Work (operations on numbers, about two seconds of them) that further starts may always take."""
SHARE = 3.0
"""Work that further starts may take together, in that of the first attempt."""


def explore(search: Search, start: Vector, escalate: bool, convex: bool) -> None:
    """Attempts until a minimum is found and, unless `convex`, further ones for a better one."""
    nlp, before = search.nlp, search.nlp.count.work
    _without_redundant(search, start)
    own = ENGINES[search.engine]
    found = search.attempt(own, start, unscaled(nlp), search.engine)
    budget = max(LEAST_WORK / search.problems, SHARE * (nlp.count.work - before))
    if found.minimum and (convex or not escalate):
        return
    random = np.random.default_rng(search.seed)
    if not escalate:
        _perturbed(search, found, own, random)
        return
    if not (found.minimum or search.spare):
        _other_engines(search, start, 2 * budget)
    if not convex and apart(nlp, start):
        _within(search, spreading(own), start, f"{search.engine}, variables scaled", budget)
    points = starts(nlp, start, random, convex and search.best is not None)
    _again(search, points, own, budget)
    nlp.count.allowed = math.inf
    if search.best is not None and search.best.violation > FEASIBLE and not search.spare:
        _restore(search, start)


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
    _, triangle, order = scipy.linalg.qr(both.T, mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(triangle))
    rank = int((diagonal > 1e-10 * max(1.0, diagonal[0])).sum())
    if rank < len(rows):
        nlp.explicit[rows[order[rank:]]] = False
        search.notes.append(
            f"{len(rows) - rank} of {len(rows)} equalities repeat the others: the solver works "
            "without them, the verdict counts all"
        )


def _again(search: Search, points: Sequence[Vector], engine: Engine, budget: float) -> None:
    """Attempts from further starts while their work is within the budget.

    Work is counted, not timed: the same spec is tried from the same starts on every machine. One
    start is always tried to its end where no minimum is known.
    """
    nlp = search.nlp
    end = nlp.count.work + budget
    for done, beside in enumerate(points):
        known = search.best is not None and search.best.minimum
        nlp.count.allowed = end if known or done else math.inf
        try:
            if search.endless is not None and not known:
                return  # It is unbounded: nothing better is to be found.
            if search.evaluations > EVALUATIONS or nlp.count.work > end:
                raise Spent
            scale = scaling(nlp, nlp.clip(beside))
            search.attempt(engine, beside, scale, f"{search.engine} again")
        except Spent:
            search.notes.append(
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
            search.notes.append(
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
    nlp.count.allowed = nlp.count.work + budget
    try:
        return search.attempt(engine, start, scale or unscaled(nlp), how).minimum
    except Spent:
        search.notes.append(f"{how}: stopped, it took too much work")
        return False
    finally:
        nlp.count.allowed = math.inf


def _restore(search: Search, start: Vector) -> None:
    """Where nothing was feasible: the least violation first, then the engines from there."""
    nlp = search.nlp
    scale = scaling(nlp, nlp.clip(start))
    only = Scale(0.0, scale.g)
    near = augmented_lagrangian(nlp, nlp.clip(start), only, search.limits)
    search.attempt(ENGINES[search.engine], near, scale, f"{search.engine} from a feasible point")
