"""Steps toward the vertex of a convex set that minimizes the linearized loss.

    s = argmin over S of <grad, s>;  x <- x + t (s - x),  t = 2 / (k + 2)

Frank and Wolfe 1956; Jaggi 2013. x never leaves S, no projection is needed. <grad, x - s> is the
gap: for a convex loss f - f* is at most that, so it certifies the result.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from cspec.runtime.operators import Operator
from cspec.runtime.session.session import Session
from cspec.runtime.steps.late import combined


@torch.no_grad()
def frank_wolfe_(
    operator: Operator, tensors: Sequence[Tensor], step: int, lr: float | None = None
) -> None:
    """One step on parameters that have gradients, which are taken away: no optimizer moves them.

    `step` counts from 1. A gradient that is not finite moves nothing.
    """
    length = min(lr, 1.0) if lr is not None else 2 / (step + 1)
    for tensor in tensors:
        gradient, tensor.grad = tensor.grad, None
        if gradient is None or not bool(torch.isfinite(gradient).all()):
            continue
        tensor.lerp_(operator.lmo(gradient), length)


def gap(operator: Operator, tensors: Sequence[Tensor], gradients: Sequence[Tensor]) -> Tensor:
    """sum of <grad, x - s> over the tensors; at least 0 on the set."""
    parts = [
        (g * (x.detach() - operator.lmo(g))).sum() for x, g in zip(tensors, gradients, strict=True)
    ]
    return torch.stack(parts).sum()


def report_gap(session: Session, name: str, operator: Operator, tensors: Sequence[Tensor]) -> None:
    """Say what the gap on all the data certifies of the last iterate."""
    batch = session.whole_batch()
    found = session.module["measure"](session.primal, batch)
    loss = combined(session.module, found, session.state, batch)
    gradients = torch.autograd.grad(loss, list(tensors))
    found = float(gap(operator, tensors, gradients))
    session.state[f"{name}.gap"] = tensors[0].new_full((1,), found)
    session.notes.append(
        f"{name}: Frank-Wolfe gap {found:.3g} at the last iterate, on all the data; where the loss "
        "is convex in these parameters it is at most this far above its minimum over the set"
    )
