"""Whether an objective falls without end toward a point that it has no value at.

log(x), -1/x and log det X fall for ever as x comes to 0 or X to a singular matrix. A solver ends
where its steps run out, at 1e-12 or so, stationary by its own measure. Seen from there (and, where
too few numbers are left between, from a little before): along a ray on which the objective falls,
its lowest place (a place without a value is no low one) is found by golden section; each halving of
the distance to it must lower the objective by at least as much as the one before.

    log(x)    falls by log 2 at each halving         without end
    -1/x      falls twice as much                    without end
    sqrt(x)   falls by 0.7 times as much             it has a value there
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from cspec.runtime.verdict.why.endless import ON_THE_WAY, Function, Vector, rays

HALVINGS = 40
ENOUGH = 20
"""Halvings that decide; fewer where floating point ends first say nothing."""
LASTS = 0.995
"""A fall that keeps this share of the one before does not shrink: x^0.01 keeps 0.993."""
SETTLED = 12
"""Halvings at the end that have to keep it."""
TINY, FAR = -50, 20
"""Powers of 2 of the first step along a ray and the last, in max(1, |x|, |x - start|)."""
STRIDE, TINIEST = 25, -1000
"""Smaller first steps, where x is nearer to the end of the ray: by how much, and the last."""
NOTHING = 1e-12
"""Coordinates below this share of the size are shown as 0."""
ON_RAY = 1e-9
"""What a point may be off a ray, in its size, to count as one of it."""
LEVEL = 1e-13
"""A change up to this, in max(1, |f|), is rounding."""
GOLDEN = (3 - math.sqrt(5)) / 2
SECTIONS = 400
BACK = (0.0, 1e-6, 1e-3, 1e-1)
"""How far before the end of the solver rays begin, in the same."""
RESOLUTION = 64
"""Floating point numbers between a place and the end of a ray below which rounding decides."""


def pole(function: Function, x: Vector, start: Vector, minimum: bool) -> Vector | None:
    """Where the objective falls without end as one comes near, seen from `x`; None if nowhere.

    `minimum`: `x` is taken for one, so rays on which the objective rises at once tell enough.
    """
    size = max(1.0, float(np.abs(x).max(initial=0.0)), float(np.abs(x - start).max(initial=0.0)))
    for direction in rays(function, x, start):
        for back in BACK:
            values, end = _approach(function, x - back * size * direction, direction, size)
            if values and _endless(values):
                return _shown(function, end, size)
            if not values and minimum:
                break
    return None if minimum else pole_toward(function, start, x, ON_THE_WAY)


def pole_toward(
    function: Function, start: Vector, x: Vector, shares: Sequence[float] = (0.0,)
) -> Vector | None:
    """Where the objective falls without end on the way from `start` to `x` and beyond.

    Rays begin at these `shares` of the way. None if nowhere.
    """
    length = float(np.linalg.norm(x - start))
    size = max(1.0, float(np.abs(x).max(initial=0.0)), length)
    for share in shares if length > 0 else ():
        origin = start + share * (x - start)
        values, end = _approach(function, origin, (x - start) / length, size)
        if values and _endless(values):
            return _shown(function, end, size)
    return None


def _shown(function: Function, end: Vector, size: float) -> Vector:
    """The admissible point at the end of a ray; what is 0 but for rounding as 0."""
    place = function.at(end)[0]
    return np.where(np.abs(place) < NOTHING * size, 0.0, place)


def _approach(
    function: Function, origin: Vector, direction: Vector, size: float
) -> tuple[list[float], Vector]:
    """The objective at each halving of the distance to where a ray from `origin` is lowest.

    Points of the ray itself come first: what is put onto a set again from outside of it would stay
    at its border. Where they are none, as on curved constraints, those beside it that are.
    """
    found = _halved(function, origin, direction, size, ON_RAY)
    if len(found[0]) > ENOUGH:
        return found
    return _halved(function, origin, direction, size, math.inf)


def _halved(
    function: Function, origin: Vector, direction: Vector, size: float, beside: float
) -> tuple[list[float], Vector]:
    """The same of points at most `beside` from the ray, in its size."""

    def at(reach: float) -> float:
        on = origin + reach * direction
        place, f, fine = function.at(on)
        fine = fine and float(np.abs(place - on).max(initial=0.0)) <= beside * size
        return f if fine and math.isfinite(f) else math.inf

    first = at(0.0)
    around = _around(at, first, origin, direction, size)
    if math.isinf(first) or around is None:
        return [], origin
    far = _lowest(at, *around)
    end = origin + far * direction
    values = [first]
    for halving in range(1, HALVINGS + 1):
        rest = far * 2.0**-halving
        if _numbers_between(origin + (far - rest) * direction, end) < RESOLUTION:
            break
        f = at(far - rest)
        if not f < values[-1]:
            break
        values.append(f)
    return values, end


def _around(
    at: Callable[[float], float], first: float, origin: Vector, direction: Vector, size: float
) -> tuple[float, float, float] | None:
    """Three reaches of which the middle one is lowest; None where nothing falls, or all does."""
    near = _down(at, first, origin, direction, size)
    if near is None:
        return None
    before, lowest = 0.0, at(near)
    while near < size * 2.0**FAR:
        f = at(2 * near)
        if f >= lowest:
            return before, near, 2 * near
        before, near, lowest = near, 2 * near, f
    return None


def _down(
    at: Callable[[float], float], first: float, origin: Vector, direction: Vector, size: float
) -> float | None:
    """A first step that lowers the objective: larger where it is level there, else smaller."""
    noise = LEVEL * max(1.0, abs(first))
    larger = at(size * 2.0**TINY) <= first + noise
    powers = range(TINY, 0, STRIDE // 5) if larger else range(TINY - STRIDE, TINIEST, -STRIDE)
    for power in powers:
        reach = size * 2.0**power
        if np.array_equal(origin + reach * direction, origin):
            continue
        f = at(reach)
        if f < first - noise:
            return reach
        if larger and f > first + noise:
            break
    return None


def _lowest(at: Callable[[float], float], low: float, middle: float, high: float) -> float:
    """The lowest place between, by golden section, to the last bit."""
    lowest = at(middle)
    for _ in range(SECTIONS):
        right = high - middle > middle - low
        tried = middle + GOLDEN * ((high if right else low) - middle)
        if tried in (low, middle, high):
            break
        f = at(tried)
        if f < lowest:
            low, high = (middle, high) if right else (low, middle)
            middle, lowest = tried, f
        elif right:
            high = tried
        else:
            low = tried
    return middle


def _numbers_between(place: Vector, end: Vector) -> float:
    """Floating point numbers between two points, in the coordinate that has most of them."""
    unit = np.spacing(np.maximum(np.abs(place), np.abs(end)))
    return float((np.abs(end - place) / unit).max(initial=0.0))


def _endless(values: Sequence[float]) -> bool:
    """Whether each fall is about as large as the one before, or larger."""
    falls = [a - b for a, b in pairwise(values)]
    last = falls[-SETTLED - 1 :]
    return len(falls) >= ENOUGH and all(b >= LASTS * a for a, b in pairwise(last))
