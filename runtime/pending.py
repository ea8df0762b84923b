"""Measurements that wait for the optimizer's step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Pending:
    """True constraints of one call of `loss`, and whether its gradient has been computed."""

    true: Tensor
    examples: int
    used: bool = False


def average(measurements: Sequence[Pending]) -> Tensor | None:
    """Mean of the true constraints, each call weighing as many examples as it had.

    Entry by entry, over the calls that measured it; NaN where none did. Equal to the value on all
    the examples together where a constraint is a mean over examples or a function of parameters.
    """
    if not measurements:
        return None
    rows = torch.stack([item.true for item in measurements])
    weights = rows.new_tensor([float(item.examples) for item in measurements]).unsqueeze(1)
    measured = ~rows.isnan()
    total = (torch.where(measured, rows, 0.0) * weights).sum(0)
    count = (measured * weights).sum(0)
    return torch.where(count > 0, total / torch.where(count > 0, count, 1.0), torch.nan)
