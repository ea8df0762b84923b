"""One task: a spec without any setting, and the same problem written down in plain torch.

The plain form is what judges a run and what the references solve; it uses nothing of cspec.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

SPECS = Path(__file__).parent / "specs"
FAMILIES = ("smooth", "rates", "sets", "pruning", "decisions", "networks")
Half = Literal["development", "held"]
Columns = Mapping[str, Tensor]
"""Examples by column: `x` (N, features), others (N,) or (N, outputs)."""
Arrays = dict[str, NDArray[np.generic]]


class MissingDataError(Exception):
    """Data that a task needs and that are not on this machine."""


@dataclass(frozen=True)
class Task:
    """A requirement that is stated, with how to count whether it is met.

    `requirements(point, columns, soft)` are by label the numbers that must be <= 0 (== 0 where the
    label is in `equal`); with `soft` events are replaced by something that has a gradient, which
    only the references look at. `objective` is what is minimized (the sign is turned where the
    spec maximizes).
    """

    name: str
    family: str
    half: Half
    data: Callable[[], Arrays]
    start: Callable[[], nn.Module]
    """What moves, as the references start it: a model, or decision variables by name."""
    objective: Callable[[nn.Module, Columns, bool], Tensor]
    requirements: Callable[[nn.Module, Columns, bool], Mapping[str, Tensor]]
    equal: frozenset[str] = frozenset()
    allowed: float = 1e-4
    """Largest violation that counts as met, at scale 1; equalities: `allowed_equal`."""
    allowed_equal: float = 1e-3
    project: Callable[[nn.Module], None] | None = None
    """Moves a point to the nearest one within the requirements, in place."""
    prune: Callable[[nn.Module], None] | None = None
    """Like `project`, for sets that are not convex: for the references that retrain in a set."""
    optimum: Literal["slsqp", "projected"] | Callable[[Columns], float] | None = None
    """How the best objective is known: solved by scipy, by projections, or stated."""
    test: Callable[[], Arrays] | None = None
    """Data whose accuracy is the quality, in place of the objective."""
    scales: bool = True
    """Whether the requirement can be multiplied through (a membership can't)."""
    variables: bool = False
    """Whether decision variables move instead of a model."""

    @property
    def counted(self) -> bool:
        """Whether the requirement counts something: it is compared exactly, and `soft` matters."""
        return self.allowed < 1e-6

    @property
    def path(self) -> Path:
        """The spec."""
        return SPECS / f"{self.name}.cspec"

    def columns(self, dtype: torch.dtype = torch.float64) -> Columns:
        """The data as tensors."""
        return as_columns(self.data(), dtype)


def as_columns(arrays: Arrays, dtype: torch.dtype = torch.float64) -> Columns:
    """Numbers as tensors of one type; whole numbers and text (by sorted value) as int64."""
    found = {}
    for name, array in arrays.items():
        if array.dtype.kind in "US":
            array = np.unique(array, return_inverse=True)[1]
        whole = array.dtype.kind in "iub"
        found[name] = torch.as_tensor(array).to(torch.int64 if whole else dtype)
    return found


class Variables(nn.Module):
    """Decision variables as parameters: `Variables(w=torch.zeros(3)).w`."""

    def __init__(self, **values: Tensor | float | list[float]) -> None:
        super().__init__()
        for name, value in values.items():
            tensor = torch.as_tensor(value, dtype=torch.float64).clone()
            self.register_parameter(name, nn.Parameter(tensor))

    if TYPE_CHECKING:  # torch types attributes as tensors or modules

        def __getattr__(self, name: str) -> Tensor: ...


def output(model: nn.Module, columns: Columns) -> Tensor:
    """The one output of each example, (N,)."""
    found: Tensor = model(columns["x"])
    return found.reshape(len(found))


def outputs(model: nn.Module, columns: Columns) -> Tensor:
    """All outputs, (N, outputs)."""
    found: Tensor = model(columns["x"])
    return found


def mean(values: Tensor, where: Tensor | None = None) -> Tensor:
    """Mean over the examples for which `where` holds (a number in [0, 1] weighs)."""
    if where is None:
        return values.mean()
    weight = where.to(values.dtype)
    return (values * weight).sum() / weight.sum().clamp(min=1e-12)


def over(values: Tensor, level: float | Tensor, soft: bool) -> Tensor:
    """Whether values are above a level, 0 or 1; with `soft` the sigmoid of the difference."""
    difference = values - level
    return torch.sigmoid(difference) if soft else (difference > 0).to(values.dtype)


def chosen(logits: Tensor, label: int, soft: bool) -> Tensor:
    """Whether the class `label` is predicted, 0 or 1; with `soft` its probability."""
    if soft:
        return logits.softmax(1)[:, label]
    return (logits.argmax(1) == label).to(logits.dtype)


def bce(logit: Tensor, target: Tensor) -> Tensor:
    """log(1 + exp(z)) - t z, one number an example."""
    return nn.functional.softplus(logit) - target.to(logit.dtype) * logit


def ce(logits: Tensor, target: Tensor) -> Tensor:
    """log sum exp(z) - z[target], one number an example."""
    return logits.logsumexp(1) - logits.gather(1, target[:, None])[:, 0]
