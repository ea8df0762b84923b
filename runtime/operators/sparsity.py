"""Sets of counts: few nonzero entries, n of each m, few nonzero channels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from cspec.runtime.operators.base import EmptySetError, Operator, OperatorError, ShapeError
from cspec.runtime.operators.linear_algebra import as_matrix, norm, working

Scope = Literal["global", "layer", "row"]


def allowed_count(amount: float, size: int) -> int:
    """How many of `size` may be nonzero: an int is a count, a float a fraction, rounded down."""
    if isinstance(amount, int):
        return min(amount, size)
    # 0.29 * 100 is 28.999999999999996 in binary and means 29.
    return min(math.floor(amount * size * (1 + 1e-12)), size)


def require_amount(amount: float, name: str) -> None:
    if isinstance(amount, int):
        if amount < 0:
            raise EmptySetError(f"{name}({amount}): a count of at least 0 is needed")
    elif not 0 <= amount <= 1:
        raise OperatorError(f"{name}({amount}): a fraction lies in [0, 1], a count is an integer")


def largest_mask(scores: Tensor, count: int) -> Tensor:
    """True at exactly `count` largest scores along the last dimension, ties broken by index.

    NaN counts as the largest, so that it is not hidden.
    """
    size = scores.shape[-1] if scores.ndim else 0
    if count <= 0 or scores.numel() == 0:
        return torch.zeros_like(scores, dtype=torch.bool)
    if count >= size:
        return torch.ones_like(scores, dtype=torch.bool)
    held = working(scores.detach())
    if not held.is_cpu:
        mask = torch.zeros_like(scores, dtype=torch.bool)
        return mask.scatter(-1, held.topk(count, dim=-1).indices, True)
    # Numpy's partition is some 50 times as fast as `topk`, which sorts what it returns.
    numbers = held.numpy()
    least = np.partition(numbers, size - count, axis=-1)[..., size - count, None]
    largest = ~(numbers < least)
    if (largest.sum(-1) != count).any():
        numbers = np.where(np.isnan(numbers), np.inf, numbers)
        least = np.where(np.isnan(least), np.inf, least)
        above, tied = numbers > least, numbers == least
        largest = above | (tied & (tied.cumsum(-1) <= count - above.sum(-1, keepdims=True)))
    return torch.from_numpy(largest)


def keep(x: Tensor, mask: Tensor) -> Tensor:
    """x where the mask is set, zero elsewhere; NaN is not hidden."""
    return torch.where(mask | x.isnan(), x, torch.zeros_like(x))


def beyond(x: Tensor, mask: Tensor) -> Tensor:
    """x where the mask is not set, zero elsewhere; NaN is not hidden."""
    return torch.where(mask & ~x.isnan(), torch.zeros_like(x), x)


class _Support(Operator, convex=False, counts=True, states_equality=True, entrywise=True):
    """Sets that say which entries may be nonzero: x - P(x) is what must vanish."""

    def support(self, x: Tensor) -> Tensor:
        """Mask of the entries that the projection keeps."""
        raise NotImplementedError

    def residual(self, x: Tensor) -> Tensor:
        return beyond(x, self.support(x))

    def project(self, x: Tensor) -> Tensor:
        return keep(x, self.support(x))


WIRED = 0.5
"""Of a count, what layers share by their inputs and outputs (Erdos-Renyi; Mocanu et al. 2018)."""


@dataclass(frozen=True)
class Sparse(_Support, name="sparse"):
    """{x : at most `amount` entries are nonzero}: an integer count or a fraction of the entries.

    Scope "global" counts over all tensors of `project_jointly`, "layer" over each tensor, "row"
    over each row of (outputs, rest). Projection: the largest magnitudes stay.

    With a `floor`, a count over several tensors leaves each of them at least that part of the
    share that all have together, half of what its inputs and outputs are of all, and one entry: a
    layer whose weights are small as a whole would else die, and with it the network. The
    projection is the nearest point among those.
    """

    amount: float
    scope: Scope = "global"
    floor: float = 0.0

    def __post_init__(self) -> None:
        require_amount(self.amount, self.name)
        if self.scope not in ("global", "layer", "row"):
            raise OperatorError(f'sparse(scope="{self.scope}"): global, layer or row')
        if not 0 <= self.floor <= 1:
            raise OperatorError(f"sparse(floor={self.floor}): a part of the share, in [0, 1]")

    def support(self, x: Tensor) -> Tensor:
        rows = as_matrix(x) if self.scope == "row" else x.reshape(1, -1)
        count = allowed_count(self.amount, rows.shape[1])
        return largest_mask(rows.abs(), count).reshape(x.shape)

    def support_jointly(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The masks of several tensors, which share one count when the scope is global."""
        if self.scope != "global" or not tensors:
            return [self.support(x) for x in tensors]
        count = allowed_count(self.amount, sum(x.numel() for x in tensors))
        floors = self._floors(tensors, count)
        magnitudes = [working(x.detach()).abs().flatten() for x in tensors]
        scores = torch.cat(
            [
                scores.masked_fill(largest_mask(scores, least), torch.inf)
                for scores, least in zip(magnitudes, floors, strict=True)
            ]
        )
        mask = largest_mask(scores, count)
        pieces = torch.split(mask, [x.numel() for x in tensors])
        return [piece.reshape(x.shape) for piece, x in zip(pieces, tensors, strict=True)]

    def _floors(self, tensors: Sequence[Tensor], count: int) -> list[int]:
        """Entries that each tensor keeps at least; none where the count is too small for one."""
        sizes = [x.numel() for x in tensors]
        if not self.floor or len(sizes) < 2:
            return [0] * len(sizes)
        share = self.floor * count / max(sum(sizes), 1)
        units = [sum(x.shape) for x in tensors]
        least = [
            min(max(allowed_count(share, size), int(WIRED * count * ends / sum(units)), 1), size)
            for size, ends in zip(sizes, units, strict=True)
        ]
        return least if sum(least) <= count else [0] * len(sizes)

    def project_jointly(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The nearest tensors with `amount` nonzero entries in all of them together."""
        masks = self.support_jointly(tensors)
        return [keep(x, mask) for x, mask in zip(tensors, masks, strict=True)]


@dataclass(frozen=True)
class NM(_Support, name="nm"):
    """{x : at most n nonzero in each block of m along `dim`} (2:4 on sparse tensor cores).

    Raises ShapeError when the dimension is no multiple of m: hardware has no partial blocks.
    """

    n: int
    m: int
    dim: int = -1

    def __post_init__(self) -> None:
        if not (0 <= self.n <= self.m and self.m >= 1):
            raise EmptySetError(f"nm({self.n}, {self.m}): 0 <= n <= m is needed")

    def support(self, x: Tensor) -> Tensor:
        if not -x.ndim <= self.dim < x.ndim or x.shape[self.dim] % self.m:
            raise ShapeError(
                f"nm({self.n}, {self.m}): dimension {self.dim} of shape "
                f"{tuple(x.shape)} is no multiple of {self.m}"
            )
        last = x.movedim(self.dim, -1)
        blocks = last.reshape(*last.shape[:-1], last.shape[-1] // self.m, self.m)
        return largest_mask(blocks.abs(), self.n).reshape(last.shape).movedim(-1, self.dim)


@dataclass(frozen=True)
class ChannelSparse(_Support, name="channels"):
    """{x : at most k rows of (outputs, rest) are nonzero}; the rows of largest norm stay.

    `k` is an integer count or a fraction of the rows.
    """

    k: float

    def __post_init__(self) -> None:
        require_amount(self.k, self.name)

    def support(self, x: Tensor) -> Tensor:
        rows = as_matrix(x)
        if x.numel() == 0:
            return torch.zeros_like(x, dtype=torch.bool)
        kept = largest_mask(norm(rows, dim=1), allowed_count(self.k, rows.shape[0]))
        return kept[:, None].expand_as(rows).reshape(x.shape)
