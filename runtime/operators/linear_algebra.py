"""Norms and decompositions that survive huge, empty, degenerate and non-finite input."""

import scipy
import torch
from torch import Tensor

LOW_PRECISION = (torch.float16, torch.bfloat16)
LinAlgError: type[RuntimeError] = torch.linalg.LinAlgError  # type: ignore[attr-defined]


def working(x: Tensor) -> Tensor:
    """x in a type in which LAPACK and sorting are safe: half types become float32."""
    return x.float() if x.dtype in LOW_PRECISION else x


def norm(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Euclidean norm, scaled by the largest entry so that squares do not overflow."""
    if x.numel() == 0 or x.ndim == 0:
        plain: Tensor = torch.linalg.vector_norm(x, dim=dim, keepdim=keepdim)
        return plain
    dims = tuple(range(x.ndim)) if dim is None else (dim,)
    largest = x.detach().abs().amax(dims, keepdim=True)
    usable = (largest > 0) & torch.isfinite(largest)
    scale = torch.where(usable, largest, torch.ones_like(largest))
    length: Tensor = torch.linalg.vector_norm(x / scale, dim=dims, keepdim=True) * scale
    if keepdim:
        return length
    return length.reshape(()) if dim is None else length.squeeze(dim)


def as_matrix(x: Tensor) -> Tensor:
    """A weight as (outputs, rest): kernels are flattened, a vector becomes a column."""
    if x.ndim < 2:
        return x.reshape(-1, 1)
    return x.flatten(1)


def as_rows(x: Tensor) -> Tensor:
    """The rows of a weight seen as (outputs, rest); a vector is one row, and so is a number."""
    return x.reshape(1, -1) if x.ndim < 2 else x.flatten(1)


def row_numbers(shape: torch.Size) -> Tensor:
    """The number of its row for each entry of a weight seen as (outputs, rest)."""
    rows = as_rows(torch.empty(tuple(shape), device="meta")).shape
    return torch.arange(rows[0])[:, None].expand(rows).reshape(shape)


def as_tall(x: Tensor) -> tuple[Tensor, bool]:
    """(outputs, rest), transposed if it is wide; and whether it was transposed."""
    matrix = as_matrix(x)
    wide = matrix.shape[0] < matrix.shape[1]
    return (matrix.mT if wide else matrix), wide


def from_tall(matrix: Tensor, shape: torch.Size, transposed: bool) -> Tensor:
    """Undo `as_tall`."""
    return (matrix.mT if transposed else matrix).reshape(shape)


def split_finite(x: Tensor) -> tuple[Tensor, Tensor]:
    """Matrices with non-finite entries replaced by zero matrices; and which they were."""
    broken = ~torch.isfinite(x).all(dim=-1, keepdim=True).all(dim=-2, keepdim=True)
    return torch.where(broken, torch.zeros_like(x), x), broken


def svd(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Thin SVD of (..., m, n); NaN factors for a matrix with non-finite entries.

    float32 gesdd fails on some nearly orthogonal matrices: float64 is tried next, then gesvd.
    """
    finite, broken = split_finite(working(x).detach())
    nan = torch.where(broken, torch.nan, 0.0).to(finite.dtype)
    U, S, Vh = _svd_with_fallback(finite)
    return (U + nan).to(x.dtype), (S + nan.squeeze(-1)).to(x.dtype), (Vh + nan).to(x.dtype)


def _svd_with_fallback(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    try:
        U, S, Vh = torch.linalg.svd(x, full_matrices=False)
        return U, S, Vh
    except LinAlgError:
        pass
    try:
        U, S, Vh = torch.linalg.svd(x.double(), full_matrices=False)
    except LinAlgError:
        U, S, Vh = _gesvd(x)
    return U.to(x.dtype), S.to(x.dtype), Vh.to(x.dtype)


def _gesvd(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """QR-iteration SVD on the host: slower than gesdd, does not fail where it does."""
    matrices = x.detach().double().cpu().reshape(-1, *x.shape[-2:]).numpy()
    parts = [scipy.linalg.svd(m, full_matrices=False, lapack_driver="gesvd") for m in matrices]
    factors = []
    for position in range(3):
        stacked = torch.stack([torch.from_numpy(part[position]) for part in parts])
        factors.append(stacked.reshape(*x.shape[:-2], *stacked.shape[1:]).to(x.device))
    return factors[0], factors[1], factors[2]


def singular_values(x: Tensor) -> Tensor:
    """Singular values of (..., m, n), decreasing and differentiable; NaN for non-finite input."""
    finite, broken = split_finite(working(x))
    try:
        values: Tensor = torch.linalg.svdvals(finite)
    except LinAlgError:
        values = torch.linalg.svdvals(finite.double()).to(finite.dtype)
    nan = torch.where(broken, torch.nan, 0.0).to(values.dtype).squeeze(-1)
    return (values + nan).to(x.dtype)


def eigh(x: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues and vectors of symmetric (..., n, n) in float64: float32 noise is not PSD."""
    finite, broken = split_finite(x.double())
    values, vectors = torch.linalg.eigh(finite)
    nan = torch.where(broken, torch.nan, 0.0).to(values.dtype)
    return values + nan.squeeze(-1), vectors + nan


def eigenvalues(x: Tensor) -> Tensor:
    """Eigenvalues of symmetric (..., n, n), differentiable, computed in float64."""
    finite, broken = split_finite(x.double())
    values: Tensor = torch.linalg.eigvalsh(finite)
    nan = torch.where(broken, torch.nan, 0.0).to(values.dtype).squeeze(-1)
    return (values + nan).to(x.dtype)


def like(value: float | Tensor, x: Tensor) -> Tensor:
    """A number or tensor with the type and device of x."""
    return torch.as_tensor(value, dtype=x.dtype, device=x.device)
