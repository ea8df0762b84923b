"""Reductions within an example: `E[max(prob(f(x)))]` is the largest class, then the mean."""

from __future__ import annotations

from torch import Tensor


def example_max(values: Tensor) -> Tensor:
    """Largest entry of each example, (B,); one number an example is its own."""
    return values if values.ndim < 2 else values.flatten(1).amax(1)


def example_min(values: Tensor) -> Tensor:
    """Smallest entry of each example, (B,); one number an example is its own."""
    return values if values.ndim < 2 else values.flatten(1).amin(1)


def example_sum(values: Tensor) -> Tensor:
    """Sum of each example's entries, (B,); one number an example is its own."""
    return values if values.ndim < 2 else values.flatten(1).sum(1)
