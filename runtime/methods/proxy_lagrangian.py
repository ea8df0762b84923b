"""The multiplier player of `proxy_lagrangian` (Cotter, Jiang and Sridharan 2019)."""

import math

import torch
from torch import Tensor

from cspec.runtime.operators import Simplex

SMALLEST = 1e-8
"""Least weight of the objective: multipliers are weights divided by it."""


def payoffs(true: Tensor) -> Tensor:
    """q = (0, g_1, .., g_m): the objective pays nothing, nor does what was not measured."""
    return torch.cat([true.new_zeros(1), torch.nan_to_num(true, nan=0.0)])


def external_regret(weights: Tensor, true: Tensor, lr: float) -> Tensor:
    """l <- P_simplex(l + lr q): projected gradient ascent."""
    moved: Tensor = Simplex().project(weights + lr * payoffs(true).to(weights))
    return moved


def swap_regret(matrix: Tensor, true: Tensor, lr: float, least: float) -> Tensor:
    """log M <- log M + lr q l', l = M l; columns sum to 1, entries are at least least / (m + 1).

    `matrix` is M row by row, as a vector.
    """
    q = payoffs(true).to(matrix)
    size = len(q)
    logs = matrix.reshape(size, size).log() + lr * torch.outer(q, stationary(matrix))
    logs = logs - torch.logsumexp(logs, dim=0, keepdim=True)
    columns = logs.clamp(min=math.log(least / size)).exp()
    return (columns / columns.sum(dim=0, keepdim=True)).reshape(-1)


def stationary(matrix: Tensor) -> Tensor:
    """l with M l = l and sum 1, of a column-stochastic M with positive entries (row by row)."""
    size = math.isqrt(len(matrix))
    equations = matrix.reshape(size, size).double() - torch.eye(size, device=matrix.device)
    equations[-1] = 1.0
    right = torch.zeros(size, dtype=torch.float64, device=matrix.device)
    right[-1] = 1.0
    found: Tensor = torch.linalg.solve(equations, right).clamp(min=0)
    shares: Tensor = (found / found.sum()).to(matrix)
    return shares


def objective_share(weights: Tensor) -> Tensor:
    """l_0, at least a little."""
    return weights[:1].clamp(min=SMALLEST)


def constraint_shares(weights: Tensor) -> Tensor:
    """l_1, .., l_m."""
    return weights[1:]
