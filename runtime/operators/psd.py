"""Positive semidefinite matrices and correlation matrices (batched over leading dimensions)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cspec.runtime.operators.base import Operator, require_square
from cspec.runtime.operators.linear_algebra import eigenvalues, eigh
from cspec.runtime.operators.maps.matrices import Cholesky
from cspec.runtime.operators.together.dykstra import dykstra


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

    def _map(self, by: str) -> nn.Module:
        return Cholesky()


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
