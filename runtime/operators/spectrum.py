"""Sets of singular values of the weight as (outputs, rest): rank, nuclear, spectral, band."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cspec.runtime.operators.balls import WithRadius, project_l1
from cspec.runtime.operators.base import EmptySetError, Operator
from cspec.runtime.operators.linear_algebra import as_matrix, singular_values, svd
from cspec.runtime.operators.maps.matrices import LowRank


def with_singular_values(x: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """x with `change` applied to its decreasing singular values (U change(S) V^T).

    Where nothing changes x comes back to the last bit: its zeros stay zeros, which a sparse
    weight that is also in a spectral ball relies on.
    """
    if x.numel() == 0:
        return x.clone()
    U, S, Vh = svd(as_matrix(x))
    changed = change(S)
    composed = ((U * changed) @ Vh).reshape(x.shape)
    return torch.where((changed == S).all(), x, composed)


def spectrum(x: Tensor) -> Tensor:
    if x.numel() == 0:
        return x.new_zeros(0)
    return singular_values(as_matrix(x))


def rounding(x: Tensor, values: Tensor) -> Tensor:
    """The size below which a singular value of x is zero but for rounding, as in `matrix_rank`."""
    return values[0].detach() * max(as_matrix(x).shape) * torch.finfo(x.dtype).eps


@dataclass(frozen=True)
class Rank(
    Operator, name="rank", convex=False, counts=True, states_equality=True, maps=("low_rank",)
):
    """{X : rank X <= r}. Projection: truncated SVD (Eckart & Young 1936).

    The residual is the singular values after the r-th; values at rounding level, below
    sigma_1 max(m, n) eps as in `matrix_rank`, count as zero.
    """

    r: int

    def __post_init__(self) -> None:
        if self.r < 0:
            raise EmptySetError(f"rank({self.r}): a nonnegative rank is needed")

    def residual(self, x: Tensor) -> Tensor:
        values = spectrum(x)
        if values.numel() == 0:
            return values
        rest = values[self.r :]
        return torch.where(rest <= rounding(x, values), torch.zeros_like(rest), rest)

    def project(self, x: Tensor) -> Tensor:
        def truncate(S: Tensor) -> Tensor:
            kept = torch.arange(S.shape[-1], device=S.device) < self.r
            kept = kept | S.isnan() | (rounding(x, S) >= S)
            return torch.where(kept, S, torch.zeros_like(S))

        return with_singular_values(x, truncate)

    def _map(self, by: str) -> nn.Module:
        return LowRank(self.r)


@dataclass(frozen=True)
class Nuclear(WithRadius, name="nuclear"):
    """{X : sum of singular values <= r}. Projection: singular values on the l1 ball."""

    def inequality(self, x: Tensor) -> Tensor:
        return (spectrum(x).sum() - self.r).reshape(1)

    def project(self, x: Tensor) -> Tensor:
        return with_singular_values(x, lambda S: project_l1(S, self.r))

    def lmo(self, gradient: Tensor) -> Tensor:
        """-r u_1 v_1^T of the gradient's leading singular pair."""
        first = torch.zeros(1, dtype=gradient.dtype, device=gradient.device)

        def leading(S: Tensor) -> Tensor:
            return torch.cat([first + self.r, first.expand(S.shape[-1] - 1)])

        return -with_singular_values(gradient, leading)


@dataclass(frozen=True)
class Spectral(WithRadius, name="spectral"):
    """{X : largest singular value <= r}. Projection: singular values clamped at r.

    This is the norm of the weight as (outputs, rest); the operator norm of a convolution is
    another number, up to the square root of the kernel's area times as large.
    """

    def inequality(self, x: Tensor) -> Tensor:
        return spectrum(x) - self.r

    def project(self, x: Tensor) -> Tensor:
        return with_singular_values(x, lambda S: S.clamp(max=self.r))

    def lmo(self, gradient: Tensor) -> Tensor:
        """-r U V^T of the gradient."""
        return -with_singular_values(gradient, lambda S: torch.full_like(S, self.r))
