"""Half-spaces and affine subspaces of the flattened tensor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor, nn

from cspec.runtime.operators.base import EmptySetError, Operator, ShapeError
from cspec.runtime.operators.linear_algebra import norm
from cspec.runtime.operators.maps_matrix import NullSpace


@dataclass(frozen=True, eq=False)
class Halfspace(Operator):
    """{x : <a, x> <= b} over the whole tensor; violated by <a, x> - b as it is written."""

    a: Tensor
    b: float
    name: ClassVar[str] = "halfspace"
    convex: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "a", torch.as_tensor(self.a))
        if not bool(self.a.any()) and self.b < 0:
            raise EmptySetError(f"halfspace: 0 <= {self.b} has no solution")

    def _normal(self, x: Tensor) -> Tensor:
        if self.a.numel() != x.numel():
            raise ShapeError(f"halfspace: a has {self.a.numel()} entries, x has {x.numel()}")
        return self.a.to(dtype=x.dtype, device=x.device).reshape(x.shape)

    def inequality(self, x: Tensor) -> Tensor:
        return ((self._normal(x) * x).sum() - self.b).reshape(1)

    def residual(self, x: Tensor) -> Tensor:
        return torch.relu(self.inequality(x))

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
class Affine(Operator):
    """{x : A x = b} with x flattened, A (rows, entries), of any rank.

    Projection x - A^+ (A x - b), the pseudo-inverse cut at A's own precision.
    Raises EmptySetError when b is not in the range of A, ShapeError when sizes differ.
    """

    A: Tensor
    b: Tensor | float
    name: ClassVar[str] = "affine"
    convex: ClassVar[bool] = True
    states_equality: ClassVar[bool] = True
    maps: ClassVar[tuple[str, ...]] = ("null_space",)

    def __post_init__(self) -> None:
        A = torch.as_tensor(self.A)
        A = A if A.is_floating_point() else A.double()
        A = A.reshape(1, -1) if A.ndim == 1 else A
        b = torch.as_tensor(self.b, device=A.device).double().reshape(-1)
        b = b.expand(A.shape[0]) if b.numel() == 1 else b
        if A.ndim != 2 or b.numel() != A.shape[0]:
            raise ShapeError(f"affine: A is {tuple(A.shape)}, b has {b.numel()} entries")
        object.__setattr__(self, "A", A)
        object.__setattr__(self, "b", b)
        if b.numel() == 0:
            return
        gap = float((self._wide @ (self._inverse @ b) - b).abs().max())
        if not gap <= 100 * self._cut * (1 + float(b.abs().max())):
            raise EmptySetError(f"affine: A x = b has no solution (b is {gap:.3g} off the range)")

    @property
    def _cut(self) -> float:
        """Singular values below this fraction of the largest are rounding of A's entries."""
        return float(max(*self.A.shape, 1) * torch.finfo(self.A.dtype).eps)

    @cached_property
    def _wide(self) -> Tensor:
        return self.A.double()

    @cached_property
    def _inverse(self) -> Tensor:
        inverse: Tensor = torch.linalg.pinv(self._wide, rtol=self._cut)
        return inverse

    def residual(self, x: Tensor) -> Tensor:
        self._require_size(x)
        b = torch.as_tensor(self.b).to(dtype=x.dtype, device=x.device)
        return self.A.to(dtype=x.dtype, device=x.device) @ x.flatten() - b

    def project(self, x: Tensor) -> Tensor:
        self._require_size(x)
        flat = x.detach().double().flatten()
        inverse = self._inverse.to(x.device)
        # The second pass takes out what the first one's cancellation left of a huge x.
        for _ in range(2):
            flat = flat - inverse @ self.residual(flat)
        return flat.reshape(x.shape).to(x.dtype)

    def _require_size(self, x: Tensor) -> None:
        if x.numel() != self.A.shape[1]:
            raise ShapeError(f"affine: A has {self.A.shape[1]} columns, x has {x.numel()} entries")

    def _map(self, by: str) -> nn.Module:
        """origin + basis z, basis an orthonormal null space of A."""
        _, S, Vh = torch.linalg.svd(self._wide, full_matrices=True)
        rank = int((S / S[0] > self._cut).sum()) if S.any() else 0
        origin = self._inverse @ torch.as_tensor(self.b)
        return NullSpace(origin, Vh[rank:].mT.contiguous())

    def project_momentum(self, x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
        """The part within the null space of A: m - A^+ A m."""
        flat = momentum.double().flatten()
        A, inverse = self._wide.to(momentum.device), self._inverse.to(momentum.device)
        return (flat - inverse @ (A @ flat)).reshape(momentum.shape).to(momentum.dtype)
