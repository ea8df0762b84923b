"""Requirements on points, and what is minimized beside them, settled on points that do not change.

    minimize f(x) + sum_i ([m_i + c_i g_i(x)]+^2 - m_i^2) / (2 c_i)     by L-BFGS, 6 times,
    m_i <- [m_i + c_i g_i]+, c_i <- 4 c_i                               m_i + c_i h_i of equalities

Steps on points that are drawn anew end as far from what is asked as their noise and their rate
leave them, and the shortest way from there costs much of the fit. So a few rounds of an augmented
Lagrangian follow, from the penalties of the run, on points of steps that would have come next. The
gradient of f has no noise there, and multipliers follow. It is taken where it violates less.

Hestenes 1969, Powell 1969, Rockafellar 1974; Nocedal 1980 (L-BFGS).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from cspec.runtime.finish.violation import point_of, put
from cspec.runtime.models.without_trace import as_deployed
from cspec.runtime.session.session import Session
from cspec.runtime.session.with_examples import each_of, with_examples
from cspec.runtime.steps.torch_optimizers import LBFGS

BATCHES = 2
"""Steps whose points stand for all."""
ROUNDS, ITERATIONS = 6, 100
"""Rounds, and gradients of each at most."""
NEAR, ENOUGH = 0.5, 0.75
"""Shares of the tolerance at which rounds end, and up to which nothing is restored."""
GROWTH = 4.0
"""Of the penalties, which begin as in the run, from round to round."""
SHARE = 0.75
"""Gradients of batches, of all rounds together, as a share of the steps of the run, at most."""


def settle_points(session: Session) -> bool:
    """Move the parameters to where requirements on points and what is minimized agree.

    L-BFGS knows of no sets: parameters that are held in some are left to the restoration.
    Whether all points are well within their tolerance then, and nothing is left to restore.
    """
    parameters, whole = session.parameters, with_examples(session)
    drawn = any(data.draws is not None for data in session.data.values())
    steps = range(session.total_steps, session.total_steps + BATCHES)
    batches = [session.batch_at(step) for step in steps] if drawn else [session.whole_batch()]
    left = round(SHARE * session.total_steps / len(batches))
    if session.interrupted or whole.vector or session.held:
        return False
    each = each_of(whole.constraints)
    sizes = [len(session.data[str(c.each)]) for c in each]
    equal = torch.cat([torch.full((n,), c.equal) for c, n in zip(each, sizes, strict=True)])
    equal = equal.to(session.device)
    c = torch.cat(
        [session.state[f"{c.label}.penalty"].expand(n) for c, n in zip(each, sizes, strict=True)]
    )
    if not bool((c > 0).all()):
        return False

    def measured() -> tuple[Tensor, Tensor]:
        found = [whole.measure(session.primal, batch)[:2] for batch in batches]
        return torch.stack([f.reshape(()) for f, _ in found]).mean(), found[0][1]

    def violation(g: Tensor) -> float:
        return float(torch.where(equal, g.abs(), torch.relu(g)).max())

    m = torch.zeros_like(c)
    start, best = point_of(parameters), None
    tolerance = min(constraint.tolerance for constraint in each)
    with as_deployed(session.models()):
        with torch.no_grad():
            least = violation(measured()[1])
        for rounds in range(ROUNDS, 0, -1):
            most = max(1, min(ITERATIONS, left // rounds))
            left -= _descend(session, most, lambda: _lagrangian(*measured(), m, c, equal))  # noqa: B023
            with torch.no_grad():
                g = measured()[1]
            m = _weights(g, m, c, equal)
            if not bool(torch.isfinite(m).all()) or session.interrupted:
                break
            if violation(g) < least:
                least, best = violation(g), (point_of(parameters), m)
            if least <= NEAR * tolerance or left <= 0:
                break
            c = GROWTH * c
    put(parameters, start if best is None else best[0])
    if best is not None:
        for constraint, own in zip(each, torch.split(best[1], sizes), strict=True):
            session.told_each[constraint.label] = own
    return least <= ENOUGH * tolerance


def _weights(g: Tensor, m: Tensor, c: Tensor, equal: Tensor) -> Tensor:
    pulled = m + c * g
    return torch.where(equal, pulled, torch.relu(pulled))


def _lagrangian(f: Tensor, g: Tensor, m: Tensor, c: Tensor, equal: Tensor) -> Tensor:
    return f + ((_weights(g, m, c, equal).square() - m.square()) / (2 * c)).sum()


def _descend(session: Session, most: int, value: Callable[[], Tensor]) -> int:
    """Go down by L-BFGS; how many gradients it took."""
    optimizer = LBFGS(
        session.parameters,
        max_iter=most,
        max_eval=most,
        history_size=50,
        tolerance_grad=1e-9,
        tolerance_change=1e-12,
        line_search_fn="strong_wolfe",
    )
    taken = 0

    def closure() -> float:
        nonlocal taken
        taken += 1
        optimizer.zero_grad()
        found = value()
        found.backward()  # type: ignore[no-untyped-call]
        return float(found.detach())

    optimizer.step(closure)
    optimizer.zero_grad()
    return taken
