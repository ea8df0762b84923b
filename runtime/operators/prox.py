"""Proximal maps of regularizers: prox_{t r}(v) = argmin_s t r(s) + ||s - v||^2 / 2.

The proximal map of a set is its projection (`Operator.prox`). With an adaptive optimizer these
maps belong to its preconditioned metric; as they stand they fit plain gradient steps and ADMM.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from cspec.runtime.operators.balls import Ball, require_radius
from cspec.runtime.operators.linear_algebra import as_matrix, norm
from cspec.runtime.operators.spectrum import with_singular_values


def prox_l1(v: Tensor, step: float) -> Tensor:
    """r(s) = ||s||_1: soft threshold sign(v) max(|v| - step, 0)."""
    require_radius(step, "prox_l1")
    return v - v.clamp(-step, step)


def prox_l2_squared(v: Tensor, step: float) -> Tensor:
    """r(s) = ||s||_2^2: v / (1 + 2 step)."""
    require_radius(step, "prox_l2_squared")
    return v / (1 + 2 * step)


def prox_elastic(v: Tensor, step: float, mix: float = 0.5) -> Tensor:
    """r(s) = mix ||s||_1 + (1 - mix) ||s||_2^2: soft threshold, then scale."""
    return prox_l2_squared(prox_l1(v, step * mix), step * (1 - mix))


def prox_l2(v: Tensor, step: float) -> Tensor:
    """r(s) = ||s||_2: v max(1 - step / ||v||, 0)."""
    require_radius(step, "prox_l2")
    length = norm(v)
    return v * torch.relu(1 - step / torch.where(length > 0, length, 1.0))


def prox_group_l2(v: Tensor, step: float) -> Tensor:
    """r(s) = sum of the norms of the rows of (outputs, rest): the l2 map row by row."""
    require_radius(step, "prox_group_l2")
    if v.numel() == 0:
        return v.clone()
    rows = as_matrix(v)
    length = norm(rows, dim=1, keepdim=True)
    ratio = torch.relu(1 - step / torch.where(length > 0, length, 1.0))
    return (rows * ratio).reshape(v.shape)


def prox_linf(v: Tensor, step: float) -> Tensor:
    """r(s) = max |s|: v - P(v) with P the projection on the l1 ball of radius step (Moreau)."""
    return v - Ball(step, norm=1).project(v)


def prox_nuclear(v: Tensor, step: float) -> Tensor:
    """r(S) = sum of singular values: soft threshold of the singular values."""
    require_radius(step, "prox_nuclear")
    return with_singular_values(v, lambda S: torch.relu(S - step))


PROXIMAL_MAPS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "l1": prox_l1,
    "l2": prox_l2,
    "l2_squared": prox_l2_squared,
    "elastic": prox_elastic,
    "group_l2": prox_group_l2,
    "linf": prox_linf,
    "nuclear": prox_nuclear,
}
