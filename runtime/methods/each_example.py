"""Requirements on each example: the units of their penalty, and the multipliers that are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cspec.runtime.methods.units import gradient_rate, size_of, slopes

if TYPE_CHECKING:
    from cspec.runtime.session.session import Session

LEAST = 1e-3
"""Least slope that counts, in units of |g| over the size of what moves (as of other penalties)."""
STABLE = 0.2
"""Of plain gradient steps: rate x penalty x rows x |grad g|^2."""
FIRST = 10.0
"""Of the first penalty: how much harder all violated rows pull than f holds back."""
FADES = 0.9
"""What stays of a mean of late steps, each time it is looked at."""
MOST = 10.0
"""The cap of a penalty, in units of the first one of a row that is violated alone."""


def units_of_each(
    session: Session, label: str, f: Tensor, values: Tensor, rows: int, *, equal: bool = False
) -> None:
    """penalty <- |grad f| / (|x| s + violation) / s / (rows x share), of the slopes so far.

    s is the root mean square of |grad g_i| over the batch, from one gradient: that of a sum with
    signs, sum_i e_i g_i, whose square is sum_i |grad g_i|^2 in the mean over signs. The signs
    follow from the places in the batch, so no generator moves. `share` is the largest share of
    violated rows, violation the largest; where nothing is minimized |grad f| counts as 1.
    """
    state, parameters = session.state, session.parameters
    found = values.detach()
    asked = ~torch.isnan(found)
    places = torch.arange(len(values), device=values.device)
    signs = 1.0 - 2.0 * ((places * 2654435761 + session.step * 40503) >> 7 & 1).to(values.dtype)
    signed = (signs * torch.where(asked, values, 0.0)).sum() / asked.sum().clamp(min=1).sqrt()
    over = torch.nan_to_num(found.abs() if equal else torch.relu(found))
    share = (over > 0).to(values.dtype).mean()
    seen = torch.stack(
        [
            slopes(f, parameters)[0],
            slopes(signed, parameters)[0],
            over.max(),
            share,
        ]
    ).to(state[f"{label}.units"])
    units = torch.maximum(state[f"{label}.units"], seen)
    pull, steep, far, share = units
    size = size_of(parameters).to(units)
    slope = torch.maximum(steep, LEAST * far / size.clamp(1))
    drive = torch.where(pull > 0, pull, 1.0)
    alone = FIRST * drive / (size * slope + far) / slope  # of one violated row
    stable = STABLE / (gradient_rate(session.optimizer) * rows * steep.square())
    first = torch.minimum(alone / (rows * share).clamp(min=1), stable)
    state[f"{label}.units"] = units
    state[f"{label}.penalty"] = torch.where(steep > 0, first, 0.0).reshape(1)
    state[f"{label}.most"] = torch.minimum(MOST * alone, stable).reshape(1)


def balance_each(session: Session, label: str, f: Tensor, values: Tensor, rows: int) -> None:
    """penalty <- tr(H_f) / (rows s^2), s^2 the mean of |grad g_i|^2, both means of late steps.

    Of f = mean r^2 the trace is 2 mean |grad r|^2 near a fit, so f and the mean square of g, times
    rows x penalty / 2, move outputs equally fast (the traces of neural tangent kernels: Wang, Yu,
    Perdikaris 2022). Both are of one vector of signs a step, in the mean over signs exact
    (Hutchinson 1990). Signs follow from places and the step, so no generator moves.
    """
    state, parameters = session.state, session.parameters
    slopes_of_f = torch.autograd.grad(f, parameters, create_graph=True, allow_unused=True)
    signs = [_signs(p, session.step + place) for place, p in enumerate(parameters)]
    pairs = [(d, s) for d, s in zip(slopes_of_f, signs, strict=True) if d is not None]
    along = torch.stack([(d * s).sum() for d, s in pairs]).sum()
    curved = torch.autograd.grad(along, parameters, retain_graph=True, allow_unused=True)
    bent = sum((float((d * s).sum()) for d, s in zip(curved, signs, strict=True) if d is not None))
    signed = (_signs(values, session.step) * torch.nan_to_num(values)).sum() / len(values) ** 0.5
    steep = slopes(signed, parameters)[0].square()
    seen = torch.stack([torch.as_tensor(bent).to(steep), steep]).to(state[f"{label}.balance"])
    trace, square = found = FADES * state[f"{label}.balance"] + (1 - FADES) * seen
    state[f"{label}.balance"] = found
    if trace > 0 and square > 0:
        state[f"{label}.penalty"] = (trace / (rows * square)).reshape(1)


def _signs(like: Tensor, step: int) -> Tensor:
    """-1 or 1 for each entry, by a hash of its place and the step."""
    places = torch.arange(like.numel(), device=like.device)
    mixed = (places * 2654435761 + step * 40503 + (places ^ step) * 97) >> 7
    return (1.0 - 2.0 * (mixed & 1).to(like.dtype)).reshape(like.shape)


def tell_each(session: Session, label: str) -> None:
    """Note the multipliers that the result tells: the mean of late ones, where there are any."""
    state = session.state
    moves, own = state[f"{label}.moves"], state[f"{label}.multipliers"]
    late = state[f"{label}.late"] / moves.clamp(min=1)
    session.told_each[label] = torch.where(moves > 0, late, own)
