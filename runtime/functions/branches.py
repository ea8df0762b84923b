"""Truth of events and rules, and kinks of surrogates that follow what is true."""

from collections.abc import Sequence

import torch
from torch import Tensor


def truth(event: Tensor | bool) -> Tensor:
    """An event as a tensor: `~` of Python's `True` is a number, of a tensor the opposite."""
    return event if isinstance(event, Tensor) else torch.tensor(event)


def implies(premise: Tensor, conclusion: Tensor) -> Tensor:
    """Exact truth of `A => B`: false only where A holds and B does not."""
    return ~premise | conclusion


def at_largest(soft: Sequence[Tensor | float], true: Sequence[Tensor | float]) -> Tensor:
    """The surrogate of what is truly the largest; of equals the one with the larger surrogate.

    Of several numbers or vectors entry by entry, of one vector (G,) -> (). What was not measured
    (NaN) is left out; NaN where nothing was.
    """
    seen, exact = _rows(soft), _rows(true).detach()
    missing = exact.isnan() | seen.detach().isnan()
    exact = exact.masked_fill(missing, -torch.inf)
    behind = missing | (exact < exact.amax(0, keepdim=True))
    found = seen.masked_fill(behind, -torch.inf).amax(0)
    return torch.where(missing.all(0), torch.full_like(found, torch.nan), found)


def at_smallest(soft: Sequence[Tensor | float], true: Sequence[Tensor | float]) -> Tensor:
    """The surrogate of what is truly the smallest; of equals the one with the smaller surrogate."""
    return -at_largest([-item for item in soft], [-item for item in true])


def _rows(items: Sequence[Tensor | float]) -> Tensor:
    """What is compared, along the first dimension."""
    if len(items) == 1:
        return torch.as_tensor(items[0]).reshape(-1)
    like = next(item for item in items if isinstance(item, Tensor))
    made = [torch.as_tensor(item, dtype=like.dtype, device=like.device) for item in items]
    return torch.stack(torch.broadcast_tensors(*made))  # type: ignore[no-untyped-call]
