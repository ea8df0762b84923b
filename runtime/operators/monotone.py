"""Entries in order: along each row of a weight, or along paths through a tensor.

Projection by isotonic regression. Paths are columns, biases, any chain of `x[i] <= x[j]`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cspec.runtime.operators.base import Operator, ShapeError, require_vectors
from cspec.runtime.operators.linear_algebra import as_rows
from cspec.runtime.operators.maps.elementwise import CumulativeSoftplus

Path = Sequence[tuple[int, ...]]


def pool_adjacent_violators(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The nearest nondecreasing vector, O(n): neighbors out of order merge into their mean.

    All of it is NaN where an entry is: it would split it into parts that are ordered separately.
    """
    if np.isnan(values).any():
        return np.full_like(values, np.nan)
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
class Monotone(Operator, name="monotone", convex=True, by_row=True, maps=("cumulative_softplus",)):
    """{x : x_1 <= x_2 <= ...} along each row of (outputs, rest), or >= when not increasing."""

    increasing: bool = True

    def _drops(self, x: Tensor) -> Tensor:
        require_vectors(x, self.name)
        steps = as_rows(x).diff(dim=-1)
        return -steps if self.increasing else steps

    def residual(self, x: Tensor) -> Tensor:
        return torch.relu(self._drops(x))

    def inequality(self, x: Tensor) -> Tensor:
        return self._drops(x).flatten()

    def project(self, x: Tensor) -> Tensor:
        require_vectors(x, self.name)
        if x.numel() == 0:
            return x.clone()
        sign = 1.0 if self.increasing else -1.0
        rows = (sign * as_rows(x.detach()).double()).cpu().numpy()
        done = np.stack([pool_adjacent_violators(row) for row in rows])
        projected = torch.from_numpy(sign * done).reshape(x.shape)
        return projected.to(dtype=x.dtype, device=x.device)

    def _map(self, by: str) -> nn.Module:
        return CumulativeSoftplus(self.increasing)


@dataclass(frozen=True, eq=False)
class Ordered(Operator, name="ordered", convex=True):
    """{x : x[p_1] <= x[p_2] <= ... along each path p}, paths without a common entry.

    Projection by isotonic regression of each path.
    """

    paths: Sequence[Path]

    def __post_init__(self) -> None:
        every = [index for path in self.paths for index in path]
        if len(set(every)) < len(every):
            raise ShapeError("ordered: two paths have an entry in common")

    @cached_property
    def _known(self) -> dict[torch.Size, list[Tensor]]:
        return {}

    def _places(self, shape: torch.Size) -> list[Tensor]:
        """The numbers of each path's entries in the flattened tensor."""
        if shape not in self._known:
            numbers = torch.arange(shape.numel()).reshape(shape)
            try:
                found = [torch.stack([numbers[tuple(i)] for i in path]) for path in self.paths]
            except IndexError as error:
                raise ShapeError(f"ordered: shape {tuple(shape)} has no such entry") from error
            if any(part.ndim != 1 for part in found):
                raise ShapeError(f"ordered: paths are of entries of shape {tuple(shape)}")
            self._known[shape] = found
        return self._known[shape]

    def inequality(self, x: Tensor) -> Tensor:
        flat = x.flatten()
        return torch.cat([-flat[p.to(x.device)].diff() for p in self._places(x.shape)])

    def coupling(self, shape: torch.Size) -> Tensor:
        """The entries of each path; the others are free."""
        numbers = torch.arange(shape.numel())
        for owner, places in enumerate(self._places(shape)):
            numbers[places] = shape.numel() + owner
        return numbers.reshape(shape)

    def project(self, x: Tensor) -> Tensor:
        flat = x.detach().double().flatten().cpu().clone()
        for places in self._places(x.shape):
            flat[places] = torch.from_numpy(pool_adjacent_violators(flat[places].numpy()))
        return flat.reshape(x.shape).to(dtype=x.dtype, device=x.device)
