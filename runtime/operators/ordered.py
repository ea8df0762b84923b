"""Entries in order along paths through a tensor: columns, biases, any chain of `x[i] <= x[j]`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from cspec.runtime.operators.base import Operator, ShapeError
from cspec.runtime.operators.monotone import pool_adjacent_violators

Path = Sequence[tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Ordered(Operator):
    """{x : x[p_1] <= x[p_2] <= ... along each path p}, paths without a common entry.

    Projection by isotonic regression of each path.
    """

    paths: Sequence[Path]
    name: ClassVar[str] = "ordered"
    convex: ClassVar[bool] = True

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
            values = flat[places]
            if not bool(values.isnan().any()):
                flat[places] = torch.from_numpy(pool_adjacent_violators(values.numpy()))
            else:  # A NaN would split its path into parts that are ordered separately.
                flat[places] = torch.nan
        return flat.reshape(x.shape).to(dtype=x.dtype, device=x.device)
