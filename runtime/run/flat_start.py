"""Variables that start where a requirement is violated and has no slope: moved beside it.

abs(x) >= 1 at x = 0, norm(x, 1) >= 1 at 0: steps leave such a point where the objective has a slope
alone. So does the start: by chance in all other entries.
"""

import math

import torch
from torch import Tensor

from cspec.dsl.messages.wording import listing
from cspec.dsl.settings.methods import SOLVERS
from cspec.runtime.measure.slopes import gradients
from cspec.runtime.models.without_trace import as_deployed
from cspec.runtime.session.session import Session

BESIDE = 1e-3
"""How far, in max(1, |x|)."""
MOST_ENTRIES = 256
"""Constraint vectors longer than this are not looked at: each entry costs one gradient."""


def leave_flat_start(session: Session) -> None:
    """Move variables, before the first step, off a point where a violated requirement is flat.

    Solvers choose starts of their own.
    """
    moved = [v for v in session.program.variables if v.name in session.named]
    if not moved or session.step or session.program.method in SOLVERS:
        return
    flat, slopes = _flat(session, [session.named[v.name] for v in moved])
    if not flat or all(bool(slope.all()) for slope in slopes):
        return
    random = torch.Generator().manual_seed(session.seed)
    with torch.no_grad():
        for v, slope in zip(moved, slopes, strict=True):
            x = session.named[v.name]
            step = torch.randn(x.shape, generator=random, dtype=torch.float64).to(x)
            step = torch.where(slope == 0, step, -step.abs() * slope.sign())
            low = -math.inf if v.lower is None else v.lower
            high = math.inf if v.upper is None else v.upper
            x.add_(BESIDE * x.abs().clamp(1) * step).clamp_(low, high)
    names = listing(flat, "and")
    session.notes.append(f"{names}: violated and without a slope at the start: started beside it")


def _flat(session: Session, variables: list[Tensor]) -> tuple[list[str], list[Tensor]]:
    """The requirements that are violated and depend on variables, and have no slope; that of the
    objective, by variable.
    """
    with as_deployed(session.models()), torch.random.fork_rng():
        f, g, true = session.module["measure"](session.primal, session.whole_batch())
    if len(true) > MOST_ENTRIES or not g.requires_grad:
        return [], []
    found = []
    for c in session.program.constraints:
        for place in range(*(c.segment or (0, 0))):
            off = abs(float(true[place])) if c.equal else float(true[place])
            if off > c.tolerance and _no_slope(g[place], variables, session.parameters):
                found.append(c.label)
    return list(dict.fromkeys(found)), gradients(f, variables) if found else []


def _no_slope(g: Tensor, variables: list[Tensor], parameters: list[torch.nn.Parameter]) -> bool:
    """Whether a function depends on variables, and all its derivatives are 0."""
    slopes = torch.autograd.grad(g, [*variables, *parameters], retain_graph=True, allow_unused=True)
    known = [slope for slope in slopes if slope is not None]
    depends = any(slope is not None for slope in slopes[: len(variables)])
    return depends and not any(bool(slope.any()) for slope in known)
