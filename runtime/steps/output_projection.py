"""A model whose outputs hold affine constraints for every input (HardNet-Aff).

    f <- f + A^+ ([lo - A f]+ - [A f - hi]+)

Min and Azizan 2024, "HardNet: hard-constrained neural networks with universal approximation
guarantees". A has full row rank, so A A^+ = I and lo <= A f <= hi afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ProjectOutputs:
    """A forward hook that projects what a model returns."""

    def __init__(
        self, rows: Sequence[Sequence[float]], lower: Sequence[float], upper: Sequence[float]
    ) -> None:
        self.rows = torch.tensor(rows, dtype=torch.float64)
        self.inverse = torch.linalg.pinv(self.rows)
        self.lower = torch.tensor(lower, dtype=torch.float64)
        self.upper = torch.tensor(upper, dtype=torch.float64)

    def __call__(self, module: nn.Module, inputs: object, output: Tensor) -> Tensor:
        squeezed = output.ndim == 1 and self.rows.shape[1] == 1
        values = output.unsqueeze(-1) if squeezed else output
        rows, inverse = self.rows.to(values), self.inverse.to(values)
        products = values @ rows.T
        short = torch.relu(self.lower.to(values) - products)
        over = torch.relu(products - self.upper.to(values))
        projected: Tensor = values + (short - over) @ inverse.T
        return projected.squeeze(-1) if squeezed else projected


def project_outputs_(
    model: nn.Module,
    rows: Sequence[Sequence[float]],
    lower: Sequence[float],
    upper: Sequence[float],
) -> None:
    """From here on the model's outputs hold lower <= rows @ output <= upper.

    A projection that an earlier run left is replaced.
    """
    for key, hook in list(model._forward_hooks.items()):
        if isinstance(hook, ProjectOutputs):
            del model._forward_hooks[key]
    model.register_forward_hook(ProjectOutputs(rows, lower, upper))
