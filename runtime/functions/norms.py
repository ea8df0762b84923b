"""Norms of tensors: entrywise ones, and those of a weight seen as a matrix (outputs, rest).

Every gradient is finite, also at zero, where the zero subgradient is chosen.
"""

import torch
from torch import Tensor

from cspec.runtime.functions.statistics import as_numbers


def _entries(values: Tensor, per_example: bool) -> Tensor:
    """Rows over which a norm is taken: all entries, or those of one example after another."""
    values = as_numbers(values)
    if not per_example:
        return values.reshape(-1)
    return values.flatten(1) if values.ndim > 1 else values.unsqueeze(-1)


def _quasi_norm(entries: Tensor, p: float) -> Tensor:
    """(sum |v|^p)^(1/p) for 0 < p < 1, whose true slope at a zero entry is infinite."""
    sizes = entries.abs()
    nonzero = sizes > 0
    powers = torch.where(nonzero, torch.where(nonzero, sizes, 1.0) ** p, 0.0)
    total = powers.sum(-1)
    positive = total > 0
    return torch.where(positive, torch.where(positive, total, 1.0) ** (1 / p), 0.0)


def norm(values: Tensor, p: float, *, per_example: bool = False) -> Tensor:
    """Entrywise norm `(sum |v|^p)^(1/p)`, whatever the shape; 0-dim, or (B,) per example.

    `p = inf` is the largest |v|; `p = 0` counts the entries that are not zero (no gradient).

    Raises:
        ValueError: a negative p.
    """
    entries = _entries(values, per_example)
    if not p >= 0:
        raise ValueError(f"norm needs p >= 0, but it is {p}")
    if p == 0:
        return (entries != 0).sum(-1).to(entries.dtype)
    if p < 1:
        return _quasi_norm(entries, p)
    if p == torch.inf:
        return entries.abs().amax(-1)
    if p == 1:
        return entries.abs().sum(-1)
    lengths: Tensor = torch.linalg.vector_norm(entries, p, dim=-1)
    return lengths


def l1(values: Tensor, *, per_example: bool = False) -> Tensor:
    """Sum of absolute values, norm(v, 1)."""
    return norm(values, 1, per_example=per_example)


def l2(values: Tensor, *, per_example: bool = False) -> Tensor:
    """Euclidean (Frobenius) norm, norm(v, 2): not squared."""
    return norm(values, 2, per_example=per_example)


def sumsq(values: Tensor, *, per_example: bool = False) -> Tensor:
    """Sum of squares."""
    return _entries(values, per_example).square().sum(-1)


def as_matrix(weight: Tensor) -> Tensor:
    """A weight as (outputs, rest), the matrix that `spectral`, `nuclear` and sets speak of."""
    return weight.reshape(weight.shape[0], -1) if weight.ndim > 1 else weight.reshape(1, -1)


def _svd(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor] | None:
    """Singular vectors and values without gradient; None for a matrix that has none (NaN, inf).

    Float32 solvers fail on some near-orthogonal matrices, so a failure is tried in float64.
    """
    matrix = matrix.detach()
    for dtype in dict.fromkeys((matrix.dtype, torch.float64)):
        try:
            U, S, Vh = torch.linalg.svd(matrix.to(dtype), full_matrices=False)
        except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
            continue
        return U.to(matrix.dtype), S.to(matrix.dtype), Vh.to(matrix.dtype)
    return None


def _not_measured(matrix: Tensor) -> Tensor:
    return matrix.new_full((), torch.nan)


def spectral(weight: Tensor) -> Tensor:
    """Largest singular value of the weight as (outputs, rest); 0-dim.

    Value and (sub)gradient are those of `u' W v` with the leading singular vectors held fixed:
    `u v'`, and zero at W = 0. Second derivatives are not available. NaN for non-finite weights.
    """
    matrix = as_matrix(weight)
    factors = _svd(matrix)
    if factors is None:
        return _not_measured(matrix)
    U, S, Vh = factors
    return (U[:, 0] @ matrix @ Vh[0]) * (S[0] > 0)


def nuclear(weight: Tensor) -> Tensor:
    """Sum of the singular values of the weight as (outputs, rest); 0-dim.

    The subgradient is `U V'` over the singular values above rounding; see `spectral`.
    """
    matrix = as_matrix(weight)
    factors = _svd(matrix)
    if factors is None:
        return _not_measured(matrix)
    U, S, Vh = factors
    rounding = S[0] * max(matrix.shape) * torch.finfo(matrix.dtype).eps
    return (((U * (rounding < S)) @ Vh) * matrix).sum()
