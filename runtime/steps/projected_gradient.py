"""The part of a gradient that the sets of the parameters leave: what is 0 at a stationary point.

    r = (x - P(x - t G)) / t

P is the Euclidean projection onto all the sets, the step t G a tenth of the length of x, a
hundredth where a set is curved: a sphere or a Stiefel manifold (there r is the tangential part of
G, up to the second order of the step). Of counts (`sparse`, `nm`) the choice of the entries has no
gradient: r is that of the entries that are not zero. A grid has none at all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from cspec.runtime.operators import Grid, Operator
from cspec.runtime.steps.projection import COUNTS, Held, copies, meet, project_, sharing

STEP = 0.1
"""Length of the step t G, relative to that of x, onto convex sets ..."""
CURVED_STEP = 0.01
"""... and onto others."""
LEAST = 1e-2
"""Length of x below which steps get no shorter."""

WITHIN = "within the sets"
"""What r is about where all the parameters may move within their sets."""


def projected_gradient(
    held: Sequence[Held], parameters: Sequence[Tensor], gradients: Sequence[Tensor]
) -> tuple[float, str]:
    """||r|| over all parameters, in float64, and what it is about; those in no set move freely."""
    points = [p.detach().double() for p in parameters]
    place = {id(p): i for i, p in enumerate(parameters)}
    slopes = [g.detach().double() for g in gradients]
    sets: list[tuple[Operator, list[int]]] = []
    for operator, tensors in held:
        places = [place[id(t)] for t in tensors if id(t) in place]
        if isinstance(operator, (*COUNTS, Grid)):
            for i in places:
                stays = (points[i] != 0) & (not isinstance(operator, Grid))
                slopes[i] = torch.where(stays, slopes[i], 0.0)
        elif len(places) == len(tensors):
            sets.append((operator, places))
    size = _length(slopes)
    if not size > 0 or not math.isfinite(size):
        return size, _scope(held)
    share = STEP if all(operator.convex for operator, _ in sets) else CURVED_STEP
    step = share * max(_length(points), LEAST) / size
    moved = [x - step * g for x, g in zip(points, slopes, strict=True)]
    for group in sharing([(op, [moved[i] for i in places]) for op, places in sets]):
        if len(group) == 1:
            project_(*group[0])
        else:
            meet(group, copies(group))
    return _length([(x - y) / step for x, y in zip(points, moved, strict=True)]), _scope(held)


def _scope(held: Sequence[Held]) -> str:
    kinds = [type(operator) for operator, _ in held]
    if any(issubclass(kind, Grid) for kind in kinds):
        return "without parameters on a grid"
    if any(issubclass(kind, COUNTS) for kind in kinds):
        return "of the weights that are not zero"
    return WITHIN


def _length(parts: Sequence[Tensor]) -> float:
    return math.sqrt(sum(float(part.square().sum()) for part in parts))
