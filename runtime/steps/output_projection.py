"""A model whose outputs hold affine constraints for every input (HardNet-Aff).

    f <- f + A^+ ([lo - A f]+ - [A f - hi]+)

Min and Azizan 2024, "HardNet: hard-constrained neural networks with universal approximation
guarantees". A has full row rank, so A A^+ = I and lo <= A f <= hi afterwards: the bounds of an
interval are taken inside it by what the arithmetic of a row may be wrong by,

    margin = (n + 3) eps (I + |A| |A^+|) (|A| |f| + |bound|)      n entries of a row that are not 0

(Higham, "Accuracy and stability of numerical algorithms", 3.1: products of n terms, what they are
corrected by, and the rounding of what is put out). Outputs of float32 in the tens broke their bound
by 1e-6 without.
"""

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
        size, terms = self.rows.abs(), (self.rows != 0).sum(1, keepdim=True) + 3
        reach = terms * (torch.eye(len(size), dtype=torch.float64) + size @ self.inverse.abs())
        self.of_outputs = reach @ size
        self.of_bounds = reach @ torch.minimum(self.lower.abs(), self.upper.abs())

    def __call__(self, module: nn.Module, inputs: object, output: Tensor) -> Tensor:
        squeezed = output.ndim == 1 and self.rows.shape[1] == 1
        values = output.unsqueeze(-1) if squeezed else output
        rows, inverse = self.rows.to(values), self.inverse.to(values)
        products = values @ rows.T
        lower, upper = self._within(values.detach())
        short = torch.relu(lower - products)
        over = torch.relu(products - upper)
        projected: Tensor = values + (short - over) @ inverse.T
        return projected.squeeze(-1) if squeezed else projected

    def _within(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """The bounds, inside of intervals by the rounding of these outputs, at most half way."""
        lower, upper = self.lower.to(values), self.upper.to(values)
        size = values.abs() @ self.of_outputs.to(values).T + self.of_bounds.to(values)
        margin = torch.finfo(values.dtype).eps * size
        margin = torch.minimum(margin, (upper - lower) / 2)
        return lower + margin, upper - margin


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
