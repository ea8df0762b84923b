"""Canonical forms of `gap`, `ratio` and their sums: all pairs of groups, each linear in rates."""

from functools import lru_cache

import torch
from torch import Tensor


@lru_cache(maxsize=64)
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


def every_sum(*terms: Tensor | float) -> Tensor:
    """u_i + v_j + ... for all entries of all terms: the largest is max(u) + max(v) + ...

    The entries of the last term run fastest; (M N ...,) for M, N, ... entries.
    """
    first, *others = (torch.as_tensor(term).reshape(-1) for term in terms)
    for other in others:
        first = (first.unsqueeze(1) + other.to(first.device)).reshape(-1)
    return first
