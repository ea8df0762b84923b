"""Symmetric and skew-symmetric matrices.

Of more than two axes the last two are the matrix; with `matrix` a kernel is (outputs, rest), as
`W == W.T` reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from cspec.runtime.operators.base import NoFormError, Operator, require_square
from cspec.runtime.operators.linear_algebra import as_matrix
from cspec.runtime.operators.maps.matrices import SymmetricMap


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
