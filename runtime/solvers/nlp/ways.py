"""Rules of a small problem: each holds in one of several ways, and each way is ordinary rows of g.

A rule is met where all rows of one way are. `Chosen` is the problem with some rows left out;
`best_way` goes through the combinations of ways, a rule at a time:

    solve without the rules that are not decided yet; where all hold there, that is the best of all
    combinations below; else decide the one that is violated most, each way in turn

Where every combination is convex, a problem with fewer rows bounds those with more from below, so
what can't be better than the best so far is left out (branch and bound, Land and Doig 1960).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cspec.dsl.messages.wording import some
from cspec.runtime.solvers.nlp.problem import Nlp, Vector

Way = tuple[int, ...]
"""Rows of g that are met together."""
MOST = 300
"""Combinations that are solved at most."""
SHOWN = 6
"""Rules that a note names."""
TIE = 1e-9
"""Objectives this close, relatively, are the same."""


class Ways(NamedTuple):
    """The rules of a problem and which rows they are about."""

    labels: tuple[str, ...]
    rules: tuple[tuple[Way, ...], ...]
    equalities: NDArray[np.bool_]

    @property
    def rows(self) -> NDArray[np.bool_]:
        """The rows of g that belong to rules."""
        found = np.zeros(len(self.equalities), dtype=bool)
        for rule in self.rules:
            found[[row for way in rule for row in way]] = True
        return found

    def margins(self, g: Vector) -> Vector:
        """What each rule is violated by; below 0 the room that is left.

        `g` may be that of the spec, which has no rows of auxiliary variables: these come last.
        """
        size = np.where(self.equalities[: len(g)], np.abs(g), g)
        found = [min(float(size[list(way)].max()) for way in rule) for rule in self.rules]
        return np.array(found)

    def shown(self, g: Vector) -> Vector:
        """g with the margin of its rule in place of each of a rule's rows."""
        found = g.copy()
        for rule, margin in zip(self.rules, self.margins(g), strict=True):
            found[[row for way in rule for row in way]] = margin
        return found

    def excess(self, g: Vector) -> Vector:
        """What is violated: every row that is no rule's, and the margins of the rules."""
        size = np.where(self.equalities, np.abs(g), g)
        return np.append(size[~self.rows], self.margins(g))

    def kept(self, decided: Mapping[int, Way]) -> NDArray[np.int64]:
        """The rows that are no rule's and those of the ways that are decided."""
        keep = ~self.rows
        for way in decided.values():
            keep[list(way)] = True
        return np.flatnonzero(keep)


def ways_of(
    ways: Mapping[str, Sequence[Way]], equalities: Sequence[bool] | NDArray[np.bool_]
) -> Ways | None:
    """The rules that an emitted call names; None where there are none."""
    if not ways:
        return None
    rules = tuple(tuple(rule) for rule in ways.values())
    return Ways(tuple(ways), rules, np.array(equalities, dtype=bool))


class Chosen(Nlp):
    """A problem with some of its rows left out."""

    def __init__(self, whole: Nlp, rows: NDArray[np.int64]) -> None:
        self.whole, self.rows, self.size = whole, rows, whole.size
        self.quadratic = whole.quadratic
        self.lower, self.upper, self.declared = whole.lower, whole.upper, whole.declared
        self.equalities, self.explicit = whole.equalities[rows], whole.explicit[rows]
        self.bounds, self.affine = whole.bounds[rows], whole.affine[rows]
        self.count = whole.count

    def held(self, entries: Sequence[int]) -> tuple[int, ...]:
        """Places here of rows of the whole problem."""
        places = {int(row): place for place, row in enumerate(self.rows)}
        return tuple(places[entry] for entry in entries)

    def point(self) -> Vector:
        """The variables as they are."""
        return self.whole.point()

    def put(self, x: Vector) -> None:
        """Give the variables the values of `x`."""
        self.whole.put(x)

    def tighten(self, x: Vector) -> Vector:
        """`x` with what follows from the rest of it set."""
        return self.whole.tighten(x)

    def raw(self, x: Vector) -> tuple[float, Vector]:
        """f and g as they are."""
        f, g = self.whole.raw(x)
        return f, g[self.rows]

    def gradient(self, x: Vector) -> Vector:
        """Gradient of f."""
        return self.whole.gradient(x)

    def slopes(self, x: Vector) -> tuple[Vector, NDArray[np.float64]]:
        """Gradient of f and Jacobian of g."""
        gradient, jacobian = self.whole.slopes(x)
        return gradient, jacobian[self.rows]

    def pull(self, x: Vector, weights: Vector) -> Vector:
        """Gradient of f + <weights, g>."""
        return self.whole.pull(x, self.spread(weights))

    def curvature(self, x: Vector, multipliers: Vector) -> NDArray[np.float64]:
        """Hessian of f + <multipliers, g>."""
        return self.whole.curvature(x, self.spread(multipliers))

    def sloped(self, x: Vector) -> bool:
        """Whether all first derivatives are numbers at `x`."""
        return self.whole.sloped(x)

    def spread(self, values: Vector) -> Vector:
        """One value a row of the whole problem, 0 for those that are left out."""
        found = np.zeros(len(self.whole.equalities))
        found[self.rows] = values
        return found


class Node(NamedTuple):
    """What the solver found for one combination."""

    x: Vector
    f: float
    feasible: bool
    """Whether it meets the rows that were chosen."""
    settled: bool
    """Whether it is a minimum: with fewer rows than decided it may be the best of all below."""
    found: Any = None
    """What the caller keeps of it."""


class Tried(NamedTuple):
    """The best combination, and what was tried."""

    best: Node | None
    problems: int
    complete: bool
    """Whether none was left for their number."""


def best_way(
    ways: Ways,
    measured: Callable[[Vector], Vector],
    solve: Callable[[Mapping[int, Way]], Node | None],
    tolerance: float,
    convex: bool,
) -> Tried:
    """The best of all combinations of ways.

    `measured` gives g at a point, `solve` the minimum of a combination, None where there is none.
    """
    best: Node | None = None
    count = 0
    waiting: list[dict[int, Way]] = [{}]
    while waiting and count < MOST:
        decided = waiting.pop()
        node = solve(decided)
        count += 1
        margins = None if node is None else ways.margins(measured(node.x))
        open_ = [place for place in range(len(ways.rules)) if place not in decided]
        if node is not None and margins is not None:
            if convex and (not node.feasible or _no_better(node, best)):
                continue
            if node.feasible and not (margins > tolerance).any():
                best = node if not _no_better(node, best) else best
                if node.settled:
                    continue
        if open_:
            waiting += below(ways, decided, open_, None if node is None else measured(node.x))
    return Tried(best, count, not waiting)


def combinations(ways: Ways, tried: Tried) -> str:
    """What was tried, in a sentence."""
    total = math.prod(map(len, ways.rules))
    names = some(ways.labels, SHOWN)
    problems = f"{tried.problems} problem{'s' if tried.problems > 1 else ''} solved"
    said = f"{names}: {problems} for {total} combinations of ways in which they can hold"
    if not tried.complete:
        return f"{said}; that is the most that are tried, so a better one may be left"
    return said if tried.best is not None else f"{said}; no feasible point was found for any"


def _no_better(node: Node, best: Node | None) -> bool:
    return best is not None and node.f >= best.f - TIE * max(1.0, abs(best.f))


def below(
    ways: Ways, decided: Mapping[int, Way], open_: Sequence[int], g: Vector | None
) -> list[dict[int, Way]]:
    """The combinations with one rule more decided, the nearest way last: it is tried first."""
    margins = np.zeros(len(ways.rules)) if g is None else ways.margins(g)
    rule = max(open_, key=lambda place: (margins[place], -place))
    found = list(ways.rules[rule])
    if g is not None:
        size = np.where(ways.equalities, np.abs(g), g)
        found.sort(key=lambda way: -float(size[list(way)].max()))
    return [{**decided, rule: way} for way in found]
