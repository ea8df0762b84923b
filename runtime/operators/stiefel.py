"""Orthonormal columns: the Stiefel manifold, and three ways onto it.

newton_schulz  the polar factor U W^T of V = U S W^T, the nearest member: X <- X (3 I - X^T X) / 2,
               iterated until it is there. A fixed small number of iterations is no projection (5
               from a safe scaling leave |X^T X - I| = 0.5), so it is not offered.
svd            the same matrix by its definition, 2 to 4 times as slow. float32 gesdd fails on some
               nearly orthogonal matrices, that is, in the middle of a training run: float64 is
               tried next, then gesvd.
qr             Q of V = Q R with the diagonal of R made positive: a retraction, as near to a member
               as V is, but not the nearest. Columns come first in their order, so that errors of
               the last columns pile up; the lowest accuracy of the three on digits.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cspec.runtime.operators.base import Operator, OperatorError
from cspec.runtime.operators.linear_algebra import as_tall, from_tall, split_finite, svd, working
from cspec.runtime.operators.maps import PARAMETRIZATIONS
from cspec.runtime.operators.maps.orthogonal import qr_columns

# Up to sigma_max^2 = 2 an iteration takes every singular value nearer to 1; beyond it (and surely
# beyond 3, where it diverges) the matrix is scaled down first.
SAFE_GRAM = 2.0
# From here one float64 iteration ends near 1e-8 (the error e becomes 3/4 e^2).
COARSE = 1e-4
# 1.5^24 = 17,000: worse conditioned matrices are cheaper and more exact by SVD.
ITERATIONS = 24


def gram_error(X: Tensor) -> Tensor:
    """X^T X - I for tall (..., n, k)."""
    return X.mT @ X - torch.eye(X.shape[-1], dtype=X.dtype, device=X.device)


def polar(V: Tensor) -> Tensor:
    """The orthonormal factor U W^T of V = U S W^T, for tall (..., n, k), batched.

    Newton-Schulz X <- X (3 I - X^T X) / 2 until max |X^T X - I| is small, the last step in
    float64; matrices on which it does not converge go through a float64 SVD. NaN stays NaN.
    """
    if V.numel() == 0:
        return V.clone()
    finite, broken = split_finite(working(V))
    X = _prescaled(finite)
    error = gram_error(X)
    for _ in range(ITERATIONS):
        if not bool((error.abs() > COARSE).any()):
            break
        X = X - 0.5 * X @ error
        error = gram_error(X)
    X = X.double()
    for _ in range(2 if V.dtype == torch.float64 else 1):
        X = X - 0.5 * X @ gram_error(X)
    failed = ~(gram_error(X).abs().amax(dim=(-2, -1)) <= 1e-7)
    if bool(failed.any()):
        U, _, Wh = svd(finite[failed].double())
        X[failed] = U @ Wh
    return torch.where(broken, torch.nan, X).to(V.dtype)


def nearest_by_svd(V: Tensor) -> Tensor:
    """The polar factor U W^T from V = U S W^T, for tall (..., n, k), batched. NaN stays NaN."""
    if V.numel() == 0:
        return V.clone()
    U, _, Wh = svd(V)
    return U @ Wh


def retract_by_qr(V: Tensor) -> Tensor:
    """Q of V = Q R with diag R >= 0, for tall (..., n, k), batched: orthonormal, not the nearest.

    With that sign Q is unique for V of full rank, moves continuously with V, and is V itself where
    V is orthonormal (Absil, Mahony and Sepulchre 2008, section 4.1.1). NaN stays NaN.
    """
    if V.numel() == 0:
        return V.clone()
    finite, broken = split_finite(working(V).detach())
    largest = finite.abs().amax(dim=(-2, -1), keepdim=True)
    Q = qr_columns(finite / torch.where(largest > 0, largest, torch.ones_like(largest)))
    return torch.where(broken, torch.nan, Q).to(V.dtype)


WAYS = {"newton_schulz": polar, "svd": nearest_by_svd, "qr": retract_by_qr}


def _prescaled(V: Tensor) -> Tensor:
    """V with sigma_max <= sqrt(SAFE_GRAM): untouched if it has it already, else sigma_max <= 1."""
    largest = V.abs().amax(dim=(-2, -1), keepdim=True)
    moderate = torch.where(largest > 2, V / largest.clamp(min=1), V)
    # The largest row sum of a Gram matrix bounds its largest eigenvalue, sigma_max^2.
    bound = (moderate.mT @ moderate).abs().sum(dim=-1).amax(dim=-1)[..., None, None]
    small = bound < 0.25
    scale = torch.where((bound > SAFE_GRAM) | small, bound, torch.ones_like(bound)).sqrt()
    return moderate / torch.where(scale > 0, scale, torch.ones_like(scale))


@dataclass(frozen=True)
class Stiefel(
    Operator,
    name="stiefel",
    convex=False,
    states_equality=True,
    maps=("cayley", "householder", "matrix_exp"),
):
    """{W : V^T V = I} with V the weight as (outputs, rest), transposed if wide.

    The projection is the polar factor, the nearest such matrix in the Frobenius norm; with
    `by="qr"` a retraction in its place.
    """

    by: str = "newton_schulz"

    def __post_init__(self) -> None:
        if self.by not in WAYS:
            raise OperatorError(f"stiefel has no way `{self.by}` (ways: {', '.join(WAYS)})")

    def residual(self, x: Tensor) -> Tensor:
        return gram_error(as_tall(x)[0])

    def project(self, x: Tensor) -> Tensor:
        tall, transposed = as_tall(x)
        return from_tall(WAYS[self.by](tall), x.shape, transposed)

    def _map(self, by: str) -> nn.Module:
        return PARAMETRIZATIONS[by](polar)

    def lmo(self, gradient: Tensor) -> Tensor:
        """-U V^T of the gradient's SVD."""
        tall, transposed = as_tall(gradient)
        return -from_tall(polar(tall), gradient.shape, transposed)

    def across(self, x: Tensor, gradient: Tensor) -> Tensor | None:
        """W (I - 2 v v^T), of a square W: the other sign of its determinant.

        f changes by about -2 v^T W^T G v, so v is the first eigenvector of sym(W^T G). Not square,
        or a tensor without rows, is connected.
        """
        W, transposed = as_tall(x)
        if W.shape[-1] != W.shape[-2] or W.numel() == 0 or W.dim() > 2:
            return None
        inner = W.mT @ as_tall(gradient)[0]
        v = torch.linalg.eigh((inner + inner.mT) / 2).eigenvectors[:, -1:]
        return from_tall(W - 2 * W @ v @ v.mT, x.shape, transposed)

    def project_momentum(self, x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
        """The tangent part M - W sym(W^T M)."""
        W, transposed = as_tall(x_projected)
        M, _ = as_tall(momentum)
        inner = W.mT @ M
        return from_tall(M - W @ (inner + inner.mT) / 2, momentum.shape, transposed)
