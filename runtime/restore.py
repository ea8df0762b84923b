"""From the end of a run to the requirements: minimum-norm Newton steps over whole data.

    x <- x - J' (J J')^-1 g,      g what is violated or was, J its gradients

The step is the shortest that a linear model says is needed, so the objective is moved in the second
order: a violation of 1e-2 becomes one of 1e-9. A rate is flat: its step goes along the gradient of
its surrogate, and the length is found on the true rate. (A feasibility restoration as of filter
methods, Fletcher and Leyffer 2002, with the minimum-norm solution of Nocedal and Wright, ch. 10.)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from cspec.runtime.modes import evaluating
from cspec.runtime.violation import gradient_of, point_of, put

if TYPE_CHECKING:
    from cspec.runtime.session import Session

STEPS = 30
LENGTHS = (1.0, 0.5, 0.25, 2.0, 4.0, 8.0, 16.0, 0.125, 32.0, 0.03)
"""Tried in this order, in units of the step that a linear model takes."""
PROGRESS = 0.99
"""Share of the violation above which a step has not helped."""
MOST = 256
"""Constraints whose gradients are held at once."""


class _Entries(NamedTuple):
    """What is known of the entries of the constraint vector."""

    counted: Tensor
    equal: Tensor
    tolerance: Tensor


def restore(session: Session) -> None:
    """Bring what trained to the nearest point where the requirements hold, if there is one near.

    Kept is the point with the least violation; what it took and moved is told in a note.
    """
    entries = _entries(session)
    if entries is None or session.termination in ("interrupted", "nonfinite"):
        return
    with evaluating(session.models()):
        _restore(session, entries)


def _restore(session: Session, entries: _Entries) -> None:
    f, g, true = _measured(session)
    active = torch.zeros_like(entries.equal)
    before, violation = float(f), _violation(true, entries)
    first, steps = violation, 0
    while violation > 0 and steps < STEPS:
        active |= _short(true, entries)
        direction = _direction(session, g, true, active)
        found = None if direction is None else _along(session, entries, direction, violation)
        if found is None:
            break
        violation, steps = found, steps + 1
        f, g, true = _measured(session)
    if steps:
        met = "0" if violation == 0 else f"{violation:.2g}"
        session.notes.append(
            f"restored: {steps} Newton step{'s' if steps > 1 else ''} on whole data took the "
            f"violation from {first:.2g} to {met} and the objective from {before:.6g} to {float(f):.6g}"
        )


def _measured(session: Session) -> tuple[Tensor, Tensor, Tensor]:
    f, g, true = session.module["measure"](session.primal, session.whole_batch())
    return f, g, true


def _entries(session: Session) -> _Entries | None:
    hard = [c for c in session.program.constraints if c.segment and not c.soft]
    size = max((c.segment[1] for c in session.program.constraints if c.segment), default=0)
    if not hard or not session.parameters:
        return None
    counted, equal = (torch.zeros(size, dtype=torch.bool, device=session.device) for _ in range(2))
    tolerance = torch.zeros(size, dtype=torch.float64, device=session.device)
    for c in hard:
        assert c.segment is not None
        where = slice(*c.segment)
        counted[where], equal[where], tolerance[where] = True, c.equal, c.tolerance
    return _Entries(counted, equal, tolerance)


def _amounts(true: Tensor, entries: _Entries) -> Tensor:
    true = torch.nan_to_num(true.detach().double())
    amounts = torch.where(entries.equal, true.abs(), torch.relu(true))
    return torch.where(entries.counted, amounts, 0.0)


def _short(true: Tensor, entries: _Entries) -> Tensor:
    """What is violated by more than its tolerance; half of it, so that rounding decides nothing."""
    return _amounts(true, entries) > 0.5 * entries.tolerance


def _violation(true: Tensor, entries: _Entries) -> float:
    amounts = torch.where(_short(true, entries), _amounts(true, entries), 0.0)
    return float(amounts.norm())


def _direction(session: Session, g: Tensor, true: Tensor, active: Tensor) -> Tensor | None:
    """The shortest step that a linear model takes to what is asked."""
    rows = active.nonzero().flatten().tolist()[:MOST]
    jacobian = torch.stack([gradient_of(g[row], session.parameters) for row in rows])
    size = jacobian.norm(dim=1, keepdim=True)
    if not bool((size > 0).any()):
        return None
    jacobian = jacobian / size.clamp(min=1e-300)
    asked = torch.nan_to_num(true.detach().double()[rows]) / size.squeeze(1).clamp(min=1e-300)
    found = torch.linalg.lstsq(jacobian @ jacobian.T, asked.unsqueeze(1), driver="gelsd").solution
    direction = -(jacobian.T @ found).squeeze(1)
    return direction if bool(torch.isfinite(direction).all()) else None


def _along(
    session: Session, entries: _Entries, direction: Tensor, violation: float
) -> float | None:
    """Go the length that leaves the least violation; None, and back, where none lowers it."""
    start = point_of(session.parameters)
    best, place = violation, start
    for length in LENGTHS:
        put(session.parameters, start + length * direction)
        if "project" in session.module:
            session.module["project"](session.primal, None, 1.0)
        with torch.no_grad():
            found = _violation(_measured(session)[2], entries)
        if math.isfinite(found) and found < best:
            best, place = found, point_of(session.parameters)
            if found <= 0.5 * violation:
                break
    put(session.parameters, place)
    return best if best <= PROGRESS * violation else None


__all__ = ["restore"]
