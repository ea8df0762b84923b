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


def tell_each(session: Session, label: str) -> None:
    """Note the multipliers that the result tells: the mean of late ones, where there are any."""
    state = session.state
    moves, own = state[f"{label}.moves"], state[f"{label}.multipliers"]
    late = state[f"{label}.late"] / moves.clamp(min=1)
    session.told_each[label] = torch.where(moves > 0, late, own)
