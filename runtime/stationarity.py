"""How close the end of a run is to a stationary point of its Lagrangian."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from cspec.compiler.program import SOLVERS
from cspec.dsl.settings.fit import LbfgsOptimizer
from cspec.runtime.modes import evaluating, undisturbed
from cspec.runtime.operators import Box
from cspec.runtime.projected_gradient import WITHIN, projected_gradient
from cspec.runtime.projections import Held

if TYPE_CHECKING:
    from cspec.runtime.session import Session

ROWS = 20_000
"""Larger data are represented by a few batches."""
BATCHES = 16
SMALL = 1e-2
"""Residual below which multipliers are taken for prices."""
FAR = 0.1
"""Residual beyond which the end of a projected run is told to be no stationary point."""
NEAR = 1e-6
"""Distance, relative to max(1, |x|), within which a variable is at its bound: solvers round."""


class Stationarity(NamedTuple):
    """The residual, and where parameters are in sets what it is about."""

    residual: float
    scope: str = ""


UNKNOWN = Stationarity(math.nan)


def _gradient(value: Tensor, parameters: Sequence[Tensor]) -> list[Tensor]:
    if not value.requires_grad:
        return [torch.zeros_like(p) for p in parameters]
    found = torch.autograd.grad(value, parameters, allow_unused=True, retain_graph=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]


def _norm(parts: Sequence[Tensor]) -> float:
    return math.sqrt(sum(float(part.double().square().sum()) for part in parts))


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


def start_slope(session: Session) -> float:
    """||grad f|| before the first step of a run that keeps parameters in sets; else NaN."""
    if session.program.method in SOLVERS or not _sets(session):
        return math.nan
    return _norm(_slopes(session)[0])


def stationarity(session: Session) -> Stationarity:
    """||grad L|| / ||grad f||, L = f + <multipliers, g>, in evaluation mode; NaN where f is flat.

    With parameters in sets it is the length of the projected gradient of L in place of ||grad L||
    (`runtime/projected_gradient`), relative to the largest of ||grad f|| at the end and at the
    start: where no set holds a minimum back, f is flat at it. On the whole data, or on 16 batches
    where they are more than 20,000 rows. Unmeasured entries of g count nothing; components that the
    bounds of a variable hold back count nothing. A projected gradient method measured its own.
    """
    if session.projected_gradient is not None:
        return Stationarity(session.projected_gradient)
    if "residual" in session.state:  # of a smooth problem in place of one with kinks
        return Stationarity(float(session.state["residual"]))
    objective, lagrangian = _slopes(session)
    held = _sets(session)
    if held:
        left, scope = projected_gradient(held, session.parameters, lagrangian)
        flat = max(_norm(objective), 0.0 if math.isnan(session.slope) else session.slope)
    else:
        left, scope, flat = _norm(_free(session, lagrangian)), "", _norm(objective)
    return Stationarity(left / flat, scope) if flat > 0 else UNKNOWN


def residual(session: Session) -> float:
    """The number of `stationarity`."""
    return stationarity(session).residual


def _slopes(session: Session) -> tuple[list[Tensor], list[Tensor]]:
    """The gradients of f and of L over all parameters."""
    large = any(len(data) > ROWS for data in session.data.values())
    batches = (
        [session.batch_at(step) for step in range(BATCHES)] if large else [session.whole_batch()]
    )
    multipliers = session.state.get("multipliers")
    parameters = session.parameters
    objective = [torch.zeros_like(p) for p in parameters]
    lagrangian = [torch.zeros_like(p) for p in parameters]
    with undisturbed(), evaluating(session.models()), torch.enable_grad():
        for batch in batches:
            f, g, _ = session.module["measure"](session.primal, batch)
            total = f
            if multipliers is not None and g.numel():
                measured = torch.where(g.isnan(), torch.zeros_like(g), g)
                total = f + (multipliers * measured).sum()
            for sums, value in ((objective, f), (lagrangian, total)):
                for held, part in zip(sums, _gradient(value, parameters), strict=True):
                    held += part / len(batches)
    return objective, lagrangian


def _sets(session: Session) -> list[Held]:
    """The sets that the parameters are kept in, those of feasible copies and bounds among them."""
    held = list(session.held)
    if "copies" in session.module:
        groups = session.module["copies"](session.primal)
        held += [(operator, tensors) for group in groups for _, operator, tensors in group]
    if not held:
        return []
    for variable in session.program.variables:
        low = -math.inf if variable.lower is None else variable.lower
        high = math.inf if variable.upper is None else variable.upper
        if variable.name in session.named and (low > -math.inf or high < math.inf):
            held.append((Box(low, high), [session.named[variable.name]]))
    return held


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
