"""Parametrizations of matrices: symmetric, L L^T, low rank, null space."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from cspec.runtime.operators.linear_algebra import as_matrix, eigh, norm, svd


class SymmetricMap(nn.Module):
    """The upper triangle mirrored, with its sign changed (and a zero diagonal) when skew."""

    def __init__(self, skew: bool = False) -> None:
        super().__init__()
        self.sign = -1.0 if skew else 1.0
        self.offset = 1 if skew else 0

    def forward(self, free: Tensor) -> Tensor:
        return free.triu(self.offset) + self.sign * free.triu(1).mT

    def right_inverse(self, member: Tensor) -> Tensor:
        # The nearest symmetric or skew matrix, as its upper triangle.
        return (member / 2 + self.sign * member.mT / 2).triu(self.offset)


class Cholesky(nn.Module):
    """L L^T with L lower triangular; rows of L scaled to norm 1 for a unit diagonal.

    The gradient vanishes where a row of L is zero: a singular start moves along its range only.
    """

    def __init__(self, unit_diagonal: bool = False) -> None:
        super().__init__()
        self.unit_diagonal = unit_diagonal

    def forward(self, free: Tensor) -> Tensor:
        L = free.tril()
        if self.unit_diagonal and L.numel():
            length = norm(L, dim=-1, keepdim=True)
            eye = torch.eye(L.shape[-1], dtype=L.dtype, device=L.device).expand_as(L)
            L = torch.where(length > 0, L / torch.where(length > 0, length, 1.0), eye)
        return L @ L.mT

    def right_inverse(self, member: Tensor) -> Tensor:
        """L from the QR factor of (V sqrt(lambda))^T: works on singular matrices too."""
        values, vectors = eigh(member / 2 + member.mT / 2)
        root = vectors * values.clamp(min=0).sqrt()[..., None, :]
        R = torch.linalg.qr(root.mT, mode="r")[1]
        signs = torch.where(R.diagonal(dim1=-2, dim2=-1) < 0, -1.0, 1.0).to(R.dtype)
        L: Tensor = (R * signs[..., None]).mT
        return L.to(member.dtype).contiguous()


class LowRank(nn.Module):
    """U V with U (outputs, r) and V (r, rest), two free tensors for one weight."""

    def __init__(self, r: int) -> None:
        super().__init__()
        self.r = r
        self.shape: torch.Size | None = None

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        product = left @ right
        return product if self.shape is None else product.reshape(self.shape)

    def right_inverse(self, member: Tensor) -> tuple[Tensor, Tensor]:
        """The balanced factors U sqrt(S), sqrt(S) V^T of the truncated SVD, zero padded to r."""
        self.shape = member.shape
        U, S, Vh = svd(as_matrix(member))
        root = S.clamp(min=0).sqrt()[: self.r]
        left = U[:, : self.r] * root
        right = root[:, None] * Vh[: self.r]
        missing = self.r - root.shape[0]
        if missing > 0:
            left = functional.pad(left, (0, missing))
            right = functional.pad(right, (0, 0, 0, missing))
        return left.contiguous(), right.contiguous()


class NullSpace(nn.Module):
    """origin + basis z: a flat vector z of coordinates within {x : A x = b}."""

    origin: Tensor
    basis: Tensor

    def __init__(self, origin: Tensor, basis: Tensor) -> None:
        super().__init__()
        self.register_buffer("origin", origin)
        self.register_buffer("basis", basis)
        self.shape: torch.Size | None = None

    def forward(self, free: Tensor) -> Tensor:
        x = (self.origin + self.basis @ free.double()).to(free.dtype)
        return x if self.shape is None else x.reshape(self.shape)

    def right_inverse(self, member: Tensor) -> Tensor:
        self.shape = member.shape
        z = self.basis.mT @ (member.detach().double().flatten() - self.origin)
        return z.to(member.dtype)
