"""Symmetric, skew-symmetric, positive semidefinite and correlation matrices.

Of more than two axes the last two are the matrix; with `matrix` a kernel is (outputs, rest), as
`W == W.T` reads it.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from cspec.runtime.operators.base import NoFormError, Operator, require_square
from cspec.runtime.operators.linear_algebra import as_matrix, eigenvalues, eigh
from cspec.runtime.operators.maps.matrices import Cholesky, SymmetricMap
from cspec.runtime.operators.together.dykstra import dykstra


def _square(x: Tensor, matrix: bool, name: str) -> Tensor:
    """The square matrices of a tensor.

    Raises:
        ShapeError: they are not square.
    """
    seen = as_matrix(x) if matrix and x.ndim > 2 else x
    require_square(seen, name)
    return seen


def _pairs(shape: torch.Size, matrix: bool, name: str) -> Tensor:
    """The smaller of the numbers of an entry and of its mirror image."""
    numbers = torch.arange(shape.numel()).reshape(shape)
    seen = _square(numbers, matrix, name)
    return torch.minimum(seen, seen.mT).reshape(shape)


@dataclass(frozen=True)
class Symmetric(Operator, name="symmetric", convex=True, states_equality=True, maps=("symmetric",)):
    """{X : X = X^T}. Projection (X + X^T) / 2."""

    matrix: bool = False
    sign: ClassVar[int] = 1
    """Of the mirror image that each entry equals."""

    def residual(self, x: Tensor) -> Tensor:
        seen = _square(x, self.matrix, self.name)
        return seen - self.sign * seen.mT

    def coupling(self, shape: torch.Size) -> Tensor:
        """Each entry with its mirror image."""
        return _pairs(shape, self.matrix, self.name)

    def project(self, x: Tensor) -> Tensor:
        seen = _square(x, self.matrix, self.name)
        return (seen / 2 + self.sign * seen.mT / 2).reshape(x.shape)

    def parametrization(self, by: str | None = None) -> nn.Module | None:
        """The upper triangle; none for kernels read as matrices."""
        if not self.matrix:
            return super().parametrization(by)
        if by is not None:
            raise NoFormError(f"{by} does not parametrize a kernel that is {self.name} as a matrix")
        return None

    def _map(self, by: str) -> nn.Module:
        return SymmetricMap(skew=self.sign < 0)

    def project_momentum(self, x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
        return self.project(momentum)


@dataclass(frozen=True)
class Skew(Symmetric, name="skew", maps=("skew",)):
    """{X : X = -X^T}. Projection (X - X^T) / 2."""

    sign: ClassVar[int] = -1


def project_psd(x: Tensor) -> Tensor:
    """The symmetric part with its negative eigenvalues set to zero (Higham 1988).

    A symmetric part without negative eigenvalues comes back to the last bit.
    """
    symmetric = x / 2 + x.mT / 2
    values, vectors = eigh(symmetric.double())
    root = vectors * values.clamp(min=0).sqrt()[..., None, :]
    inside = (values >= 0).all(-1)[..., None, None]
    return torch.where(inside, symmetric, (root @ root.mT).to(x.dtype))


def psd_inequality(x: Tensor) -> Tensor:
    """(X - X^T, -eigenvalues): X - X^T has each entry with both signs, so <= 0 means equal."""
    return torch.cat([(x - x.mT).flatten(), -eigenvalues(x / 2 + x.mT / 2).flatten()])


@dataclass(frozen=True)
class PSD(Operator, name="psd", convex=True, maps=("cholesky",)):
    """{X : X = X^T, all eigenvalues >= 0}, violated by |X - X^T| or a negative eigenvalue."""

    def inequality(self, x: Tensor) -> Tensor:
        require_square(x, self.name)
        return psd_inequality(x)

    def project(self, x: Tensor) -> Tensor:
        require_square(x, self.name)
        return project_psd(x)


def _unit_diagonal(x: Tensor) -> Tensor:
    projected = x.clone()
    projected.diagonal(dim1=-2, dim2=-1).fill_(1)
    return projected


@dataclass(frozen=True)
class Correlation(Operator, name="correlation", convex=True, maps=("cholesky",)):
    """{X : X psd, unit diagonal}; the nearest one by Dykstra (Higham 2002, algorithm 3.3)."""

    def inequality(self, x: Tensor) -> Tensor:
        require_square(x, self.name)
        excess = (x.diagonal(dim1=-2, dim2=-1) - 1).flatten()
        return torch.cat([psd_inequality(x), excess, -excess])

    def project(self, x: Tensor) -> Tensor:
        require_square(x, self.name)
        symmetric = x.double() / 2 + x.double().mT / 2
        # No entry of a correlation matrix exceeds 1, and its diagonal is known beforehand.
        point = dykstra(_unit_diagonal(symmetric), (project_psd, _unit_diagonal)).point
        # What is left of the diagonal's error is scaled away, which keeps the matrix psd.
        nearest = project_psd(point)
        root = nearest.diagonal(dim1=-2, dim2=-1).clamp(min=1e-300).rsqrt()
        scaled = nearest * root[..., None] * root[..., None, :]
        return _unit_diagonal(scaled).where(~scaled.isnan(), scaled).to(x.dtype)

    def _map(self, by: str) -> nn.Module:
        return Cholesky(unit_diagonal=True)
