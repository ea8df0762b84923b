"""Samples of a linear structural equation model: x2 = 1.5 x1, x3 = -1.2 x1 + x2, x4 = 1.4 x3."""

import torch

WEIGHTS = torch.tensor([[0, 1.5, -1.2, 0], [0, 0, 1.0, 0], [0, 0, 0, 1.4], [0, 0, 0, 0]])


def samples(n=200):
    """x = noise (I - W)^-1, noise standard normal, n rows."""
    noise = torch.randn(n, 4, generator=torch.Generator().manual_seed(0))
    x = noise @ torch.linalg.inv(torch.eye(4) - WEIGHTS)
    return {"x": x - x.mean(0)}
