"""Sets that parameters are in, as the solver at the end sees them: bounds and rows.

    lower <= x <= upper             boxes and signs
    g(x) <= 0,  h(x) == 0           what other sets state by a function: lines, budgets, balls

Sets that are stated by no function (counts, grids, whole numbers) have neither, and a run with one
of them ends where its steps ended.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cspec.runtime.operators import Box, Nonneg, Operator
from cspec.runtime.operators.base import OperatorError, is_joint

Vector = np.ndarray[Any, np.dtype[np.float64]]
Marks = np.ndarray[Any, np.dtype[np.bool_]]
Places = np.ndarray[Any, np.dtype[np.int64]]
Held = tuple[Operator, Sequence[Tensor]]

ROWS = 400
"""Rows, of all sets, that are looked at, and ..."""
ENTRIES = 2e7
"""... entries of their Jacobian."""
OPPOSITE = 1e-12
"""Two rows whose sum stays below this share of their size are the two sides of an equality."""
JITTER = 1e-3
WALL = 1e-5
"""Distance, relative to 1 + |x|, within which a point lies on a set's border."""


class _Part(NamedTuple):
    """The entries that are in a set together, as its operator sees them."""

    operator: Operator
    entries: Tensor
    shape: torch.Size

    def seen(self, x: Tensor) -> Tensor:
        return x[self.entries].reshape(self.shape)

    def rows(self, x: Tensor) -> Tensor:
        form = self.operator.residual if self.operator.equality else self.operator.inequality
        return form(self.seen(x)).flatten()


class Sets:
    """What one vector of all parameters may be.

    Raises:
        OperatorError: a set that is stated by no function of its entries.
    """

    def __init__(self, held: Sequence[Held], parameters: Sequence[Tensor], start: Tensor) -> None:
        self._parts = list(_parts(held, parameters))
        self.held = bool(self._parts)
        self.lower = np.full(len(start), -np.inf)
        self.upper = np.full(len(start), np.inf)
        self._bound()
        self._curved = [p for p in self._parts if not isinstance(p.operator, (Box, Nonneg))]
        for part in self._curved:
            if part.operator.counts or not (part.operator.convex or part.operator.equality):
                raise OperatorError(f"{part.operator.name} is no smooth set")
        self._keep, self.equal = self._sides(start)

    def rows(self, x: Vector) -> tuple[Vector, Vector]:
        """g and h, stacked as `equal` says, and their Jacobian (rows, entries)."""
        point = torch.as_tensor(x).double().requires_grad_()
        values = self._values(point)[self._keep]
        slopes = [torch.autograd.grad(v, point, retain_graph=True)[0] for v in values]
        jacobian = torch.stack(slopes) if slopes else point.new_zeros(0, len(x))
        return values.detach().numpy(), torch.nan_to_num(jacobian).numpy()

    def nearest(self, x: Vector) -> Vector:
        """The point projected onto one set after another: what rounding left is taken out."""
        point = torch.as_tensor(np.clip(x, self.lower, self.upper)).clone()
        for part in self._curved:
            point[part.entries] = part.operator.project(part.seen(point)).flatten()
        return point.numpy()

    def walls(self, x: Vector) -> tuple[Vector, Marks, Marks]:
        """What a point lies on: gradients of rows, which are equalities; entries that are free.

        The gradients are of the free entries: those that are at no bound of a box.
        """
        near = WALL * (1 + np.abs(x))
        free: Marks = (x > self.lower + near) & (x < self.upper - near)
        values, jacobian = self.rows(x)
        active = self.equal | (values > -WALL * (1 + np.abs(x).max(initial=0.0)))
        return jacobian[active][:, free], self.equal[active], free

    def violation(self, x: Vector) -> float:
        """The largest distance by which a set is left, in its own units."""
        point = torch.as_tensor(x)
        return max((float(p.operator.violation(p.seen(point))) for p in self._parts), default=0.0)

    def _bound(self) -> None:
        for operator, places, shape in self._parts:
            entries = places.numpy()
            if isinstance(operator, (Box, Nonneg)):
                lo, hi = (operator.lo, operator.hi) if isinstance(operator, Box) else (0.0, np.inf)
                low, high = (
                    torch.broadcast_to(torch.as_tensor(end).double(), shape).flatten().numpy()
                    for end in (lo, hi)
                )
                self.lower[entries] = np.maximum(self.lower[entries], low)
                self.upper[entries] = np.minimum(self.upper[entries], high)

    def _values(self, x: Tensor) -> Tensor:
        return torch.cat([x.new_zeros(0), *(part.rows(x) for part in self._curved)])

    def _sides(self, start: Tensor) -> tuple[Tensor, Marks]:
        """The rows that are kept, and which of them are equalities.

        Sets state h == 0 by h <= 0 and -h <= 0 as well: a solver wants one row of the two.
        """
        known = torch.cat(
            [torch.full_like(part.rows(start), part.operator.equality) for part in self._curved]
            or [start.new_zeros(0)]
        ).bool()
        if len(known) > ROWS or len(known) * len(start) > ENTRIES:
            raise OperatorError(f"{len(known)} rows")
        near = start + JITTER * (1 + start.abs()) * torch.linspace(-1, 1, len(start)).to(start)
        seen = torch.stack([self._values(start), self._values(near)])
        size = OPPOSITE * (1 + seen.abs().amax(0))
        opposite = (seen[:, :, None] + seen[:, None, :]).abs().amax(0) <= size
        opposite &= ~torch.eye(len(known), dtype=torch.bool)
        twin = opposite.triu(1)
        return (~twin.any(0)).nonzero().flatten(), (known | twin.any(1))[~twin.any(0)].numpy()


def _parts(held: Sequence[Held], parameters: Sequence[Tensor]) -> Sequence[_Part]:
    starts, start = {}, 0
    for p in parameters:
        starts[id(p)] = torch.arange(start, start + p.numel())
        start += p.numel()
    found = []
    for operator, tensors in held:
        if any(id(t) not in starts for t in tensors):
            raise OperatorError("a set over what does not move")
        if is_joint(operator):
            entries = torch.cat([starts[id(t)] for t in tensors])
            found.append(_Part(operator, entries, entries.shape))
        else:
            found += [_Part(operator, starts[id(t)], t.shape) for t in tensors]
    return found
