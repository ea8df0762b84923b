"""Requirements on each example: the units of their penalty, and the multipliers that are told.

Multipliers are free, one a row, or a network gives them of a row's features.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from cspec.runtime.methods.units import gradient_rate, size_of, slopes
from cspec.runtime.session.session import Session

LEAST = 1e-3
"""Least slope that counts, in units of |g| over the size of what moves (as of other penalties)."""
STABLE = 0.2
"""Of plain gradient steps: rate x penalty x rows x |grad g|^2."""
FIRST = 10.0
"""Of the first penalty: how much harder all violated rows pull than f holds back."""
HELD = 1e-3
"""Share of the tolerance within which an equation at points holds by itself."""
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
    if equal and not _matters(session, label, values):
        return
    found = values.detach()
    asked = ~torch.isnan(found)
    places = torch.arange(len(values), device=values.device)
    signs = 1.0 - 2.0 * ((places * 2654435761 + session.step * 40503) >> 7 & 1).to(values.dtype)
    signed = (signs * torch.where(asked, values, 0.0)).sum() / asked.sum().clamp(min=1).sqrt()
    over = torch.nan_to_num(found.abs() if equal else torch.relu(found))
    share = (over > 0).to(values.dtype).mean()
    pulls = slopes(f, parameters)[0], slopes(signed, parameters)[0]
    before = state[f"{label}.units"]
    units = torch.maximum(before, torch.stack([*pulls, over.max(), share]).to(before))
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
    signs = [_signs(p, session.step + place) for place, p in enumerate(parameters)]
    bent = _along(_along(f, parameters, signs, again=True), parameters, signs)
    signed = (_signs(values, session.step) * torch.nan_to_num(values)).sum() / len(values) ** 0.5
    steep = slopes(signed, parameters)[0].square()
    seen = torch.stack([bent.to(steep), steep]).to(state[f"{label}.balance"])
    trace, square = found = FADES * state[f"{label}.balance"] + (1 - FADES) * seen
    state[f"{label}.balance"] = found
    if trace > 0 and square > 0 and _matters(session, label, values):
        state[f"{label}.penalty"] = (trace / (rows * square)).reshape(1)


def _matters(session: Session, label: str, values: Tensor) -> bool:
    """Whether points are off by more than what rounding leaves where they hold by themselves.

    Their slope is rounding, too, and a penalty over its square would be beyond all bounds.
    """
    tolerance = min(c.tolerance for c in session.program.constraints if c.label == label)
    return float(torch.nan_to_num(values.detach()).abs().max()) > HELD * tolerance


def _along(
    f: Tensor, parameters: Sequence[Tensor], signs: Sequence[Tensor], again: bool = False
) -> Tensor:
    """The slope of f along the signs, to be derived `again`; 0 where f is the same everywhere."""
    if not f.requires_grad:
        return torch.zeros(())
    slopes_of_f = torch.autograd.grad(
        f, parameters, create_graph=again, retain_graph=True, allow_unused=True
    )
    pairs = [(d, s) for d, s in zip(slopes_of_f, signs, strict=True) if d is not None]
    return torch.stack([(d * s).sum() for d, s in pairs]).sum()


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


# --- multipliers by a network --------------------------------------------------------------------

LOW = -3.9
"""The first output: softplus of it is 0.02."""
ACTS = {"tanh": torch.tanh, "relu": torch.relu}
AT_ONCE = 65_536
"""Rows whose multipliers are told at once."""


def multiplier_network(layers: Sequence[int]) -> Tensor:
    """Parameters of a network as one vector: each layer its weights (out, in), then its offsets.

    Uniform in +-1/sqrt(in), always the same; the last layer gives `LOW` whatever it sees.
    """
    generator = torch.Generator().manual_seed(0)
    parts = []
    for place, (fan_in, out) in enumerate(pairwise(layers)):
        drawn = torch.rand((fan_in + 1) * out, generator=generator, dtype=torch.float64)
        part = (2 * drawn - 1) / fan_in**0.5
        if place == len(layers) - 2:
            part = torch.zeros_like(part)
            part[fan_in * out :] = LOW
        parts.append(part)
    return torch.cat(parts).to(torch.get_default_dtype())


def network_of_columns(
    vector: Tensor, layers: Sequence[int], columns: Sequence[Tensor], act: str, equal: bool
) -> Tensor:
    """softplus(h(x)) of the flattened columns of each row, (B,); of an equality h(x) itself."""
    found = torch.cat([c.detach().reshape(len(c), -1).to(vector) for c in columns], 1)
    start = 0
    for place, (fan_in, out) in enumerate(pairwise(layers)):
        weight, start = vector[start : start + fan_in * out].view(out, fan_in), start + fan_in * out
        offset, start = vector[start : start + out], start + out
        found = found @ weight.T + offset
        found = ACTS[act](found) if place < len(layers) - 2 else found
    own = found[:, 0]
    return own - LOW if equal else torch.nn.functional.softplus(own)


def _unit(state: Mapping[str, Tensor], label: str, rows: int | None) -> Tensor | float:
    """u: by so much all violated rows together hold f back; 1 where steps are given."""
    if rows is None:
        return 1.0
    pull, steep, _, share = state[f"{label}.units"]
    drive = torch.where(pull > 0, pull, 1.0)
    found = FIRST * drive / steep / (rows * share).clamp(min=1)
    return torch.where(steep > 0, found, 0.0)


def climb_network(
    state: dict[str, Tensor],
    label: str,
    layers: Sequence[int],
    columns: Sequence[Tensor],
    values: Tensor,
    moves: bool,
    *,
    lr: float,
    betas: tuple[float, float] | None,
    act: str,
    rows: int | None = None,
    equal: bool = False,
) -> Tensor:
    """The multipliers of a batch's rows, (B,), 0 of those that nothing is asked of.

    Where they move, the network's parameters first climb mean_i g_i m_i, g_i the values.
    """
    asked = ~torch.isnan(values.detach())
    unit = _unit(state, label, rows)
    vector = state[f"{label}.network"].detach()
    if moves:
        with torch.enable_grad():
            free = vector.clone().requires_grad_()
            multipliers = unit * network_of_columns(free, layers, columns, act, equal)
            gain = torch.where(asked, values.detach(), 0.0) * multipliers
            (slope,) = torch.autograd.grad(gain.sum() / asked.sum().clamp(min=1), free)
        vector = vector + lr * (slope if betas is None else _adam(state, label, slope, betas))
        state[f"{label}.network"] = vector
    with torch.no_grad():
        found = unit * network_of_columns(vector, layers, columns, act, equal)
        return torch.where(asked, found, 0.0).to(values)


def _adam(
    state: dict[str, Tensor], label: str, slope: Tensor, betas: tuple[float, float]
) -> Tensor:
    """The direction of Adam (Kingma, Ba 2015); with a second decay of 1 over the largest slopes."""
    size, (first, second) = len(slope), betas
    before = state[f"{label}.moments"]
    step = before[-1] + 1
    mean = first * before[:size] + (1 - first) * slope
    largest = torch.maximum(before[size : 2 * size], slope.square())
    mixed = second * before[size : 2 * size] + (1 - second) * slope.square()
    square = largest if second == 1 else mixed
    state[f"{label}.moments"] = torch.cat([mean, square, step.reshape(1)])
    spread = (square if second == 1 else square / (1 - second**step)).sqrt() + 1e-12
    return mean / (1 - first**step) / spread


def tell_network(
    session: Session,
    label: str,
    layers: Sequence[int],
    columns: Sequence[Tensor],
    *,
    act: str,
    rows: int | None = None,
    equal: bool = False,
) -> None:
    """Note what the network gives all rows that were asked, in the end."""
    state = session.state
    vector, own = state[f"{label}.network"], state[f"{label}.multipliers"]
    with torch.no_grad():
        parts = [
            network_of_columns(vector, layers, [c[i : i + AT_ONCE] for c in columns], act, equal)
            for i in range(0, len(own), AT_ONCE)
        ]
        found = (_unit(state, label, rows) * torch.cat(parts)).to(own)
    session.told_each[label] = torch.where(own != 0, found, 0.0)
