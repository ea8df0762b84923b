"""One point of a run, with what was measured at it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Iterate:
    """One point of the run, measured: its parameters, multipliers and violations together."""

    step: int
    epoch: int
    objective: float
    violation: float
    """Largest violation beyond tolerance, relative to max(1, |bound|)."""
    values: dict[str, float]
    tensors: dict[str, Tensor] = field(repr=False)
    """Parameters and buffers by name (`model.layer.weight`, `x`)."""
    state: dict[str, Tensor] = field(repr=False)
    """The method's state: multipliers, penalties, split copies."""
    split: str = ""
    preference: float = 0.0
    """What preferences add to the minimized objective: sum of weight * violation ** power."""
    bounds: dict[str, float] = field(default_factory=dict)
    """The bound of each requirement where it was measured; it may move with the run."""
    vars: dict[str, float | list[Any]] = field(default_factory=dict)
    multipliers: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    """Filled in for the best and the last iterate of a result."""

    @property
    def feasible(self) -> bool:
        """Whether every requirement was within its tolerance."""
        return self.violation <= 0

    def reading(self, label: str) -> tuple[float, float]:
        """The value and the bound of a requirement; NaN where it was not measured."""
        return self.values.get(label, nan), self.bounds.get(label, nan)


def way_of(iterates: Iterable[Iterate]) -> float:
    """All that the objective moved: the difference of its largest and least value."""
    seen = [i.objective for i in iterates if isfinite(i.objective)]
    return max(seen, default=0.0) - min(seen, default=0.0)
