"""`sqp`: the whole of a small deterministic problem, solved by scipy with exact derivatives.

The emitted `train` calls `solve` once. Every candidate is polished by Newton's method on its KKT
conditions; a stationary point that curves down is left along the direction in which it does; with
`escalate`, other engines and other starts are tried where the first did not end at a minimum, and
(unless the problem is convex) a few more starts look for a better one. What was tried is noted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from cspec.runtime.eliminated import Rule
from cspec.runtime.nlp import Curvature, Derivative, Measure, matrix, symmetric
from cspec.runtime.nlp_attempts import Candidate, Search
from cspec.runtime.nlp_engines import Limits, Stopped
from cspec.runtime.nlp_explore import explore
from cspec.runtime.nlp_lift import Lifted, problem_of
from cspec.runtime.nlp_starts import defined_start, point
from cspec.runtime.nlp_trail import Diverged, Trail

if TYPE_CHECKING:
    from cspec.runtime.session import Session

UNBOUNDED = (
    "unbounded: the objective falls without end while the constraints hold (toward {}): bound the "
    "variables, or look for a sign"
)


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
            explore(search, start, escalate, convex)
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
            return search.measured(search.endless, search.engine)
        session.notes.append(
            f"the objective also falls without end, toward {point(search.endless)}: what is "
            "reported is a local minimum"
        )
    if session.termination != "interrupted" or trail.best is None:
        return best
    found = search.measured(trail.best, search.engine)
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
