"""How a run stands: means of the objective and of the requirements over a window of steps.

One batch says little of a rate: of 500 people, 12 may be those that a requirement is about. So what
was measured since the window began is averaged, entries that a batch did not measure left out, and
the violation is that of the means.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.result.entries import violations

BLOCK = 64
"""Steps whose measurements are added up at once: a step only keeps what it has."""

Merit = tuple[float, float]
"""The objective to be minimized, and the largest violation."""


class Standing:
    """Sums over the steps since the last `clear`; nothing waits for the device before `merit`."""

    def __init__(self, constraints: Sequence[ConstraintFacts]) -> None:
        self._constraints = [c for c in constraints if c.segment is not None]
        self._equal = {c.label for c in self._constraints if c.equal}
        self._seen = all(c.each is None for c in constraints)
        """Whether all that is required is among the entries: of each example nothing is."""
        self._late: list[tuple[Tensor, Tensor]] = []
        self._sums: Tensor | None = None
        """Two rows: of f and g what was measured, and how often."""

    def add(self, f: Tensor, true: Tensor | None) -> None:
        """Note what a step measured: f as it is minimized, and the true constraints, detached."""
        if not self._seen:
            return
        self._late.append((f.detach(), f.new_zeros(0) if true is None else true))
        if len(self._late) == BLOCK:
            self._sums, self._late = self._added(), []

    def clear(self) -> None:
        """Begin a window."""
        self._late, self._sums = [], None

    def merit(self) -> Merit | None:
        """The means since the window began; None where nothing tells."""
        sums = self._added()
        if sums is None:
            return None
        means = sums[0] / sums[1]
        found = violations(means[1:], self._constraints)
        sizes = (abs(v) if label in self._equal else v for label, v in found.items())
        return float(means[0]), max((0.0, *sizes))

    def _added(self) -> Tensor | None:
        if not self._late:
            return self._sums
        rows = self._rows()
        added = torch.stack([rows.nansum(0), (~rows.isnan()).sum(0).to(rows)])
        return added if self._sums is None else self._sums + added

    def _rows(self) -> Tensor:
        return torch.stack([torch.cat([f.reshape(1), true]) for f, true in self._late])

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs: the steps of a block stay apart, for the same sums."""
        return {"sums": self._sums, "late": self._rows() if self._late else None}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken."""
        self._sums, late = state["sums"], state["late"]
        self._late = [] if late is None else [(row[0], row[1:]) for row in late]
