"""Half-spaces, affine subspaces and polyhedra of the flattened tensor.

Rows that share no entry are projected onto each by itself, all at once:

forall i in range(n): sum(W[i]) == 1        forall i in range(n), j in range(i): W[i, j] == W[j, i]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cspec.runtime.operators.base import (
    EmptySetError,
    NoFormError,
    Operator,
    ShapeError,
    require_order,
)
from cspec.runtime.operators.box import sides
from cspec.runtime.operators.linear_algebra import norm
from cspec.runtime.operators.maps.matrices import NullSpace
from cspec.runtime.operators.rows import Row, coupled, dense

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Halfspace(Operator, name="halfspace", convex=True):
    """{x : <a, x> <= b} over the whole tensor; violated by <a, x> - b as it is written.

    `a` is a tensor, or a row without a shape (`rows`): `Halfspace(1.0, 1.0)` is sum(x) <= 1.
    """

    a: Row
    b: float

    def __post_init__(self) -> None:
        if isinstance(self.a, Tensor) and not bool(self.a.any()) and self.b < 0:
            raise EmptySetError(f"halfspace: 0 <= {self.b} has no solution")

    def _normal(self, x: Tensor) -> Tensor:
        return dense(self.a, x.shape, self.name).to(dtype=x.dtype, device=x.device)

    def inequality(self, x: Tensor) -> Tensor:
        return ((self._normal(x) * x).sum() - self.b).reshape(1)

    def coupling(self, shape: torch.Size) -> Tensor:
        """Entries that rows connect; the others are free."""
        return coupled([self.a], shape, self.name)

    def project(self, x: Tensor) -> Tensor:
        """x - [<a, x> - b]+ a / ||a||^2, in float64: the step cancels most of <a, x>."""
        wide = x.detach().double()
        a = self._normal(wide)
        length = norm(a)
        unit = a / torch.where(length > 0, length, 1.0)
        for _ in range(2):
            step = torch.relu(self.inequality(wide)) / torch.where(length > 0, length, 1.0)
            wide = wide - step * unit
        return wide.to(x.dtype)


@dataclass(frozen=True, eq=False)
class Affine(Operator, name="affine", convex=True, states_equality=True, maps=("null_space",)):
    """{x : A x = b} with x flattened, A (rows, entries), of any rank.

    Projection x - A^+ (A x - b), the pseudo-inverse cut at A's own precision. A is a tensor, or
    rows without a shape (`rows`), which become one with the first x of each shape.
    Raises EmptySetError when b is not in the range of A, ShapeError when sizes differ.
    """

    A: Tensor | Sequence[Row]
    b: Tensor | float | Sequence[float]

    def __post_init__(self) -> None:
        rows = len(self.A)
        if isinstance(self.A, Tensor):
            A = self.A if self.A.is_floating_point() else self.A.double()
            A = A.reshape(1, -1) if A.ndim == 1 else A
            object.__setattr__(self, "A", A)
            rows = A.shape[0]
            if A.ndim != 2:
                raise ShapeError(f"affine: A is {tuple(A.shape)}")
        b = torch.as_tensor(self.b).double().reshape(-1)
        b = b.expand(rows) if b.numel() == 1 else b
        if b.numel() != rows:
            raise ShapeError(f"affine: A has {rows} rows, b has {b.numel()} entries")
        object.__setattr__(self, "b", b)
        if isinstance(self.A, Tensor):
            self._system(torch.Size([self.A.shape[1]]))

    @cached_property
    def _systems(self) -> dict[torch.Size, _System]:
        return {}

    def _system(self, shape: torch.Size) -> _System:
        """A for tensors of a shape, with what its projection needs."""
        if shape not in self._systems:
            self._systems[shape] = _solvable(self.A, torch.as_tensor(self.b), shape)
        return self._systems[shape]

    def residual(self, x: Tensor) -> Tensor:
        A = self._system(x.shape).A.to(dtype=x.dtype, device=x.device)
        return A @ x.flatten() - torch.as_tensor(self.b).to(dtype=x.dtype, device=x.device)

    def coupling(self, shape: torch.Size) -> Tensor:
        """Entries that rows connect; the others are free."""
        return coupled(list(self.A), shape, self.name)

    def project(self, x: Tensor) -> Tensor:
        inverse = self._system(x.shape).inverse.to(x.device)
        flat = x.detach().double().flatten()
        # The second pass takes out what the first one's cancellation left of a huge x.
        for _ in range(2):
            flat = flat - inverse @ self.residual(flat.reshape(x.shape))
        return flat.reshape(x.shape).to(x.dtype)

    def parametrization(self, by: str | None = None) -> nn.Module | None:
        """The null space of A; rows without a shape have none before they meet a tensor."""
        if not isinstance(self.A, Tensor):
            if by is not None:
                raise NoFormError(f"{by} does not parametrize affine rows without a shape")
            return None
        return super().parametrization(by)

    def _map(self, by: str) -> nn.Module:
        """origin + basis z, basis an orthonormal null space of A."""
        assert isinstance(self.A, Tensor)
        system = self._system(torch.Size([self.A.shape[1]]))
        _, S, Vh = torch.linalg.svd(system.A, full_matrices=True)
        rank = int((S / S[0] > system.cut).sum()) if S.any() else 0
        origin = system.inverse @ torch.as_tensor(self.b)
        return NullSpace(origin, Vh[rank:].mT.contiguous())

    def project_momentum(self, x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
        """The part within the null space of A: m - A^+ A m."""
        system = self._system(momentum.shape)
        flat = momentum.double().flatten()
        A, inverse = system.A.to(momentum.device), system.inverse.to(momentum.device)
        return (flat - inverse @ (A @ flat)).reshape(momentum.shape).to(momentum.dtype)


class _System(NamedTuple):
    """A in float64, its pseudo-inverse, and where singular values are rounding."""

    A: Tensor
    inverse: Tensor
    cut: float


def _solvable(A: Tensor | Sequence[Row], b: Tensor, shape: torch.Size) -> _System:
    """The system for one shape.

    Raises:
        EmptySetError: no x of this shape has A x = b.
        ShapeError: the sizes do not fit.
    """
    if isinstance(A, Tensor):
        if shape.numel() != A.shape[1]:
            raise ShapeError(f"affine: A has {A.shape[1]} columns, x has {shape.numel()} entries")
        wide, eps = A.double(), torch.finfo(A.dtype).eps
    else:
        wide = torch.stack([dense(row, shape, "affine").flatten() for row in A])
        eps = torch.finfo(torch.float64).eps
    cut = float(max(*wide.shape, 1) * eps)
    inverse: Tensor = torch.linalg.pinv(wide, rtol=cut)
    b = b.to(wide.device)
    gap = float((wide @ (inverse @ b) - b).abs().max()) if b.numel() else 0.0
    if not gap <= 100 * cut * (1 + float(b.abs().max() if b.numel() else 0)):
        raise EmptySetError(f"affine: A x = b has no solution (b is {gap:.3g} off the range)")
    return _System(wide, inverse, cut)


class _Entries(NamedTuple):
    """The entries of all rows, one after another."""

    places: Tensor
    """In the flattened tensor."""
    owners: Tensor
    """The row of each."""
    values: Tensor
    lengths: Tensor
    """||a||^2 of each row."""


@dataclass(frozen=True, eq=False)
class Separate(Operator, name="separate", convex=True):
    """{x : lo_i <= <a_i, x> <= hi_i}, rows a_i without a common entry; equal ends: an equality."""

    a: Sequence[Row]
    lo: Sequence[float]
    hi: Sequence[float]

    def __post_init__(self) -> None:
        if not len(self.a) == len(self.lo) == len(self.hi):
            raise ShapeError("separate: a row needs a lower and an upper bound")
        for low, high in zip(self.lo, self.hi, strict=True):
            require_order(low, high, self.name)

    @cached_property
    def _known(self) -> dict[torch.Size, _Entries]:
        return {}

    def _entries(self, x: Tensor) -> _Entries:
        if x.shape not in self._known:
            self._known[x.shape] = self._found(x.shape)
        return _Entries(*(part.to(x.device) for part in self._known[x.shape]))

    def _found(self, shape: torch.Size) -> _Entries:
        places, owners, values = [], [], []
        for owner, row in enumerate(self.a):
            whole = dense(row, shape, self.name).flatten()
            held = whole.nonzero().flatten()
            places.append(held)
            owners.append(torch.full_like(held, owner))
            values.append(whole[held])
        every, value, mine = torch.cat(places), torch.cat(values), torch.cat(owners)
        if len(set(every.tolist())) < every.numel():
            raise ShapeError("separate: two rows have an entry in common")
        lengths = torch.zeros(len(self.a), dtype=torch.float64).index_add(0, mine, value**2)
        return _Entries(every, mine, value, lengths)

    def _products(self, x: Tensor) -> Tensor:
        """<a_i, x> of every row."""
        entries = self._entries(x)
        terms = entries.values.to(x.dtype) * x.flatten()[entries.places]
        return terms.new_zeros(len(self.a)).index_add(0, entries.owners, terms)

    def _ends(self, x: Tensor) -> tuple[Tensor, Tensor]:
        lo = torch.tensor(list(self.lo), dtype=x.dtype, device=x.device)
        return lo, torch.tensor(list(self.hi), dtype=x.dtype, device=x.device)

    def residual(self, x: Tensor) -> Tensor:
        products = self._products(x)
        return products - products.clamp(*self._ends(x))

    def inequality(self, x: Tensor) -> Tensor:
        """(lo - <a, x>, <a, x> - hi), infinite bounds left out."""
        return sides(self._products(x), *self._ends(x))

    def coupling(self, shape: torch.Size) -> Tensor:
        """Each row's entries; the others are free."""
        entries = self._entries(torch.empty(tuple(shape)))
        numbers = torch.arange(shape.numel())
        numbers[entries.places] = shape.numel() + entries.owners
        return numbers.reshape(shape)

    def project(self, x: Tensor) -> Tensor:
        """x + a_i (nearest value - <a_i, x>) / ||a_i||^2 of every row, in float64."""
        flat = x.detach().double().flatten()
        entries = self._entries(x)
        # The second pass takes out what the first one's cancellation left of a huge x.
        for _ in range(2):
            step = -self.residual(flat.reshape(x.shape)) / entries.lengths
            flat = flat.index_add(0, entries.places, entries.values * step[entries.owners])
        return flat.reshape(x.shape).to(x.dtype)

    def project_momentum(self, x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
        """Without what points out of the rows that hold it."""
        entries = self._entries(momentum)
        moved = self.residual(x_before.double())
        along = self._products(momentum.double())
        # The step is minus the momentum: outward where it goes on in the direction taken back.
        outward = torch.where(moved * along < 0, along, torch.zeros_like(along)) / entries.lengths
        flat = momentum.double().flatten()
        flat = flat.index_add(0, entries.places, -entries.values * outward[entries.owners])
        return flat.reshape(momentum.shape).to(momentum.dtype)


@dataclass(frozen=True, eq=False)
class Polyhedron(Operator, name="polyhedron", convex=True):
    """{x : A x <= b} with x flattened, row by row.

    Projection by its dual, least squares with nonnegative unknowns (Lawson and Hanson 1974, chapter
    23, "least distance programming"): x = v - A^T m with m >= 0, m_i = 0 where row i is slack.
    """

    A: Tensor | Sequence[Row]
    b: Tensor | Sequence[float]

    def _rows(self, x: Tensor) -> tuple[Tensor, Tensor]:
        b = torch.as_tensor(self.b, dtype=torch.float64)
        rows = torch.stack([dense(row, x.shape, self.name).flatten() for row in self.A])
        if len(rows) != b.numel():
            raise ShapeError(f"polyhedron: A has {len(rows)} rows, b has {b.numel()} entries")
        return rows.to(x.device), b.to(x.device)

    def inequality(self, x: Tensor) -> Tensor:
        A, b = self._rows(x)
        return A.to(x.dtype) @ x.flatten() - b.to(x.dtype)

    def coupling(self, shape: torch.Size) -> Tensor:
        """Entries that rows connect; the others are free."""
        return coupled(list(self.A), shape, self.name)

    def project(self, x: Tensor) -> Tensor:
        """The nearest point. Raises EmptySetError where no point meets all rows."""
        A, b = self._rows(x)
        point = x.detach().double().flatten()
        length = A.norm(dim=1).clamp(min=1e-300)
        # Rows in a basis of their span: as many unknowns as rows, however large x is.
        basis, small = torch.linalg.qr((A / length[:, None]).mT)
        for _ in range(PASSES):
            over = (A @ point - b) / length
            if not bool((over > 0).any()):
                break
            step = _least_distance(small.mT.cpu().numpy(), over.cpu().numpy())
            point = point - basis @ torch.as_tensor(step, device=x.device)
        return point.reshape(x.shape).to(x.dtype)


PASSES = 3
"""The later ones take out what the first one's cancellation left of a huge x."""


def _least_distance(G: FloatArray, h: FloatArray) -> FloatArray:
    """The shortest y with G y >= h: y from the residual of min ||[G^T; h^T] m - e||, m >= 0."""
    size = float(np.abs(h).max())
    matrix = np.vstack([G.T, h[None, :] / size])
    wanted = np.zeros(len(matrix))
    wanted[-1] = 1.0
    multipliers, left = scipy.optimize.nnls(matrix, wanted)
    if left <= 1e-9:
        raise EmptySetError("polyhedron: no point meets all rows")
    residual = matrix @ multipliers - wanted
    return np.asarray(-size * residual[:-1] / residual[-1])
