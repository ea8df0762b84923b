"""Measuring the true requirements: which data each is measured on, and the verdict.

Nothing here moves a parameter, a generator or a mode.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cspec.compiler.program import ConstraintFacts
from cspec.compiler.which_data import Where
from cspec.runtime.data.dataset import Dataset
from cspec.runtime.data.order import generator_for
from cspec.runtime.modes import measuring

Primal = Mapping[str, Any]
Columns = Mapping[str, Tensor]
Evaluate = Callable[[Primal, Mapping[str, Columns]], Mapping[str, tuple[Tensor, Tensor]]]

ERROR_GROUPS = 20
ERROR_ROWS = 200
"""Fewer rows than this give no standard error."""


@dataclass(frozen=True)
class Measurement:
    """One constraint on named data, in the units as written."""

    value: float
    bound: float
    split: str | None
    n: int | None
    standard_error: float | None = None


def models_in(primal: Primal) -> list[nn.Module]:
    """The modules among the primal variables."""
    return [value for value in primal.values() if isinstance(value, nn.Module)]


def _number(value: Tensor | float) -> float:
    """A variable that is reported as it stands carries its gradient along."""
    return float(value.detach()) if isinstance(value, Tensor) else float(value)


def amount(constraint: ConstraintFacts, value: float, bound: float) -> float:
    """How far the constraint is from being met: 0 where it holds, NaN where it was not measured."""
    if math.isnan(value) or math.isnan(bound):
        return math.nan
    match constraint.relation:
        case "<=":
            return max(0.0, value - bound) if value != bound else 0.0
        case ">=":
            return max(0.0, bound - value) if value != bound else 0.0
        case "==":
            return abs(value - bound) if value != bound else 0.0
        case "in":
            return max(0.0, value)


def holds(constraint: ConstraintFacts, value: float, bound: float) -> bool:
    """The verdict: the violation is within the tolerance. NaN never satisfies anything."""
    violation = amount(constraint, value, bound)
    return violation <= constraint.tolerance


def excess(constraint: ConstraintFacts, value: float, bound: float) -> float:
    """Violation beyond the tolerance, relative to max(1, |bound|); infinite for NaN."""
    violation = amount(constraint, value, bound)
    if math.isnan(violation):
        return math.inf
    return max(0.0, violation - constraint.tolerance) / max(1.0, abs(bound))


class Measurer:
    """Evaluates constraints of a program on datasets, as deployed."""

    def __init__(
        self,
        evaluate: Evaluate,
        primal: Primal,
        data: Mapping[str, Dataset],
        constraints: Sequence[ConstraintFacts],
    ) -> None:
        self._evaluate = evaluate
        self.primal = primal
        self._data = data
        self._constraints = constraints

    def on(self, data: Mapping[str, Dataset]) -> Measurer:
        """The same constraints and parameters on other datasets of the same names."""
        return Measurer(self._evaluate, self.primal, data, self._constraints)

    def columns(self, replaced: Iterable[tuple[str, str]] = ()) -> dict[str, Columns]:
        """Whole datasets by name, some standing in for others."""
        found: dict[str, Columns] = {name: data.columns for name, data in self._data.items()}
        for name, stand_in in replaced:
            found[name] = self._data[stand_in].columns
        return found

    def values(self, data: Mapping[str, Columns]) -> dict[str, tuple[float, float]]:
        """Value and bound of every constraint on the data given."""
        with measuring(models_in(self.primal)):
            found = self._evaluate(self.primal, data)
        return {label: (_number(value), _number(bound)) for label, (value, bound) in found.items()}

    def measure(self, places: Mapping[str, Where], errors: bool = False) -> dict[str, Measurement]:
        """Every constraint where `places` says; one evaluation for each combination of data."""
        found: dict[str, Measurement] = {}
        for replaced in dict.fromkeys(place.replaced for place in places.values()):
            values = self.values(self.columns(replaced))
            labels = [label for label, place in places.items() if place.replaced == replaced]
            spread = self._errors(labels, replaced) if errors else {}
            for label in labels:
                value, bound = values[label]
                constraint = self._constraint(label)
                rows = self._rows(constraint, dict(replaced))
                found[label] = Measurement(
                    value, bound, places[label].split, rows, spread.get(label)
                )
        return found

    def _constraint(self, label: str) -> ConstraintFacts:
        return next(c for c in self._constraints if c.label == label)

    def _rows(self, constraint: ConstraintFacts, stand_ins: Mapping[str, str]) -> int | None:
        names = [stand_ins.get(name, name) for name in constraint.datasets]
        return sum(len(self._data[name]) for name in names if name in self._data) or None

    def _errors(
        self, labels: Sequence[str], replaced: Iterable[tuple[str, str]]
    ) -> dict[str, float]:
        """Standard errors by random groups: the spread of the values on disjoint random parts.

        With K groups the error of the whole is s(values of the groups) / sqrt(K) (Wolter 2007,
        Introduction to Variance Estimation, ch. 2). None where a group is too small to be
        measured, or where a constraint runs over several datasets.
        """
        whole = self.columns(replaced)
        single = [c for c in self._constraints if c.label in labels and len(c.datasets) == 1]
        found: dict[str, float] = {}
        for name in dict.fromkeys(c.datasets[0] for c in single):
            columns = whole.get(name)
            rows = 0 if columns is None else len(next(iter(columns.values())))
            if columns is None or rows < ERROR_ROWS:
                continue
            order = torch.randperm(rows, generator=generator_for("errors", name))
            groups: list[dict[str, tuple[float, float]]] = []
            for part in order.chunk(ERROR_GROUPS):
                taken = {k: v[part.to(v.device)] for k, v in columns.items()}
                groups.append(self.values({**whole, name: taken}))
            for constraint in single:
                if constraint.datasets[0] == name:
                    values = [group[constraint.label][0] for group in groups]
                    found |= _spread(constraint.label, values)
        return found


def _spread(label: str, values: Sequence[float]) -> dict[str, float]:
    if any(not math.isfinite(value) for value in values):
        return {}
    count = len(values)
    center = sum(values) / count
    variance = sum((value - center) ** 2 for value in values) / (count - 1)
    return {label: math.sqrt(variance / count)}
