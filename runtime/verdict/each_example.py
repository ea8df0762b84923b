"""Which examples are hard: rows with multipliers, and how many violate what is required of each."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from cspec.compiler.records.which_data import Where
from cspec.runtime.models.without_trace import measuring
from cspec.runtime.session.session import Session
from cspec.runtime.session.with_examples import each_of, prices_of_rows

SHOWN = 10
"""Rows that a verdict names."""
NAMED = 5
"""Rows that a note names."""
NOTHING = 1e-8
"""Share of the largest multiplier below which a row has none."""


def hardest(multipliers: Tensor) -> tuple[tuple[int, float], ...]:
    """The rows with the largest multipliers by size, largest first, and those."""
    sizes = multipliers.abs()
    count = min(SHOWN, int((sizes > NOTHING * sizes.max()).sum())) if len(sizes) else 0
    rows = sizes.topk(count).indices.tolist()
    return tuple((row, float(multipliers[row])) for row in rows)


def each_notes(session: Session, places: Mapping[str, Where]) -> list[str]:
    """How many examples violate each requirement where it is judged, and which are hard."""
    found = []
    names = [c.label for c in each_of(session.program.constraints)]
    for place, c in enumerate(each_of(session.program.constraints)):
        columns = session.measurer.columns(places[c.label].replaced)
        batch = {**session.whole_batch(), **columns}
        with measuring(session.models()), torch.no_grad():
            *_, each = session.module["measure_each"](session.primal, batch)
        values = list(each.values())[place]
        asked = ~values.isnan()
        size = values.abs() if c.equal else values
        count, over = (
            int(asked.sum()),
            int((asked & (size > (0 if c.share else c.tolerance))).sum()),
        )
        split = places[c.label].split or c.each
        found.append(f"{names[place]}: {over:,} of {count:,} examples of {split} violate it")
        rows = hardest(prices_of_rows(session)[c.label].cpu())
        if rows:
            listed = ", ".join(f"{row} ({price:.3g})" for row, price in rows[:NAMED])
            found.append(
                f"{names[place]}: the hardest rows of {c.each}, with multipliers: {listed}"
            )
    return found
