"""Truth of rules on the events of examples."""

from torch import Tensor


def implies(premise: Tensor, conclusion: Tensor) -> Tensor:
    """Exact truth of `A => B`: false only where A holds and B does not."""
    return ~premise | conclusion
