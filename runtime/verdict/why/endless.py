"""Whether an objective still falls infinitely far away: no minimum, or an infimum not attained.

From the end of a solver rays go out to 10^11 times its size: away from the start, down the slope,
along single variables. Where the objective never rises on one of them, all constraints met, and
falls at its beginning, no point of it is a minimum:

    -log(x)   falls without end       the falls from one doubling of the distance to the next last
    exp(-x)   falls toward 0          they shrink: an infimum that is not attained

Rounding decides nothing: a fall counts where it is larger than rounding, or where the slope along
the ray is, term by term, no difference of like numbers. Far out -tanh(x) is -1 to the last bit; a
function that is analytic has no such plateaus, so of one rays are also tried that begin on the way
from the start: never rising and somewhere falling, it falls everywhere.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cspec.compiler.records.program import VariableSetup
from cspec.dsl.messages.wording import some

Vector = NDArray[np.float64]
_UNBOUNDED = (
    "unbounded: the objective {} without end while the constraints hold (toward {}): bound the "
    "variables, or look for a sign"
)
FIRST = 0.1
"""The first step along a ray, in max(1, |x|, |x - start|); each further one doubles it."""
DOUBLINGS = 40
BEGINNING = 2
"""Steps on which the objective has to fall."""
ROUNDING = 1e-14
CANCELED = 1e-9
"""A slope below this share of its terms is rounding."""
LASTS = 0.9
"""A fall that keeps this share of the one before, at the end, has no end."""
ON_THE_WAY = (0.5, 0.2, 0.05, 0.01, 0.0)
"""Shares of the way from the start to the end at which rays begin, too."""
OUT = range(20, 36)
"""Doublings of the first step that are far out."""
AXES = 12
"""Variables up to which each is looked at alone."""


class Function(NamedTuple):
    """A problem as rays see it."""

    at: Callable[[Vector], tuple[Vector, float, bool]]
    """The nearest admissible point, the objective there, and whether all constraints hold."""
    slope: Callable[[Vector], Vector]
    """The gradient of the objective."""
    open: NDArray[np.bool_]
    """Variables that may go to infinity."""
    analytic: bool = False
    """Whether the objective has no plateaus: what is constant on an interval is so everywhere."""


class Fall(NamedTuple):
    """A ray on which the objective never rises."""

    direction: Vector
    limit: float | None
    """What it falls toward; None where it falls without end."""

    def sentence(self, names: Sequence[str], sense: str) -> str:
        """What there is instead of a minimum, of the objective as written."""
        where = self.text(names)
        if self.limit is None:
            return unbounded(where, sense)
        limit, best = (-self.limit, "maximum") if sense == "maximize" else (self.limit, "minimum")
        return (
            f"unbounded: the objective {moves(sense)} without end toward {limit + 0.0:.4g} at "
            f"{where}; no {best} is attained: bound the variables"
        )

    def text(self, names: Sequence[str]) -> str:
        """`x -> inf, y -> -inf`: the variables that move most."""
        size = np.abs(self.direction[: len(names)])
        moving = [i for i in np.argsort(-size, kind="stable") if size[i] > 1e-3 * size.max()]
        words = [f"{names[i]} -> {'inf' if self.direction[i] > 0 else '-inf'}" for i in moving]
        return some(words, 4)


def moves(sense: str) -> str:
    """What an objective does that gets better and better."""
    return "rises" if sense == "maximize" else "falls"


def unbounded(where: str, sense: str) -> str:
    """What is said of an objective that gets better without end."""
    return _UNBOUNDED.format(moves(sense), where)


def coordinates(variables: Sequence[VariableSetup]) -> list[str]:
    """What people call every scalar of the variables: `x`, `w[0]`, `V[1, 0]`."""
    return [
        variable.name + (f"[{', '.join(map(str, index))}]" if variable.shape != (1,) else "")
        for variable in variables
        for index in product(*map(range, variable.shape))
    ]


def fall(function: Function, x: Vector, start: Vector) -> Fall | None:
    """A ray from `x` on which the objective falls for ever; None where none was found."""
    size = max(1.0, float(np.abs(x).max(initial=0.0)), float(np.abs(x - start).max(initial=0.0)))
    tried = [(x, direction) for direction in rays(function, x, start)]
    moved = np.where(function.open, x - start, 0.0)
    if function.analytic and moved.any():
        way = moved / float(np.linalg.norm(moved))
        tried += [(x - (1 - share) * moved, way) for share in ON_THE_WAY]
    for origin, direction in tried:
        values = _along(function, origin, direction, FIRST * size)
        if values is not None:
            return Fall(direction, limit_of(values))
    return None


def distant(function: Function, x: Vector) -> Vector | None:
    """A point far from a minimum `x` toward which the objective falls at last; None where none is.

    On the way it may rise and fall, as sin(x) + x/1000 does: what counts is that far out every
    doubling of the distance lowers it by more than the one before.
    """
    size = max(1.0, float(np.abs(x).max(initial=0.0)))
    _, f, _ = function.at(x)
    axes = [sign * axis for axis in np.eye(len(x))[function.open] for sign in (1.0, -1.0)]
    for direction in axes if len(x) <= AXES else ():
        places = [function.at(x + FIRST * size * 2.0**k * direction) for k in OUT]
        values = [value for _, value, fine in places if fine and math.isfinite(value)]
        falls = [a - b for a, b in pairwise(values)]
        lasting = all(b >= LASTS * a > 0 for a, b in pairwise(falls))
        if len(values) == len(OUT) and lasting and values[-1] < f - max(1.0, abs(f)):
            return places[-1][0]
    return None


def rays(function: Function, x: Vector, start: Vector) -> list[Vector]:
    """Directions of length 1 in which there may be more to fall: away from the start, down."""
    slope = np.where(function.open, function.slope(x), 0.0)
    moved = np.where(function.open, x - start, 0.0)
    found = [moved, -slope, np.where(function.open, x, 0.0)]
    # Of slopes that differ by orders of magnitude the small ones may be those that last.
    found.append(-np.sign(slope))
    if len(x) <= AXES:
        found += [-np.sign(slope[i]) * axis for i, axis in enumerate(np.eye(len(x))) if slope[i]]
    lengths = [float(np.linalg.norm(ray)) for ray in found]
    return [ray / size for ray, size in zip(found, lengths, strict=True) if size > 0]


def _along(function: Function, x: Vector, direction: Vector, first: float) -> list[float] | None:
    """The objective at each doubling along a ray; None where it rises or a constraint breaks."""
    before, f, fine = function.at(x)
    values = [f]
    if not fine or not math.isfinite(f):
        return None
    for doubling in range(DOUBLINGS):
        reach = first * 2.0**doubling
        point, f, fine = function.at(x + reach * direction)
        noise = _rounding(function, point, f) if doubling >= BEGINNING else 0.0
        if not fine or math.isnan(f) or f > values[-1] + noise:
            return None
        if float(np.linalg.norm(point - x)) < 0.5 * reach:
            return None  # brought back: there is no way out
        if doubling < BEGINNING and not _falls(function, before, point, values[-1], f):
            return None
        before = point
        values.append(f)
        if f == -math.inf:
            break
    return values


def _rounding(function: Function, x: Vector, f: float, least: float = 1.0) -> float:
    """What the objective may be wrong by: differences of large numbers lose digits."""
    terms = float(np.abs(function.slope(x) * x).sum())
    return ROUNDING * max(least, abs(f), terms if math.isfinite(terms) else 0.0)


def _falls(function: Function, before: Vector, point: Vector, old: float, new: float) -> bool:
    """Whether the objective is lower by more than rounding, or its slope is no rounding."""
    if new < old - 100 * ROUNDING * max(1.0, abs(old)):
        return True
    if function.analytic and new < old - 4 * _rounding(function, before, old, 0.0):
        return True
    for place in (before, point):
        terms = function.slope(place) * (point - before)
        if not terms.sum() < -CANCELED * np.abs(terms).sum():
            return False
    return True


def limit_of(values: Sequence[float]) -> float | None:
    """What the objective falls toward, by the falls at the end; None where they last."""
    falls = [a - b for a, b in pairwise(values)]
    if not math.isfinite(values[-1]):
        return None
    last, before = falls[-1], falls[-2]
    scale = max(falls)
    if last <= 1e-12 * scale or before <= 0:
        limit = values[-1]
    elif last >= LASTS * before:
        return None
    else:
        limit = values[-1] - last * last / (before - last)
    return 0.0 if abs(limit) <= 1e-6 * scale else limit
