"""Parametrizations of orthonormal columns: Cayley, matrix exponential, Householder.

Each takes a weight as (outputs, rest), transposed if wide. `right_inverse` keeps the member in a
buffer of the state dict and returns a free tensor near zero, so every member is reached exactly.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from cspec.runtime.operators.linear_algebra import as_tall, from_tall

Nearest = Callable[[Tensor], Tensor]


def qr_columns(V: Tensor) -> Tensor:
    """Orthonormal columns by QR with positive diagonal: the default for a plain member."""
    Q, R = torch.linalg.qr(V)
    signs = torch.where(R.diagonal(dim1=-2, dim2=-1) < 0, -1.0, 1.0).to(Q.dtype)
    columns: Tensor = Q * signs[..., None, :]
    return columns


class _AroundBase(nn.Module):
    """Maps of the form Q(A) base with A = X base^T - base X^T skew and X free, n x k."""

    base: Tensor | None

    def __init__(self, nearest: Nearest = qr_columns) -> None:
        super().__init__()
        self.nearest = nearest
        self.register_buffer("base", None)

    def rotate(self, free: Tensor, base: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, free: Tensor) -> Tensor:
        tall, transposed = as_tall(free)
        if tall.numel() == 0:
            return free.clone()
        base = self.base
        if base is None:
            base = torch.eye(*tall.shape, dtype=tall.dtype, device=tall.device)
        Y = self.rotate(tall, base)
        # One Newton-Schulz step takes out the rounding of the solve; its gradient is exact.
        eye = torch.eye(Y.shape[-1], dtype=Y.dtype, device=Y.device)
        Y = Y - 0.5 * Y @ (Y.mT @ Y - eye)
        return from_tall(Y, free.shape, transposed)

    def right_inverse(self, member: Tensor) -> Tensor:
        tall, _ = as_tall(member)
        self.base = self.nearest(tall.detach()).clone()
        return torch.zeros_like(member)


class Cayley(_AroundBase):
    """(I + A/2)^-1 (I - A/2) base, by a 2k x 2k solve (Wen & Yin 2013, lemma 4)."""

    def rotate(self, free: Tensor, base: Tensor) -> Tensor:
        U = torch.cat([free, base], dim=1)
        V = torch.cat([base, -free], dim=1)
        eye = torch.eye(U.shape[1], dtype=U.dtype, device=U.device)
        inner: Tensor = torch.linalg.solve(eye + 0.5 * V.mT @ U, V.mT @ base)
        return base - U @ inner


class MatrixExp(_AroundBase):
    """exp(A) base; an n x n exponential, the dearest of the three maps."""

    def rotate(self, free: Tensor, base: Tensor) -> Tensor:
        half = free @ base.mT
        rotation: Tensor = torch.linalg.matrix_exp(half - half.mT)
        return rotation @ base


class Householder(nn.Module):
    """Product of k reflections I - tau v v^T, v unit lower triangular, columns times signs.

    The signs are those of the member it starts from, around which v is moderate. Members far from
    it may lie at v without bound: Cayley is the better map for a long way.
    """

    signs: Tensor | None

    def __init__(self, nearest: Nearest = qr_columns) -> None:
        super().__init__()
        self.nearest = nearest
        self.register_buffer("signs", None)

    def forward(self, free: Tensor) -> Tensor:
        tall, transposed = as_tall(free)
        if tall.numel() == 0:
            return free.clone()
        Q = reflections(tall)
        if self.signs is not None:
            Q = Q * self.signs
        return from_tall(Q, free.shape, transposed)

    def right_inverse(self, member: Tensor) -> Tensor:
        tall, transposed = as_tall(member)
        if tall.numel() == 0:
            return member.clone()
        Q = self.nearest(tall.detach())
        vectors = torch.geqrf(Q)[0].tril(-1)
        product = (reflections(vectors) * Q).sum(dim=0)
        self.signs = torch.where(product < 0, -1.0, 1.0).to(Q.dtype)
        return from_tall(vectors, member.shape, transposed)


def reflections(X: Tensor) -> Tensor:
    """First k columns of the product of the reflections below the diagonal of X, n x k."""
    below = X.tril(-1)
    vectors = below + torch.eye(*X.shape, dtype=X.dtype, device=X.device)
    tau = 2 / (1 + below.square().sum(dim=0))
    product: Tensor = torch.linalg.householder_product(vectors, tau)
    return product
