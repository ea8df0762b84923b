"""Steps and penalties that a spec leaves open, scaled by the problem at its start.

A constraint with a steep gradient is worked on as s g with s = min(1, 100 / max |grad g(x0)|), as
Ipopt does (Waechter and Biegler 2006, section 3.8). A penalty c on s g is the penalty s^2 c on g,
a dual step e on it the step s^2 e, and the multiplier of g is s times that of s g: so it is enough
to scale the numbers, and everything measured and reported stays in the user's units.
"""

import torch
from torch import Tensor

from cspec.runtime.session.session import Session
from cspec.runtime.task import Measure

STEEP = 100.0
"""Largest gradient entry that is left as it is."""
MOST_ENTRIES = 256
"""Constraint vectors longer than this are not scaled: each entry costs one gradient."""


def scaled(values: Tensor, session: Session, measure: Measure, start: int = 0) -> Tensor:
    """values * s^2 for the constraints from entry `start` of the constraint vector on."""
    if len(values) > MOST_ENTRIES:
        return values
    _, g, _ = measure(session.primal, session.whole_batch())
    factors = [_factor(g[start + index], session.parameters) for index in range(len(values))]
    return values * torch.tensor(factors, device=values.device, dtype=values.dtype).square()


def _factor(g: Tensor, parameters: list[torch.nn.Parameter]) -> float:
    if not g.requires_grad:
        return 1.0
    gradients = torch.autograd.grad(g, parameters, retain_graph=True, allow_unused=True)
    steepest = max((float(d.abs().max()) for d in gradients if d is not None), default=0.0)
    return min(1.0, STEEP / steepest) if 0 < steepest < float("inf") else 1.0
