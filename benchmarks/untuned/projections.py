"""The nearest point of a set, in plain torch: rows act on the last axis."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Map = Callable[[Tensor], Tensor]


def everywhere(map_of: Map) -> Callable[[nn.Module], None]:
    """Project every weight (two or more axes) of a model in place."""

    def project(module: nn.Module) -> None:
        with torch.no_grad():
            for parameter in module.parameters():
                if parameter.dim() > 1:
                    parameter.copy_(map_of(parameter))

    return project


def simplex(w: Tensor) -> Tensor:
    """Rows >= 0 that sum to 1: max(w - t, 0), t by sorting."""
    sorted_, _ = w.sort(-1, descending=True)
    counts = torch.arange(1, w.shape[-1] + 1, dtype=w.dtype)
    levels = (sorted_.cumsum(-1) - 1) / counts
    last = (sorted_ > levels).sum(-1, keepdim=True) - 1
    return (w - levels.gather(-1, last)).clamp(min=0)


def l1(radius: float) -> Map:
    """All entries: sum of absolute values at most r, by the simplex."""

    def project(w: Tensor) -> Tensor:
        if w.abs().sum() <= radius:
            return w
        flat = simplex(w.abs().reshape(1, -1) / radius) * radius
        return torch.mul(flat.reshape(w.shape), w.sign())

    return project


def l2(radius: float) -> Map:
    """All entries: Euclidean norm at most r."""
    return lambda w: w * (radius / w.norm().clamp(min=radius))


def unit(w: Tensor) -> Tensor:
    """Euclidean norm 1."""
    return torch.div(w, w.norm())


def box(low: float, high: float) -> Map:
    """Entries within an interval."""
    return lambda w: w.clamp(low, high)


def half_space(bound: float) -> Map:
    """Sum of all entries at most a bound."""
    return lambda w: w - (w.sum() - bound).clamp(min=0) / w.numel()


def monotone(w: Tensor) -> Tensor:
    """Rows that do not decrease, by pooling adjacent violators."""
    return torch.stack([_pooled(row) for row in w])


def _pooled(row: Tensor) -> Tensor:
    blocks: list[tuple[float, int]] = []
    for value in row.tolist():
        level, count = value, 1
        while blocks and blocks[-1][0] > level:
            before, size = blocks.pop()
            level = (level * count + before * size) / (count + size)
            count += size
        blocks.append((level, count))
    return torch.cat([torch.full((n,), level, dtype=row.dtype) for level, n in blocks])


def symmetric(w: Tensor) -> Tensor:
    """(W + W.T) / 2."""
    return (w + w.T) / 2


def orthogonal(w: Tensor) -> Tensor:
    """The polar factor U V.T."""
    u, _, v = torch.linalg.svd(w, full_matrices=False)
    return torch.matmul(u, v)


def spectral(radius: float) -> Map:
    """Singular values at most r."""

    def project(w: Tensor) -> Tensor:
        u, s, v = torch.linalg.svd(w, full_matrices=False)
        return torch.matmul(u * s.clamp(max=radius), v)

    return project


def nuclear(radius: float) -> Map:
    """Singular values that sum to at most r."""

    def project(w: Tensor) -> Tensor:
        u, s, v = torch.linalg.svd(w, full_matrices=False)
        return torch.matmul(u * l1(radius)(s), v)

    return project
