"""A shift of a classifier's score, found after training (`by threshold`)."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.measure.requirements import excess
from cspec.runtime.models.without_trace import measuring
from cspec.runtime.session.session import Session

BUFFER = "decision_shift"
CANDIDATES = 400
"""Most shifts that are tried: quantiles of the scores beyond that."""


def add_shift(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
    """A forward hook: f(x) + s."""
    shift: Tensor = getattr(module, BUFFER)
    return output + shift.to(output)


def shiftable_(model: nn.Module) -> None:
    """Give a model a shift of its output, 0 at first; it is saved with the model."""
    if not hasattr(model, BUFFER):
        like = next(model.parameters(), torch.empty(0))
        model.register_buffer(BUFFER, like.new_zeros(1))
        model.register_forward_hook(add_shift)
    with torch.no_grad():
        getattr(model, BUFFER).zero_()


def worth(
    session: Session, members: Sequence[ConstraintFacts], most: float = math.inf
) -> tuple[float, float]:
    """What is violated most of these, then the objective with preferences; smaller is better.

    Where more than `most` is violated the objective does not matter, and is infinite.
    """
    found = session.measurer.values(session.measurer.columns())
    violation = max((excess(c, *found[c.label]) for c in members), default=0.0)
    if violation > most:
        return violation, math.inf
    preference = session.watch.preference_in_training(session.measurer)
    return violation, session.sign * session.objective_on() + preference


def shift_threshold(session: Session, name: str, dataset: str, labels: Sequence[str]) -> None:
    """Choose the shift of least loss among those at which the constraints named hold.

    Candidates are midpoints between neighboring scores of the dataset, and no shift.
    """
    model = session.primal[name]
    shift = getattr(model, BUFFER)
    members = [c for c in session.program.constraints if c.label in labels]
    with torch.no_grad():
        shift.zero_()  # a resumed run may have shifted already
    with measuring([model]):
        scores = model(session.data[dataset]["x"]).flatten().sort().values
    middles = -(scores[1:] + scores[:-1]) / 2
    ends = torch.stack([-scores[-1] - 1, -scores[0] + 1])
    tried = torch.cat([shift.new_zeros(1), middles.to(shift), ends.to(shift)])
    if len(tried) > CANDIDATES:
        picks = torch.linspace(1, len(tried) - 1, CANDIDATES - 1).long()
        tried = torch.cat([tried[:1], tried[1:].sort().values[picks - 1]])
    best, chosen = (float("inf"), float("inf")), 0.0
    for candidate in tried.tolist():
        with torch.no_grad():
            shift.fill_(candidate)
        rank = worth(session, members)
        if rank < best:
            best, chosen = rank, candidate
    with torch.no_grad():
        shift.fill_(chosen)
    session.notes.append(
        f"{', '.join(labels)}: the score of `{name}` was shifted by {chosen:.4g} after training"
        + ("" if best[0] == 0 else "; no shift meets the requirement on the training data")
    )
