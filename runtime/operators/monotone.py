"""Monotone sequences along each row of a weight: isotonic regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cspec.runtime.operators.base import Operator, require_vectors
from cspec.runtime.operators.linear_algebra import as_rows, row_numbers
from cspec.runtime.operators.maps.elementwise import CumulativeSoftplus


def pool_adjacent_violators(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The nearest nondecreasing vector, O(n): neighbors out of order merge into their mean."""
    totals: list[float] = []
    sizes: list[int] = []
    for value in values.tolist():
        total, size = value, 1
        while totals and totals[-1] / sizes[-1] > total / size:
            total += totals.pop()
            size += sizes.pop()
        totals.append(total)
        sizes.append(size)
    return np.repeat(np.array(totals) / np.array(sizes), sizes)


@dataclass(frozen=True)
class Monotone(Operator):
    """{x : x_1 <= x_2 <= ...} along each row of (outputs, rest), or >= when not increasing."""

    increasing: bool = True
    name: ClassVar[str] = "monotone"
    convex: ClassVar[bool] = True
    maps: ClassVar[tuple[str, ...]] = ("cumulative_softplus",)

    def _drops(self, x: Tensor) -> Tensor:
        require_vectors(x, self.name)
        steps = as_rows(x).diff(dim=-1)
        return -steps if self.increasing else steps

    def residual(self, x: Tensor) -> Tensor:
        return torch.relu(self._drops(x))

    def inequality(self, x: Tensor) -> Tensor:
        return self._drops(x).flatten()

    def coupling(self, shape: torch.Size) -> Tensor:
        """Row by row."""
        return row_numbers(shape)

    def project(self, x: Tensor) -> Tensor:
        require_vectors(x, self.name)
        if x.numel() == 0:
            return x.clone()
        sign = 1.0 if self.increasing else -1.0
        rows = (sign * as_rows(x.detach()).double()).cpu().numpy()
        # A NaN would split its row into parts that are ordered separately.
        done = [
            row * np.nan if np.isnan(row).any() else pool_adjacent_violators(row) for row in rows
        ]
        projected = torch.from_numpy(sign * np.stack(done)).reshape(x.shape)
        return projected.to(dtype=x.dtype, device=x.device)

    def _map(self, by: str) -> nn.Module:
        return CumulativeSoftplus(self.increasing)
