"""The probability simplex on each row of a weight, and its k-sparse part."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cspec.runtime.operators.base import EmptySetError, Operator, require_vectors
from cspec.runtime.operators.linear_algebra import as_rows, working
from cspec.runtime.operators.maps.elementwise import Softmax
from cspec.runtime.operators.sparsity import allowed_count


def project_simplex(v: Tensor, total: float | Tensor = 1.0) -> Tensor:
    """Nearest point of {x >= 0, sum x = total} along the last dimension.

    Sort decreasing, r = max{k : u_k > (sum_{i<=k} u_i - total) / k}, then
    max(v - theta, 0) with theta = (sum_{i<=r} u_i - total) / r (Duchi et al. 2008, figure 1).
    """
    if v.numel() == 0:
        return v.clone()
    x = working(v)
    # The projection ignores a common shift: with the maximum at 0 no precision is lost to it.
    x = x - x.amax(dim=-1, keepdim=True)
    ordered = x.sort(dim=-1, descending=True).values
    rank = torch.arange(1, x.shape[-1] + 1, device=x.device, dtype=x.dtype)
    theta = (ordered.cumsum(dim=-1) - total) / rank
    size = (ordered > theta).sum(dim=-1, keepdim=True).clamp(min=1)
    return torch.relu(x - theta.gather(-1, size - 1)).to(v.dtype)


def simplex_residual(x: Tensor, total: float) -> Tensor:
    """Negative parts and the excess of the sum, along the last dimension."""
    return torch.cat([torch.relu(-x), x.sum(dim=-1, keepdim=True) - total], dim=-1)


def face_momentum(x_projected: Tensor, momentum: Tensor) -> Tensor:
    """Momentum within the face of the simplex: zero off the support, mean zero on it."""
    support = (x_projected > 0).to(momentum.dtype)
    size = support.sum(dim=-1, keepdim=True).clamp(min=1)
    mean = (momentum * support).sum(dim=-1, keepdim=True) / size
    return (momentum - mean) * support


def lowest_vertex(gradient: Tensor, total: float) -> Tensor:
    """total at the smallest entry of the gradient, along the last dimension."""
    vertex = torch.zeros_like(gradient)
    if gradient.numel() == 0:
        return vertex
    return vertex.scatter(-1, gradient.argmin(dim=-1, keepdim=True), total)


@dataclass(frozen=True)
class Simplex(Operator, name="simplex", convex=True, by_row=True, maps=("softmax",)):
    """{x : x >= 0, sum x = total} of each row of (outputs, rest)."""

    total: float = 1.0

    def __post_init__(self) -> None:
        if not self.total >= 0:
            raise EmptySetError(f"simplex(total={self.total}): a nonnegative total is needed")

    def residual(self, x: Tensor) -> Tensor:
        require_vectors(x, self.name)
        return simplex_residual(as_rows(x), self.total)

    def inequality(self, x: Tensor) -> Tensor:
        """(-x, sum - total, total - sum), the sums row by row."""
        require_vectors(x, self.name)
        excess = as_rows(x).sum(dim=-1) - self.total
        return torch.cat([-x.flatten(), excess, -excess])

    def project(self, x: Tensor) -> Tensor:
        require_vectors(x, self.name)
        return project_simplex(as_rows(x), self.total).reshape(x.shape)

    def _map(self, by: str) -> nn.Module:
        return Softmax(self.total)

    def lmo(self, gradient: Tensor) -> Tensor:
        return lowest_vertex(as_rows(gradient), self.total).reshape(gradient.shape)

    def project_momentum(self, x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
        moved = face_momentum(as_rows(x_projected), as_rows(momentum))
        return moved.reshape(momentum.shape)


@dataclass(frozen=True)
class SparseSimplex(
    Operator, name="sparse_simplex", convex=False, by_row=True, states_equality=True
):
    """Members of the simplex with at most k positive entries, along the last dimension.

    `k` is an integer count or a fraction of the entries.
    Nearest point: the k largest (signed) entries projected on the simplex, zero elsewhere
    (Kyrillidis et al. 2013, "Sparse projections onto the simplex").
    """

    k: float
    total: float = 1.0

    def __post_init__(self) -> None:
        self._require(self.k if isinstance(self.k, int) else 1)

    def _require(self, k: float) -> None:
        if k < 1 or not self.total >= 0:
            raise EmptySetError(
                f"sparse_simplex(k={k}, total={self.total}): "
                "k must be at least 1 and the total nonnegative"
            )

    def _count(self, size: int) -> int:
        """How many of so many entries may be positive."""
        count = allowed_count(self.k, size)
        self._require(count if size else 1)
        return count

    def residual(self, x: Tensor) -> Tensor:
        """The simplex residual, and the entries beyond the k largest in magnitude."""
        require_vectors(x, self.name)
        order = x.abs().argsort(dim=-1, descending=True, stable=True)
        beyond = x.gather(-1, order[..., self._count(x.shape[-1]) :])
        return torch.cat([simplex_residual(x, self.total), beyond], dim=-1)

    def project(self, x: Tensor) -> Tensor:
        require_vectors(x, self.name)
        if x.numel() == 0:
            return x.clone()
        top = working(x).topk(self._count(x.shape[-1]), dim=-1)
        weights = project_simplex(top.values, self.total).to(x.dtype)
        projected = torch.zeros_like(x).scatter(-1, top.indices, weights)
        return torch.where(x.isnan().any(dim=-1, keepdim=True), torch.nan, projected).to(x.dtype)

    def lmo(self, gradient: Tensor) -> Tensor:
        return lowest_vertex(gradient, self.total)

    def project_momentum(self, x_projected: Tensor, x_before: Tensor, momentum: Tensor) -> Tensor:
        return face_momentum(x_projected, momentum)
