"""Gradients, Jacobians and Hessians by automatic differentiation, many rows in one pass."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Matrix = NDArray[np.float64]
Places = NDArray[np.signedinteger[Any]]

CHUNK = 256
"""Rows of one batched backward pass: memory stays at a few hundred times the forward pass."""


def gradient(value: Tensor, tensors: Sequence[Tensor]) -> Matrix:
    """d value / d x, flat; 0 where it does not depend on a variable."""
    if not value.requires_grad:
        return np.zeros(sum(t.numel() for t in tensors))
    found = torch.autograd.grad(value, tensors, retain_graph=True, allow_unused=True)
    return np.array(_flat(found, tensors, None).detach().numpy())


def jacobian(values: Tensor, places: Places, tensors: Sequence[Tensor], size: int) -> Matrix:
    """Rows d values[place] / d x of the places asked for, (rows, n)."""
    rows = np.zeros((len(places), size))
    if not values.requires_grad:
        return rows
    for start in range(0, len(places), CHUNK):
        chosen = places[start : start + CHUNK]
        seeds = torch.zeros(len(chosen), len(values), dtype=values.dtype)
        seeds[torch.arange(len(chosen)), torch.as_tensor(chosen)] = 1.0
        rows[start : start + len(chosen)] = _pulled(values, seeds, tensors).numpy()
    return rows


def hessian(value: Tensor, tensors: Sequence[Tensor], size: int) -> Matrix:
    """Second derivatives of `value`, symmetric, (n, n)."""
    found = np.zeros((size, size))
    if not value.requires_grad:
        return found
    with torch.enable_grad():
        first = torch.autograd.grad(
            value, tensors, create_graph=True, retain_graph=True, allow_unused=True
        )
        slope = _flat(first, tensors, None)
    if not slope.requires_grad:
        return found
    found = jacobian(slope, np.arange(size), tensors, size)
    return np.asarray((found + found.T) / 2)


def _pulled(values: Tensor, seeds: Tensor, tensors: Sequence[Tensor]) -> Tensor:
    """One backward pass for many seeds; row by row where an operation can't be batched."""
    try:
        found = torch.autograd.grad(
            values, tensors, seeds, retain_graph=True, allow_unused=True, is_grads_batched=True
        )
        return _flat(found, tensors, len(seeds)).detach()
    except RuntimeError:
        rows = [
            torch.autograd.grad(values, tensors, seed, retain_graph=True, allow_unused=True)
            for seed in seeds
        ]
        return torch.stack([_flat(row, tensors, None) for row in rows]).detach()


def _flat(found: Sequence[Tensor | None], tensors: Sequence[Tensor], rows: int | None) -> Tensor:
    lead = () if rows is None else (rows,)
    parts = [
        torch.zeros(*lead, t.numel(), dtype=torch.float64)
        if d is None
        else d.double().reshape(*lead, t.numel())
        for t, d in zip(tensors, found, strict=True)
    ]
    return torch.cat(parts, dim=-1)
