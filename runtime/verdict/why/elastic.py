"""The elastic problem of a small deterministic one: how far the constraints must give.

    scipy.optimize.minimize    sum_i s_i / scale_i
    subject to  g_i(x) <= s_i,  h_j(x) = p_j - q_j,  s, p, q >= 0,  x within its declared bounds

It is feasible from everywhere, and its minimum is 0 exactly where the constraints can be met: the
limit of the exact penalty f + c sum [g_i]+ / scale_i for c to infinity (Nocedal and Wright 2006,
section 17.2; the elastic mode of SNOPT, Gill, Murray and Saunders 2005). The objective plays no
part: bounds give as little as they can.

At the minimum its multipliers y (0 <= y_i <= 1 / scale_i) satisfy sum y_i grad g_i = 0. With convex
g_i and affine h_j then sum y_i g_i(x) >= sum s_i / scale_i > 0 for every x: a proof (Farkas) that
the constraints can't be met together. Otherwise the statement is a local one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from cspec.runtime.session.session import Session
from cspec.runtime.solvers.nlp.lift import problem_of
from cspec.runtime.solvers.nlp.problem import Nlp, Vector
from cspec.runtime.solvers.nlp.ways import MOST, Chosen, Way, Ways, below, ways_of
from cspec.runtime.solving import task_of

MET = 1e-7
"""Scaled sum of slacks up to which the constraints can be met."""
STARTS = 6
"""Random starts beside the given ones, unless the problem is convex."""
PROOF = 1e-6
"""Residual of the certificate, relative to the gradients it adds up, that counts as zero."""
ITERATIONS = 300


class Small(NamedTuple):
    """The problem that an emitted module hands to its solver."""

    nlp: Nlp
    convex: bool
    ways: Ways | None = None
    """How its rules can hold."""


@dataclass(frozen=True)
class Elastic:
    """The least violation that was found."""

    x: Vector
    slack: Vector
    """How far each entry of g must give, >= 0."""
    weights: Vector
    """The certificate: multipliers of the entries of g, 0 where they play no part."""
    met: bool
    proved: bool
    """Convex, and the certificate holds: no point meets the constraints."""


def small_problem(session: Session) -> Small | None:
    """The problem as the emitted `sqp.solve(...)` would get it; None for other programs.

    The emitted `train` is one call; it is given a solver that only takes down what it is handed.
    """
    if session.program.constraints and any(
        c.method != "sqp" for c in session.program.constraints if not c.soft
    ):
        return None
    module: Any = session.module
    taken: dict[str, Any] = {}

    def take(_: Session, solver: object, measure: Any, **settings: Any) -> None:
        taken.update(settings, measure=measure)

    solve = module.get("solve")
    if solve is None or "sqp" not in module:
        return None
    module["solve"] = take
    try:
        module["train"](session)
    finally:
        module["solve"] = solve
    nlp = problem_of(task_of(session, taken["measure"]), {**taken, "bounds": None})
    ways = ways_of(taken.get("ways") or {}, nlp.equalities)
    return Small(nlp, bool(taken.get("convex", False)), ways)


def solve_elastic(problem: Small, scale: Vector, seed: int = 0) -> Elastic:
    """The least scaled violation, from the point that is loaded and, unless convex, others.

    Every row of g has to be met: `least_violation` is for problems with rules.
    """
    nlp = problem.nlp
    start = nlp.tighten(nlp.clip(nlp.point()))
    found = [_attempt(nlp, start, scale)]
    if not problem.convex:
        random = np.random.default_rng(seed)
        for i in range(STARTS):
            if _total(nlp, found[-1], scale) <= MET:
                break
            spread = (0.3, 1.0, 3.0)[i % 3] * np.maximum(1.0, np.abs(start))
            beside = nlp.clip(start + spread * random.standard_normal(nlp.size))
            beside = nlp.tighten(beside)
            found.append(_attempt(nlp, beside, scale))
    best = min(found, key=lambda x: _total(nlp, x, scale))
    total = _total(nlp, best, scale)
    weights, residual = _certificate(nlp, best, scale)
    nlp.put(best)
    return Elastic(
        x=best,
        slack=_violations(nlp, best),
        weights=weights,
        met=total <= MET,
        proved=problem.convex and total > MET and residual <= PROOF,
    )


def _violations(nlp: Nlp, x: Vector) -> Vector:
    _, g = nlp.values(x)
    return np.where(nlp.equalities, np.abs(g), np.maximum(g, 0.0))


def _total(nlp: Nlp, x: Vector, scale: Vector) -> float:
    return float((_violations(nlp, x) / scale).sum())


def _attempt(nlp: Nlp, start: Vector, scale: Vector) -> Vector:
    """SLSQP on (x, s) with one slack an inequality and two an equality."""
    n, equal = nlp.size, nlp.equalities
    m, pairs = len(equal), int(equal.sum())
    _, g = nlp.values(start)
    minus = np.maximum(-g[equal], 0.0)
    first = np.concatenate([start, np.maximum(g, 0.0), minus])
    cost = np.concatenate([np.zeros(n), 1 / scale, 1 / scale[equal]])
    # Rows of d(s - g)/d(x, s, q): g_i - s_i (+ q_i where h) <= 0 or == 0.
    tail = np.hstack([np.eye(m), np.zeros((m, pairs))])
    tail[np.flatnonzero(equal), m + np.arange(pairs)] = -1.0

    def room(z: Vector) -> Vector:
        return np.asarray(tail @ z[n:] - nlp.values(z[:n])[1])

    def slope(z: Vector) -> NDArray[np.float64]:
        return np.hstack([-nlp.slopes(z[:n])[1], tail])

    constraints = [
        {
            "type": kind,
            "fun": lambda z, rows=rows: room(z)[rows],
            "jac": lambda z, rows=rows: slope(z)[rows],
        }
        for kind, rows in (("ineq", ~equal), ("eq", equal))
        if rows.any()
    ]
    bounds = [
        *zip(_open(nlp.declared[0]), _open(nlp.declared[1]), strict=True),
        *[(0.0, None)] * (m + pairs),
    ]
    with np.errstate(all="ignore"):
        found = scipy.optimize.minimize(
            lambda z: float(cost @ z),
            first,
            jac=lambda _: cost,
            method="SLSQP",
            bounds=bounds,
            constraints=constraints,
            options={"maxiter": ITERATIONS, "ftol": 1e-12},
        )
    end = nlp.clip(np.asarray(found.x[:n], dtype=np.float64))
    better = np.isfinite(end).all() and _total(nlp, end, scale) <= _total(nlp, start, scale)
    return end if better else start


def _open(bounds: Vector) -> list[float | None]:
    return [float(b) if np.isfinite(b) else None for b in bounds]


def _certificate(nlp: Nlp, x: Vector, scale: Vector) -> tuple[Vector, float]:
    """Weights y with sum y_i grad g_i = 0, at most 1 / scale_i, and the residual that is left.

    A violated entry has the full weight; one at its bound anything between. Gradients that the
    declared bounds of variables hold back count nothing.
    """
    _, g = nlp.values(x)
    _, jacobian = nlp.slopes(x)
    size = np.where(nlp.equalities, np.abs(g), g)
    violated, near = size > MET, np.abs(g) <= MET
    weights = np.where(violated, np.where(nlp.equalities, np.sign(g), 1.0) / scale, 0.0)
    pull = weights @ jacobian
    lower, upper = x <= nlp.declared[0] + 1e-9, x >= nlp.declared[1] - 1e-9
    sides = np.vstack([jacobian[near], -np.eye(nlp.size)[lower], np.eye(nlp.size)[upper]])
    length = max(1e-12, float(np.abs(weights) @ np.linalg.norm(jacobian, axis=1)))
    if not len(sides):
        return weights, float(np.linalg.norm(pull)) / length
    most = np.concatenate([1 / scale[near], np.full(lower.sum() + upper.sum(), np.inf)])
    least = np.where(
        np.concatenate([nlp.equalities[near], np.zeros(len(sides) - near.sum(), bool)]), -most, 0.0
    )
    found = scipy.optimize.lsq_linear(sides.T, -pull, bounds=(least, most + 1e-12), tol=1e-14)
    weights[near] = found.x[: int(near.sum())]
    return weights, float(np.linalg.norm(pull + sides.T @ found.x)) / length


def least_violation(problem: Small, scale: Vector, seed: int = 0) -> Elastic:
    """The least scaled violation; with rules, of the combination of ways in which they hold.

    A combination whose rows can't be met settles all that add rows to it. Where each is convex and
    proved to be out of reach, so is the whole: no point meets the constraints, whichever way.
    """
    ways = problem.ways
    if ways is None:
        return solve_elastic(problem, scale, seed)
    ends: list[Elastic] = []
    waiting: list[dict[int, Way]] = [{}]
    count = 0
    while waiting and count < MOST:
        decided = waiting.pop()
        rows = ways.kept(decided)
        found = solve_elastic(Small(Chosen(problem.nlp, rows), problem.convex), scale[rows], seed)
        count += 1
        g = problem.nlp.values(found.x)[1]
        open_ = [p for p in range(len(ways.rules)) if p not in decided]
        margins = ways.margins(g)
        left = [place for place in open_ if margins[place] > MET]
        if not left or (ends and problem.convex and _given(found) >= min(map(_given, ends))):
            ends.append(_whole(found, rows, ways, g))
            if found.met and not left:
                break
        else:
            waiting += below(ways, decided, left, g)
    best = min(ends, key=lambda end: (not end.met, _given(end)))
    problem.nlp.put(best.x)
    proved = not waiting and not best.met and all(end.proved for end in ends)
    return replace(best, proved=proved, weights=_all_weights(ends, best))


def _given(found: Elastic) -> float:
    return float(found.slack.sum())


def _whole(found: Elastic, rows: NDArray[np.int64], ways: Ways, g: Vector) -> Elastic:
    """An end in terms of all rows: a rule gives what its nearest way must."""
    weights = np.zeros(len(ways.equalities))
    weights[rows] = found.weights
    shown = ways.shown(g)
    free = ways.equalities & ~ways.rows
    slack = np.where(free, np.abs(shown), np.maximum(shown, 0.0))
    return replace(found, slack=slack, weights=weights)


def _all_weights(ends: Sequence[Elastic], best: Elastic) -> Vector:
    """Who takes part: of a problem that can't be met, all that are needed in any combination."""
    if best.met:
        return best.weights
    return np.asarray(np.max([np.abs(end.weights) for end in ends], axis=0))


def scales(session: Session, bounds: Mapping[str, float], entries: int) -> Vector:
    """max(1, |bound|) of each entry of g: a tenth of a bound of 100 weighs as a tenth of 1 does."""
    found = np.ones(entries)
    for c in session.program.constraints:
        if c.segment is not None:
            found[slice(*c.segment)] = max(1.0, abs(bounds.get(c.label, 0.0)))
    return found


def taking_part(session: Session, elastic: Elastic) -> tuple[str, ...]:
    """The constraints of the conflict: those with a weight in the certificate."""
    most = float(np.abs(elastic.weights).max(initial=0.0))
    return tuple(
        c.label
        for c in session.program.constraints
        if c.segment is not None
        and float(np.abs(elastic.weights[slice(*c.segment)]).max(initial=0.0)) > 1e-3 * most > 0
    )
