"""From where the steps ended to the solution nearby: a solver on whole data.

Steps of one length do not suit weights of a thousand and of a thousandth, and a few hundred
parameters do not need them. Where nobody gave an optimizer or a length, the end of a run is the
start of sequential quadratic programming (SLSQP: Kraft 1988, scipy) in double precision: BFGS sees
the units.

    minimize f(x)   s.t.  g_i(x) <= 0,  h_j(x) == 0,  x in the sets it is held in

SLSQP ends where its line search meets a kink of a network of relu, and with the requirements of
gaps and counts early. BFGS goes over kinks (Lewis and Overton 2013), so an augmented
Lagrangian is minimized by it, and SLSQP goes on from where that ends, but where the first has found
a stationary point. What smooth requirements are violated by then is taken out along the shortest
way.

A rate is flat, and its surrogate leads. What the surrogate is wrong by, true - g, is added to it
where the last solution was, and the solver goes on from there: solutions come to lie at the true
bound. What is found is taken if it violates no more than is allowed and its objective is lower,
both counted as written; where nothing met all and rates are asked for, the nearest goes on to the
restoration.
"""

from __future__ import annotations

import warnings

import numpy as np
import scipy
import torch
from torch import Tensor

from cspec.compiler.choose.many_rows import EACH, taken_in
from cspec.compiler.lower.graph import POLISHED
from cspec.runtime.finish.first_phase import least_violation
from cspec.runtime.finish.polish_problem import (
    AT_REST,
    EXPLAINED,
    FAR,
    ROUNDING,
    Interrupted,
    Problem,
    Values,
    sides,
    slsqp,
)
from cspec.runtime.finish.polish_sets import Vector
from cspec.runtime.finish.prices import least_squares
from cspec.runtime.finish.shortest_step import shortest
from cspec.runtime.finish.violation import put
from cspec.runtime.measure.requirements import models_in
from cspec.runtime.models.without_trace import constants_in, evaluating, undisturbed
from cspec.runtime.operators.base import OperatorError
from cspec.runtime.session.session import Session
from cspec.runtime.session.with_examples import each_of, split_told, with_examples

WORK = 2e7
"""Rows x parameters up to which a run is polished, of no more parameters than `POLISHED`."""
EXCHANGES, SLOPES = 12, 1e7
"""How often other rows are taken in; rows that are seen at once by rows of data."""
ITERATIONS, ROUND = 500, 50
"""Of the solver, and each time that a surrogate is set right."""
AUGMENTED, INNER = 3, 300
"""Moves of the multipliers of the augmented Lagrangian, and iterations of BFGS before each."""
HELD_BACK = 0.1
"""Its penalties, in units of what the objective and a requirement moved by in the run: f / g^2."""
NEWTON = 3
"""Steps that take out what smooth requirements are violated by."""


def polish(session: Session) -> None:
    """Move the parameters to the solution nearby, where one is found."""
    rows = max((len(data) for data in session.data.values()), default=0)
    size = sum(p.numel() for p in session.parameters)
    if session.interrupted or size > POLISHED or rows * size > WORK:
        return
    whole = with_examples(session)
    many, some = whole.rows > EACH, taken_in(size)
    if many and (some is None or any(c.equal for c in each_of(whole.constraints))):
        return
    with undisturbed(), constants_in(torch.float64):
        try:
            problem = Problem(session)
            with evaluating(models_in(problem.primal)):
                apart = many and some is not None
                found = _among_rows(problem, whole.vector, some or 0) if apart else _best(problem)
                missed = problem.violation(found) > ROUNDING
                before, after = problem.at(problem.start), problem.at(found)
        except (OperatorError, Interrupted):
            return
    against = problem.against if missed else ()
    session.excluded = tuple(
        c.label
        for c in whole.constraints
        if c.segment and any(c.segment[0] <= place < c.segment[1] for place in against)
    )
    if found is problem.start:
        return
    put(session.parameters, torch.as_tensor(found, device=session.device))
    told = whole.told
    if told is not None and not problem.flat.any():
        before_it = told[problem.kept]
        prices = _prices(problem, found, before_it)
        if prices is not before_it:
            told = torch.zeros_like(told)
            told[problem.kept] = prices
        session.told, session.priced = split_told(session, whole, told), True
    session.notes.append(
        f"a small problem: SLSQP on whole data took the objective from "
        f"{session.sign * before.objective:.6g} to {session.sign * after.objective:.6g}"
    )


def _among_rows(problem: Problem, vector: int, some: int) -> Vector:
    """The best where rows are many: the solver sees those near their bounds, and then those, too,
    that its solution violates, until it violates none (Remez 1934, of finitely many rows).
    """
    start = found = problem.start
    kept = np.arange(vector)
    for exchange in range(EXCHANGES):
        amounts = problem.amounts_of_all(found)
        amounts[kept] = -np.inf
        more = np.argsort(-amounts)[:some]
        if exchange:
            more = more[amounts[more] > ROUNDING]
        if not len(more):
            return found
        kept = np.union1d(kept, more)
        beside = 1 if problem.apart else len(amounts)
        if len(kept) - vector > EACH or len(kept) * beside > SLOPES:
            break
        problem.keep(kept)
        found = _best(problem)
    return start


def _best(problem: Problem) -> Vector:
    """The best of what the solvers find, else the start itself.

    Where no round meets all, sharper surrogates are followed from what came nearest; it goes on to
    the restoration where none of those does.
    """
    best = nearest = problem.start
    for temperature in problem.temperatures:
        problem.take(temperature)
        best, nearest = _rounds(problem, nearest, best, nearest)
        if not (problem.sets.held or _at_rest(problem, best)):
            best, nearest = _rounds(problem, _augmented(problem), best, nearest)
        if problem.violation(best) <= ROUNDING:
            return best
    if problem.flat.any():
        return nearest if best is problem.start else best
    least = least_violation(problem, best)
    problem.against = problem.kept[least.against]
    if not problem.violation(least.x) <= ROUNDING:
        return best
    return _rounds(problem, least.x, best, best)[0]


def _augmented(problem: Problem) -> Vector:
    """Where BFGS brings the augmented Lagrangian from where the steps ended; it knows of no sets.

    f + sum ([m + c g]+^2 - m^2) / 2c from m = 0 on.
    """
    at, flat, equal = problem.at, problem.flat, problem.equal
    c = HELD_BACK * (problem.far / FAR or 1.0) / problem.moved**2
    x, m = problem.start, np.zeros(len(flat))
    for _ in range(AUGMENTED):
        if not problem.iterations():
            break
        wrong = np.where(flat, at(x).true - at(x).g, 0.0)

        def weights(v: Values, m: Vector = m, wrong: Vector = wrong) -> Vector:
            pulled = m + c * (v.g + wrong)
            return np.where(equal, pulled, np.maximum(pulled, 0))

        def value(z: Vector, m: Vector = m) -> tuple[float, Vector]:
            w = weights(at(z))
            return at(z).f + float(((w**2 - m**2) / (2 * c)).sum()), (
                at(z).slope + w @ at(z).jacobian
            )

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of overflow on the way, as in SLSQP
            found = scipy.optimize.minimize(
                value,
                x,
                jac=True,
                method="BFGS",
                options={"maxiter": min(INNER, problem.iterations())},
            )
        if not np.isfinite(found.x).all():
            break
        x = np.asarray(found.x, dtype=np.float64)
        m = weights(at(x))
    return x


def _at_rest(problem: Problem, x: Vector) -> bool:
    """Whether multipliers of what is at its bound explain grad f: a solution."""
    left = problem.explained(x)[1]
    return left <= max(AT_REST * float(np.linalg.norm(problem.at(x).slope)), ROUNDING)


def _met(problem: Problem, x: Vector) -> Vector:
    """The point nearest to x, along the shortest way, that meets what is smooth."""
    active = np.zeros(len(problem.flat), dtype=bool)
    for _ in range(NEWTON):
        at = problem.at(x)
        over = problem.amounts(x) > 0
        active |= over & ~problem.flat
        if not (over & active).any():
            break
        rows = np.flatnonzero(active)
        columns, amounts = (torch.as_tensor(v[rows]) for v in (at.jacobian, at.g))
        x = x + shortest(columns, amounts, torch.as_tensor(problem.equal[rows])).numpy()
    return x


def _rounds(
    problem: Problem, start: Vector, best: Vector, nearest: Vector
) -> tuple[Vector, Vector]:
    """Solutions from a point on, each from where the last one is: the best, and the nearest.

    What a rate was violated by is asked for on top in the next round, and half of that no more
    where it was not: counts jump where surrogates are smooth. A round that asked for too much ends
    far away, and is forgotten.
    """
    margin = np.zeros(len(problem.flat))
    for _ in range(problem.rounds):
        if not problem.iterations():
            break
        found = problem.sets.nearest(_solved(problem, start, margin))
        if not problem.sets.held:
            found = _met(problem, found)
        if problem.replaces(found, best):
            best = found
        if problem.misses(found, nearest):
            nearest = found
        if np.array_equal(found, start):
            break
        if not problem.at(found).f <= problem.at(start).f + problem.far:
            margin = margin / 4
            continue
        over = np.where(problem.flat & ~problem.equal, np.maximum(problem.at(found).true, 0), 0)
        margin = np.where(over > 0, margin + over, margin / 2)
        start = found
    return best, nearest


def _prices(problem: Problem, x: Vector, told: Tensor) -> Tensor:
    """The multipliers of a solution, in double precision, else those that were told before it.

    Least squares of the gradients (`prices`), over equalities and what is at its bound, where they
    explain grad f, or leave no more of it than those of the steps, which belong to another point.
    """
    at, (walls, both, free) = problem.at(x), problem.sets.walls(x)
    rows = np.flatnonzero(problem.equal | (at.true >= -problem.near))
    columns = np.concatenate([at.jacobian[rows][:, free], walls])
    equal = np.concatenate([problem.equal[rows], both])
    slope = torch.as_tensor(at.slope[free])
    found, left = least_squares(slope, torch.as_tensor(columns), torch.as_tensor(equal))
    before = slope + torch.as_tensor(at.jacobian[:, free].T) @ told.cpu().double()
    if left > max(EXPLAINED * float(slope.norm()), (1 + ROUNDING) * float(before.norm())):
        return told
    prices = torch.zeros(len(at.true), dtype=torch.float64)
    prices[rows] = found[: len(rows)]
    return prices.to(told)


def _solved(problem: Problem, start: Vector, margin: Vector) -> Vector:
    """SLSQP from a point, surrogates set right there."""
    at, sets = problem.at, problem.sets
    wrong = np.where(problem.flat, at(start).true - at(start).g, 0.0) + margin
    slopes = np.linalg.norm(at(start).jacobian, axis=1)
    # Requirements by their slopes: of 0.001 g <= 0 the solver makes the same as of g <= 0.
    unit = 1 / np.where(slopes > 0, slopes, 1.0)
    most = ROUND if problem.flat.any() else ITERATIONS
    constraints = [
        *sides(
            lambda x: unit * (at(x).g + wrong),
            lambda x: unit[:, None] * at(x).jacobian,
            problem.equal,
        ),
        *sides(lambda x: sets.rows(x)[0], lambda x: sets.rows(x)[1], sets.equal),
    ]
    return slsqp(
        lambda x: at(x).f,
        lambda x: at(x).slope,
        start,
        list(zip(sets.lower, sets.upper, strict=True)),
        constraints,
        min(most, problem.iterations()),
    )
