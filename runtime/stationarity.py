"""How close the end of a run is to a stationary point of its Lagrangian."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cspec.runtime.modes import evaluating, undisturbed

if TYPE_CHECKING:
    from cspec.runtime.session import Session

ROWS = 20_000
"""Larger data are represented by a few batches."""
BATCHES = 16
SMALL = 1e-2
"""Residual below which multipliers are taken for prices."""
NEAR = 1e-6
"""Distance, relative to max(1, |x|), within which a variable is at its bound: solvers round."""


def _gradient(value: Tensor, parameters: list[torch.nn.Parameter]) -> list[Tensor]:
    if not value.requires_grad:
        return [torch.zeros_like(p) for p in parameters]
    found = torch.autograd.grad(value, parameters, allow_unused=True, retain_graph=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]


def _norm(parts: list[Tensor]) -> float:
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


def residual(session: Session) -> float:
    """||grad(f + <multipliers, g>)|| / ||grad f||, in evaluation mode; NaN where f is flat.

    On the whole data, or on 16 batches where they are more than 20,000 rows. Unmeasured entries
    of g count nothing; components that the bounds of a variable hold back count nothing. A
    projected gradient method measured its own.
    """
    if session.projected_gradient is not None:
        return session.projected_gradient
    if "residual" in session.state:  # of a smooth problem in place of one with kinks
        return float(session.state["residual"])
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
    flat = _norm(objective)
    return _norm(_free(session, lagrangian)) / flat if flat > 0 else math.nan
