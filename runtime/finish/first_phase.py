"""Where the solver at the end meets not all: the least of the largest violation.

    min s   s.t.  g_i(x) <= s |grad g_i|,  |h_j(x)| <= s |grad h_j|,  x in the sets it is held in

the gradients being those of the start: s is a distance. A point with s <= 0 is where the solver
goes on from. Another is told where it is stationary: with m >= 0 of those that are violated by s,

    sum m_i grad g_i / |grad g_i| = 0,   sum m_i = 1

so that no step lowers all of them, and those with m_i > 0 exclude each other there. Where they are
convex that holds everywhere (Nocedal and Wright 2006, section 17.2).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from cspec.runtime.finish.polish_problem import Problem, sides, slsqp
from cspec.runtime.finish.polish_sets import Marks, Places, Vector
from cspec.runtime.finish.prices import least_squares

ITERATIONS = 300
ACTIVE = 1e-4
"""Share of the largest violation within which another is as large."""
STATIONARY = 1e-4
"""Share of a gradient that the others may leave of it."""
KINKED, AROUND = 30, 1e-4
"""Parameters up to which points around are looked at, and how far they are, relative to 1 + |x|."""
COUNTS = 1e-6
"""The least multiplier of a requirement that is in the way of another."""


class Least(NamedTuple):
    """The point of the least violation, and who is in whose way there."""

    x: Vector
    against: Places
    """Entries of g, among those that are kept; none where the point is not stationary."""


def least_violation(problem: Problem, start: Vector) -> Least:
    """The solver on the violations alone."""
    at, sets, size = problem.at, problem.sets, len(start)
    equal, none = problem.equal, np.arange(0)
    slopes = np.linalg.norm(at(start).jacobian, axis=1)
    unit = 1 / np.where(slopes > 0, slopes, 1.0)

    def above(z: Vector) -> Vector:
        g = unit * at(z[:size]).g
        over: Vector = np.concatenate([g, -g[equal]]) - z[size]
        return over

    def steep(z: Vector) -> Vector:
        rows = unit[:, None] * at(z[:size]).jacobian
        return _with_last(np.concatenate([rows, -rows[equal]]), -1.0)

    last = np.eye(size + 1)[size]
    worst = float((unit * problem.amounts(start)).max(initial=0.0))
    found = slsqp(
        lambda z: float(z[size]),
        lambda z: last,
        np.append(start, worst),
        [*zip(sets.lower, sets.upper, strict=True), (0.0, np.inf)],
        [
            *sides(above, steep, np.zeros(len(equal) + int(equal.sum()), bool)),
            *sides(
                lambda z: sets.rows(z[:size])[0],
                lambda z: _with_last(sets.rows(z[:size])[1], 0.0),
                sets.equal,
            ),
        ],
        min(ITERATIONS, problem.iterations()),
    )
    x = sets.nearest(found[:size])
    amounts = unit * problem.amounts(x)
    largest = float(amounts.max(initial=0.0))
    if not np.isfinite(x).all() or not largest < worst:
        return Least(start, none)
    return Least(x, _against(problem, x, unit, amounts) if largest > 0 else none)


def _with_last(rows: Vector, slope: float) -> Vector:
    """Gradients by x, with those by s behind."""
    return np.concatenate([rows, np.full((len(rows), 1), slope)], axis=1)


def _against(problem: Problem, x: Vector, unit: Vector, amounts: Vector) -> Places:
    """Those of the largest violations whose gradients add up to nothing, with those of points all
    around where there may be a kink (Burke, Lewis and Overton 2005).
    """
    axes = AROUND * (1 + np.abs(x)) * np.eye(len(x))
    around = [x] if len(x) > KINKED else [x, *(x + axes), *(x - axes)]
    walls, both, free = problem.sets.walls(x)
    own = np.flatnonzero(amounts >= (1 - ACTIVE) * amounts.max())
    sides = np.where(problem.equal, np.sign(problem.at(x).g), 1.0) * unit
    columns, places = np.zeros((0, int(free.sum()))), np.arange(0)
    for point in around:
        more = (sides[:, None] * problem.at(point).jacobian)[own][:, free]
        columns, places = np.concatenate([columns, more]), np.concatenate([places, own])
        found = _combined(columns, places, walls, both)
        if len(found):
            return found
    return np.arange(0)


def _combined(columns: Vector, places: Places, walls: Vector, both: Marks) -> Places:
    """The places of columns of which a combination adds up to nothing, one of the first in it."""
    for k in range(len(np.unique(places))):
        others = np.arange(len(places)) != k
        beside = torch.as_tensor(np.concatenate([columns[others], walls]))
        signed = torch.as_tensor(np.concatenate([np.zeros(others.sum(), bool), both]))
        m, left = least_squares(torch.as_tensor(columns[k]), beside, signed)
        if left <= STATIONARY:
            counts = m[: others.sum()].numpy() > COUNTS
            found: Places = np.unique(np.append(places[others][counts], places[k]))
            return found
    return np.arange(0)
