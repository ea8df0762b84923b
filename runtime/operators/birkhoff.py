"""Doubly stochastic matrices: the Birkhoff polytope (batched over leading dimensions)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from cspec.runtime.operators.base import Operator, require_square
from cspec.runtime.operators.dykstra import dykstra
from cspec.runtime.operators.simplex import project_simplex


def _columns(x: Tensor) -> Tensor:
    return project_simplex(x.mT).mT


@dataclass(frozen=True)
class Birkhoff(Operator):
    """{X >= 0, every row and column sums to 1}.

    Euclidean projection by Dykstra between "rows in the simplex" and "columns in the simplex"
    (Sinkhorn scaling is the projection in relative entropy, another point).
    """

    name: ClassVar[str] = "birkhoff"
    convex: ClassVar[bool] = True

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
        return dykstra(x, (project_simplex, _columns)).point.to(x.dtype)

    def lmo(self, gradient: Tensor) -> Tensor:
        """The permutation of least cost (Hungarian algorithm, on the host)."""
        require_square(gradient, self.name)
        costs = gradient.detach().double().cpu().reshape(-1, *gradient.shape[-2:])
        vertex = torch.zeros_like(costs)
        for cost, permutation in zip(costs, vertex, strict=True):
            rows, columns = linear_sum_assignment(cost.numpy())
            permutation[rows, columns] = 1
        return vertex.reshape(gradient.shape).to(gradient)
