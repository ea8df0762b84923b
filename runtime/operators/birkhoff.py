"""Doubly stochastic matrices: the Birkhoff polytope (batched over leading dimensions)."""

from dataclasses import dataclass

import scipy
import torch
from torch import Tensor

from cspec.runtime.operators.base import NotConvergedError, Operator, require_square

# The projection of t X is the same for all large t (the optimal face stops changing): longer
# matrices are shortened to this, where float64 still resolves 1e-9.
LONGEST = 1e6
ITERATIONS = 200
TOLERANCE = 1e-11


def project_birkhoff(V: Tensor) -> Tensor:
    """Nearest doubly stochastic matrix to one square float64 matrix.

    The nearest point is X = max(V + a 1^T + 1 b^T, 0) with (a, b) minimizing the dual
    phi = ||X||^2 / 2 - sum a - sum b, found by a regularized semismooth Newton method with
    backtracking (Li, Sun & Toh 2020, algorithm 1), for long V started from shorter ones.
    Raises NotConvergedError when a sum stays more than 1e-6 off 1.
    """
    if not bool(torch.isfinite(V).all()):
        return torch.full_like(V, torch.nan)
    rows = V.mean(dim=1, keepdim=True)
    V = V - rows - (V - rows).mean(dim=0, keepdim=True)
    longest = float(V.abs().max())
    V = V * (LONGEST / max(longest, LONGEST))
    factor = min(1.0, 10 / max(longest, 10.0) * max(longest, LONGEST) / LONGEST)
    dual = V.new_full((2 * V.shape[0],), 0.5 / V.shape[0])
    while True:
        dual, X, error = _minimize_dual(V * factor, dual)
        if factor == 1.0:
            break
        larger = min(1.0, 10 * factor)
        dual, factor = dual * (larger / factor), larger
    if error > 1e-6:
        raise NotConvergedError(f"birkhoff: a row or column sum is still {error:.3g} off 1")
    return X


def _minimize_dual(V: Tensor, dual: Tensor) -> tuple[Tensor, Tensor, float]:
    """(dual, X, largest error of a sum) after Newton steps from the given dual."""
    goal = TOLERANCE * (1 + float(V.abs().max())) ** 0.5
    X, value = _primal(V, dual)
    for _ in range(ITERATIONS):
        gradient = torch.cat([X.sum(dim=1), X.sum(dim=0)]) - 1
        if float(gradient.abs().max()) <= goal:
            break
        step = _newton_step(X, gradient)
        slope = float(gradient @ step)
        # Near the minimum phi no longer resolves the decrease that a Newton step brings.
        rounding = 1e-14 * (1 + abs(value))
        length = 1.0
        while True:
            tried, new_value = _primal(V, dual + length * step)
            if new_value <= value + 1e-4 * length * slope + rounding or length < 1e-12:
                break
            length /= 2
        dual, X, value = dual + length * step, tried, new_value
    return dual, X, float((torch.cat([X.sum(dim=1), X.sum(dim=0)]) - 1).abs().max())


def _primal(V: Tensor, dual: Tensor) -> tuple[Tensor, float]:
    n = V.shape[0]
    X = torch.relu(V + dual[:n, None] + dual[None, n:])
    return X, float(0.5 * X.square().sum() - dual.sum())


def _newton_step(X: Tensor, gradient: Tensor) -> Tensor:
    """-(H + mu I)^-1 gradient, H the generalized Hessian of the dual at X."""
    active = (X > 0).to(X.dtype)
    H = torch.cat(
        [
            torch.cat([active.sum(dim=1).diag(), active], dim=1),
            torch.cat([active.mT, active.sum(dim=0).diag()], dim=1),
        ]
    )
    mu = 1e-3 * min(1.0, float(gradient.norm())) + 1e-12
    step: Tensor = torch.linalg.solve(H + mu * torch.eye(H.shape[0]).to(H), gradient)
    return -step


@dataclass(frozen=True)
class Birkhoff(Operator, name="birkhoff", convex=True):
    """{X >= 0, every row and column sums to 1}.

    The projection is Euclidean (Sinkhorn scaling is the one in relative entropy, another point).
    """

    def _excess(self, x: Tensor) -> Tensor:
        require_square(x, self.name)
        return torch.cat([x.sum(dim=-1).flatten(), x.sum(dim=-2).flatten()]) - 1

    def residual(self, x: Tensor) -> Tensor:
        return torch.cat([torch.relu(-x).flatten(), self._excess(x)])

    def inequality(self, x: Tensor) -> Tensor:
        excess = self._excess(x)
        return torch.cat([-x.flatten(), excess, -excess])

    def project(self, x: Tensor) -> Tensor:
        require_square(x, self.name)
        if x.numel() == 0:
            return x.clone()
        matrices = x.detach().double().reshape(-1, *x.shape[-2:])
        return torch.stack([project_birkhoff(V) for V in matrices]).reshape(x.shape).to(x.dtype)

    def lmo(self, gradient: Tensor) -> Tensor:
        """The permutation of least cost (Hungarian algorithm, on the host)."""
        require_square(gradient, self.name)
        costs = gradient.detach().double().cpu().reshape(-1, *gradient.shape[-2:])
        vertex = torch.zeros_like(costs)
        for cost, permutation in zip(costs, vertex, strict=True):
            rows, columns = scipy.optimize.linear_sum_assignment(cost.numpy())
            permutation[rows, columns] = 1
        return vertex.reshape(gradient.shape).to(gradient)
