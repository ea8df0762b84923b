"""How far requirements are from being met."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def violations(measured: Mapping[str, tuple[Any, Any]], relations: Mapping[str, str]) -> Tensor:
    """The violation of each requirement in its own units, (requirements,) float64; 0: it holds.

    `measured` has (value, bound) by label, `relations` which of them count and how: `<=` counts
    [value - bound]+, `>=` [bound - value]+, `==` |value - bound|, `in` the value, which is the
    largest entry of a set's residual. NaN where a value was not measured.
    """
    return torch.stack([_violation(*measured[label], how) for label, how in relations.items()])


def _violation(value: Any, bound: Any, relation: str) -> Tensor:
    one, other = (torch.as_tensor(side, dtype=torch.float64).cpu() for side in (value, bound))
    if relation == "==":
        return (one - other).abs()
    if relation == ">=":
        return torch.relu(other - one)
    return torch.relu(one - other)
