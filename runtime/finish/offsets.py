"""Where a count is minimized, the offsets of a classifier's outputs, settled on true counts.

    b_k <- b_k + s,     s between two neighboring scores: ranks far and wide, then around the best

A surrogate of a rate ends near the bound and not at it, and its best offset is not that of the
count. The last layer's offset moves a threshold without moving what is learned: it goes where the
objective as written is best and no requirement is violated more than before, on the training data.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from cspec.runtime.methods.threshold import worth
from cspec.runtime.models.remembered import moved_by_offset
from cspec.runtime.session.session import Session

WORK = 2e8
"""Rows x parameters x searches, at most; a search of one output takes about 65 looks."""
CLASSES = 10
"""Outputs, at most."""
SWEEPS = 5
"""Times that all outputs are gone through, at most."""
LOOKS = 32
"""Ranks that are tried all over the examples, and as many around the best of them."""


def settle_offsets(session: Session) -> None:
    """Move the offsets of models that end in a layer with one, where that is better."""
    rows = max((len(data) for data in session.data.values()), default=0)
    size = sum(p.numel() for p in session.parameters)
    if session.interrupted:
        return
    for model, layer in _last_layers(session):
        # Of two outputs only the difference counts.
        places = range(int(layer.out_features == 2), layer.out_features)
        sweeps = int(WORK // max(1, rows * size * len(places)))
        for _ in range(min(sweeps, SWEEPS if len(places) > 1 else 1)):
            with torch.no_grad():
                better = [_settle(session, model, layer, place) for place in places]
            if not any(better):
                break


def _last_layers(session: Session) -> Iterator[tuple[nn.Module, nn.Linear]]:
    """Each classifier that is trained, and the layer at its end with an offset to move."""
    moved = {id(p) for p in session.parameters}
    for model in session.models():
        layers = [m for m in model.modules() if not list(m.children()) and list(m.parameters())]
        last = layers[-1] if layers else None
        if isinstance(last, nn.Linear) and last.out_features <= CLASSES and id(last.bias) in moved:
            yield model, last


def _settle(session: Session, model: nn.Module, layer: nn.Linear, place: int) -> bool:
    """Search the ranks of one output's scores for its best offset; whether it is another."""
    offset, start = layer.bias, layer.bias[place].clone()
    members = [c for c in session.program.constraints if not c.soft]
    margins = _margins(session, layer, place)
    if len(margins) < 2:
        return False
    middles = -(margins[1:] + margins[:-1]) / 2  # the shift at which rank i + 1 is the threshold
    tried: dict[int, tuple[float, float]] = {}
    before = worth(session, members)

    def at_rank(rank: int) -> tuple[float, float]:
        if rank not in tried:
            offset[place] = start + middles[rank]
            least = min((violation for violation, _ in tried.values()), default=math.inf)
            tried[rank] = worth(session, members, most=least)
        return tried[rank]

    most = len(middles) - 1
    at = min(int((margins < 0).sum()), most)
    step = max(1, most // LOOKS)
    # Shares of few examples go up and down from rank to rank, so it is looked far and wide.
    with moved_by_offset(model, layer):
        at = min((at, *range(0, most + 1, step)), key=at_rank)
        while step > 1 and not session.interrupted:
            reach = LOOKS // 2 * (step := max(1, step // LOOKS))
            at = min(range(max(0, at - reach), min(most, at + reach) + 1, step), key=at_rank)
    offset[place] = start + middles[at]
    better = worth(session, members) < before and not session.interrupted
    if not better:
        offset[place] = start
    return better


def _margins(session: Session, layer: nn.Linear, place: int) -> Tensor:
    """How far an output is above the others, or above 0 where it is alone, in order."""
    seen: list[Tensor] = []
    own = layer.bias[place].clone()
    layer.bias[place] += 1  # outputs that are known from before would not be computed
    hook = layer.register_forward_hook(lambda _m, _i, output: seen.append(output.detach()))
    try:
        worth(session, ())  # asks for all outputs
    finally:
        hook.remove()
    layer.bias[place] = own
    if not seen:
        return torch.empty(0)
    scores = torch.cat([s.reshape(-1, layer.out_features) for s in seen])
    others = torch.cat([scores[:, :place], scores[:, place + 1 :]], 1)
    above = scores[:, place] - 1 - (others.amax(1) if others.shape[1] else 0.0)
    different: Tensor = torch.unique(above)
    return different
