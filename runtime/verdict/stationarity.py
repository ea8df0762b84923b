"""How close the end of a run is to a stationary point of its Lagrangian.

Where parameters are in sets, it is the part of the gradient that these leave:

    r = (x - P(x - t G)) / t

P is the Euclidean projection onto all the sets, the step t G a tenth of the length of x, a
hundredth where a set is curved: a sphere or a Stiefel manifold (there r is the tangential part of
G, up to the second order of the step). Of counts (`sparse`, `nm`) the choice of the entries has no
gradient: r is that of the entries that are not zero. A grid has none at all.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from cspec.dsl.settings.fit import LbfgsOptimizer
from cspec.runtime.measure.slopes import norm
from cspec.runtime.operators import Grid, Operator
from cspec.runtime.session.session import Session
from cspec.runtime.steps.projection import COUNTS, Held, copies, meet, project_, sharing

SMALL = 1e-2
"""Residual below which an end is called stationary, and multipliers are taken for prices."""
FAR = 0.1
"""Residual beyond which the end of a projected run is told to be no stationary point."""
NEAR = 1e-6
"""Distance, relative to max(1, |x|), within which a variable is at its bound: solvers round."""

STEP = 0.1
"""Length of the step t G, relative to that of x, onto convex sets ..."""
CURVED_STEP = 0.01
"""... and onto others."""
LEAST = 1e-2
"""Length of x below which steps get no shorter."""

WITHIN = "within the sets"
"""What r is about where all the parameters may move within their sets."""


class Stationarity(NamedTuple):
    """The residual, and where parameters are in sets what it is about."""

    residual: float
    scope: str = ""


UNKNOWN = Stationarity(math.nan)


def _free(session: Session, parts: list[Tensor]) -> list[Tensor]:
    """The part of a gradient that bounds of variables do not hold back."""
    bounds = {v.name: (v.lower, v.upper) for v in session.program.variables}
    free = []
    for (name, parameter), gradient in zip(session.named.items(), parts, strict=True):
        lower, upper = bounds.get(name, (None, None))
        value = parameter.detach()
        near = NEAR * value.abs().clamp(min=1.0)
        if lower is not None:
            gradient = torch.where((value <= lower + near) & (gradient > 0), 0.0, gradient)
        if upper is not None:
            gradient = torch.where((value >= upper - near) & (gradient < 0), 0.0, gradient)
        free.append(gradient)
    return free


def stationarity(session: Session) -> Stationarity:
    """||grad L|| / ||grad f||, L = f + <multipliers, g>, in evaluation mode; NaN where f is flat.

    With parameters in sets it is the length of the projected gradient of L in place of ||grad L||
    (`projected_gradient`), relative to the largest of ||grad f|| at the end and at the start: where
    no set holds a minimum back, f is flat at it. On the whole data, or on 16 batches where they are
    more than 20,000 rows. Unmeasured entries of g count nothing; components that the bounds of a
    variable hold back count nothing. A projected gradient method measured its own.
    """
    if session.projected_gradient is not None:
        return Stationarity(session.projected_gradient)
    if "residual" in session.state:  # of a smooth problem in place of one with kinks
        return Stationarity(float(session.state["residual"]))
    objective, lagrangian = session.slopes()
    held = session.sets()
    if held:
        left, scope = projected_gradient(held, session.parameters, lagrangian)
        flat = max(norm(objective), 0.0 if math.isnan(session.slope) else session.slope)
    else:
        left, scope, flat = norm(_free(session, lagrangian)), "", norm(objective)
    return Stationarity(left / flat, scope) if flat > 0 else UNKNOWN


def stationarity_notes(session: Session, found: Stationarity) -> list[str]:
    """What is said where a run with projections stopped far from a stationary point.

    Nothing where counts and grids decide which parameters move: their choice has no gradient.
    """
    over = found.residual > FAR and session.termination == "completed"
    if found.scope != WITHIN or not session.held or not over:
        return []
    if any(isinstance(o, LbfgsOptimizer) for o in session.fit.optimizer):
        todo = "L-BFGS steps do not know of the sets: use `adam` or `sgd`"
    else:
        todo = "train longer, or with a larger `lr`"
    return [
        f"the run stopped before it was stationary: the gradient {found.scope} is still "
        f"{found.residual:.2g} of the objective's slope (0 at a minimum); {todo}"
    ]


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
    size = norm(slopes)
    if not size > 0 or not math.isfinite(size):
        return size, _scope(held)
    share = STEP if all(operator.convex for operator, _ in sets) else CURVED_STEP
    step = share * max(norm(points), LEAST) / size
    moved = [x - step * g for x, g in zip(points, slopes, strict=True)]
    for group in sharing([(op, [moved[i] for i in places]) for op, places in sets]):
        if len(group) == 1:
            project_(*group[0])
        else:
            meet(group, copies(group))
    return norm([(x - y) / step for x, y in zip(points, moved, strict=True)]), _scope(held)


def _scope(held: Sequence[Held]) -> str:
    kinds = [type(operator) for operator, _ in held]
    if any(issubclass(kind, Grid) for kind in kinds):
        return "without parameters on a grid"
    if any(issubclass(kind, COUNTS) for kind in kinds):
        return "of the weights that are not zero"
    return WITHIN
