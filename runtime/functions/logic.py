"""Truth of events and rules."""

import torch
from torch import Tensor


def truth(event: Tensor | bool) -> Tensor:
    """An event as a tensor: `~` of Python's `True` is a number, of a tensor the opposite."""
    return event if isinstance(event, Tensor) else torch.tensor(event)


def implies(premise: Tensor, conclusion: Tensor) -> Tensor:
    """Exact truth of `A => B`: false only where A holds and B does not."""
    return ~premise | conclusion
