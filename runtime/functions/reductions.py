"""Reductions within an example: `E[max(prob(f(x)))]` is the largest class, then the mean."""

from torch import Tensor


def _entries(values: Tensor, tokens: int) -> Tensor:
    """The entries of each example (and token) in one axis, the last."""
    kept = 1 + tokens
    return values.flatten(kept) if values.ndim > kept else values.unsqueeze(-1)


def example_max(values: Tensor, *, tokens: int = 0) -> Tensor:
    """Largest entry of each example, (B,); one number an example is its own.

    With `tokens` axes of positions behind the examples: of each token.
    """
    return _entries(values, tokens).amax(-1)


def example_min(values: Tensor, *, tokens: int = 0) -> Tensor:
    """Smallest entry of each example, (B,); one number an example is its own."""
    return _entries(values, tokens).amin(-1)


def example_sum(values: Tensor, *, tokens: int = 0) -> Tensor:
    """Sum of each example's entries, (B,); one number an example is its own."""
    return _entries(values, tokens).sum(-1)


def example_all(events: Tensor, *, tokens: int = 0) -> Tensor:
    """Whether an event holds at every entry of an example, (B,)."""
    return _entries(events, tokens).all(-1)


def example_any(events: Tensor, *, tokens: int = 0) -> Tensor:
    """Whether an event holds at some entry of an example, (B,)."""
    return _entries(events, tokens).any(-1)
