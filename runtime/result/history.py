"""The trajectory of a run: recorded on the device, brought to the host every so often."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.result.entries import ByLabel, numbers_of, places, prices, violations

LOGGED_POINTS = 2_000
"""A run logs about this many steps, evenly spaced."""


@dataclass(frozen=True)
class Row:
    """One logged step, one number a constraint (`entries.violation`, `entries.price`).

    The objective is the one written, with preferences added in the sense of the optimization.
    Violations are canonical (g <= 0, h = 0); NaN: not measured.
    """

    step: int
    epoch: int
    objective: float
    violations: Mapping[str, float]
    multipliers: Mapping[str, float]

    def as_json(self) -> dict[str, Any]:
        """The line of `log.jsonl`."""
        by_label = {"violations": dict(self.violations), "multipliers": dict(self.multipliers)}
        return {"type": "step", **self.__dict__, **by_label}


def stride(total_steps: int) -> int:
    """Steps between two logged ones."""
    return max(1, total_steps // LOGGED_POINTS)


class History:
    """Rows of the run. `add` keeps references to detached tensors, `flush` reads them."""

    def __init__(self, constraints: Sequence[ConstraintFacts], total_steps: int) -> None:
        self._constraints = [c for c in constraints if c.segment is not None]
        self._places = places(self._constraints)
        priced = all(c.multipliers for c in self._constraints)
        self._priced = self._places if priced else None
        self._stride = stride(total_steps)
        self._total = total_steps
        self._waiting: list[tuple[int, int, Tensor, Tensor, Tensor | None]] = []
        self.rows: list[Row] = []

    def add(
        self, step: int, epoch: int, objective: Tensor, true: Tensor, multipliers: Tensor | None
    ) -> None:
        """Note a step, of tensors without a graph; nothing waits for the device."""
        if step % self._stride and step not in (1, self._total):
            return
        held = None if multipliers is None else multipliers.detach().clone()
        self._waiting.append((step, epoch, objective, true, held))

    def flush(self) -> list[Row]:
        """Bring what is waiting to the host; the new rows."""
        if not self._waiting:
            return []
        objectives = torch.stack([item[2].reshape(()) for item in self._waiting]).tolist()
        trues = torch.stack([item[3] for item in self._waiting]).cpu()
        held = [item[4] for item in self._waiting if item[4] is not None]
        multipliers = torch.stack(held).cpu() if held else None
        new = [
            Row(
                step=item[0],
                epoch=item[1],
                objective=objectives[index],
                violations=self._violations(trues[index]),
                multipliers=self._prices(None if multipliers is None else multipliers[index]),
            )
            for index, item in enumerate(self._waiting)
        ]
        self._waiting.clear()
        self.rows.extend(new)
        return new

    def _violations(self, true: Tensor) -> Mapping[str, float]:
        if self._places is None or len(self._places) != len(true):
            return violations(true, self._constraints)
        return ByLabel(self._places, true.tolist())

    def _prices(self, multipliers: Tensor | None) -> Mapping[str, float]:
        if multipliers is None or self._priced is None or len(self._priced) != len(multipliers):
            return prices(multipliers, self._constraints)
        return ByLabel(self._priced, multipliers.tolist())

    def state_dict(self) -> list[dict[str, Any]]:
        """All rows as tables, one of those in a row that have the same labels."""
        self.flush()
        alike = groupby(self.rows, lambda row: [list(row.violations), list(row.multipliers)])
        return [_table(labels, list(rows)) for labels, rows in alike]

    def load_state_dict(self, tables: Sequence[Mapping[str, Any]]) -> None:
        """The rows that `state_dict` gave."""
        self.rows = [row for table in tables for row in _rows(table)]
        self._waiting.clear()


def _table(labels: list[list[str]], rows: Sequence[Row]) -> dict[str, Any]:
    """Labels, and the numbers of each row: objective, violations, multipliers."""
    numbers = [[r.objective, *numbers_of(r.violations), *numbers_of(r.multipliers)] for r in rows]
    return {
        "labels": labels,
        "steps": torch.tensor([(row.step, row.epoch) for row in rows]),
        "numbers": torch.tensor(numbers, dtype=torch.float64),
    }


def _rows(table: Mapping[str, Any]) -> Iterator[Row]:
    violated, priced = ({label: i for i, label in enumerate(part)} for part in table["labels"])
    end = 1 + len(violated)
    steps, numbers = table["steps"].tolist(), table["numbers"].tolist()
    for (step, epoch), row in zip(steps, numbers, strict=True):
        by_label = ByLabel(violated, row[1:end]), ByLabel(priced, row[end:])
        yield Row(step, epoch, row[0], *by_label)
