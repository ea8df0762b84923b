"""The least violation of a problem with rules: over the combinations of ways in which they hold.

A combination whose rows can't be met settles all that add rows to it. Where each is convex and
proved to be out of reach, so is the whole: no point meets the constraints, whichever way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cspec.runtime.solvers.nlp.problem import Vector
from cspec.runtime.solvers.nlp.ways import MOST, Chosen, Way, Ways, below
from cspec.runtime.verdict.why.elastic import MET, Elastic, Small, solve_elastic


def least_violation(problem: Small, scale: Vector, seed: int = 0) -> Elastic:
    """The least scaled violation; with rules, of the combination that has it."""
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
        if not left or (ends and problem.convex and _total(found) >= min(map(_total, ends))):
            ends.append(_whole(found, rows, ways, g))
            if found.met and not left:
                break
        else:
            waiting += below(ways, decided, left, g)
    best = min(ends, key=lambda end: (not end.met, _total(end)))
    problem.nlp.put(best.x)
    proved = not waiting and not best.met and all(end.proved for end in ends)
    return replace(best, proved=proved, weights=_all_weights(ends, best))


def _total(found: Elastic) -> float:
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
