"""Canonical forms of `gap` and `ratio`: all ordered pairs of groups, each linear in the rates."""

from __future__ import annotations

import torch
from torch import Tensor


def _ordered_pairs(groups: int, device: torch.device) -> tuple[Tensor, Tensor]:
    index = torch.arange(groups, device=device)
    first, second = torch.meshgrid(index, index, indexing="ij")
    different = first != second
    return first[different], second[different]


def differences(rates_G: Tensor, others_G: Tensor | None = None) -> Tensor:
    """r_i - r_j for all ordered pairs i != j, (G (G - 1),): `gap(r) <= b` is `differences <= b`.

    With `others` r_i - o_j: bounds of the rates from above and from below.
    """
    first, second = _ordered_pairs(rates_G.shape[0], rates_G.device)
    return rates_G[first] - (rates_G if others_G is None else others_G)[second]


def ratio_differences(
    rates_G: Tensor, bound: Tensor | float, others_G: Tensor | None = None
) -> Tensor:
    """b r_j - r_i for all ordered pairs: `ratio(r) >= b` is `ratio_differences <= 0`.

    With `others` b o_j - r_i.
    """
    first, second = _ordered_pairs(rates_G.shape[0], rates_G.device)
    return bound * (rates_G if others_G is None else others_G)[second] - rates_G[first]
