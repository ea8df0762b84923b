"""Pairs of examples as datasets: ordered, of two different examples, columns of both.

What is judged is measured on all pairs where they fit, n (n - 1) up to `MOST` and up to `NUMBERS`
in all their columns; else on a sample of as many, drawn once, independent and uniform over all
pairs. What a step sees of a mean is drawn anew, independent and uniform (an incomplete
U-statistic, Blom 1976, "Some properties of incomplete U-statistics"), and a function of (seed,
step). Pairs that are held, each with a multiplier of its own, are all of them, or a sample of as
many: another than the one that is judged. Of large models they are `HELD`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from cspec.runtime.data.dataset import Dataset, Members, need_columns
from cspec.runtime.data.errors import DataError

MOST = 1_000_000
"""Pairs that a verdict is measured on."""
NUMBERS = 50_000_000
"""Numbers in the columns of these pairs: 200 MB."""
HELD = 10_000
"""Pairs that are held of a model too large for the solver at the end: each is seen often."""
A_STEP = 65_536
"""Pairs that a step sees, where a batch is all of the data."""


Columns = Mapping[str, tuple[int, str]]
"""Columns of pairs: of which of the two examples (0, 1), and which of its columns."""


@dataclass(frozen=True)
class PairDraws:
    """Pairs that are drawn anew at every step."""

    of: Dataset
    columns: Columns
    n: int
    seed: int

    def at(self, seed: int, step: int) -> dict[str, Tensor]:
        """The pairs of a step, the same whenever they are asked for."""
        key = (seed * 1_000_003 + self.seed + 17) * 2_147_483_647 + step
        return joined(self.of, self.columns, drawn(len(self.of), self.n, key))


def pairs(
    of: Dataset, columns: Columns, way: str = "redrawn", n: int | None = None, seed: int = 0
) -> Dataset:
    """The pairs of the examples of a dataset; `n` are drawn for a step, None for all.

    Raises:
        DataError: fewer than two examples.
    """
    rows = len(of)
    if rows < 2:
        raise DataError(f"`{of.name}` has one example, so there are no pairs of its examples")
    need_columns(of.name, [column for _, column in columns.values()], of.columns)
    count = rows * (rows - 1)
    width = sum(of.columns[column][0].numel() for _, column in columns.values())
    most = min(MOST, max(1, NUMBERS // max(1, width)))
    judged, said = chosen(rows, most, seed)
    whole = len(judged.first) == count
    fresh = joined(of, columns, judged)
    found = Dataset(
        of.name,
        fresh,
        classes=_classes(of, columns),
        provenance=f"pairs of different examples of {of.name}: {said}",
        fresh=fresh,
        sampled="" if whole else said,
        members=judged,
        of=of.name,
        rows=rows,
    )
    if way == "held":
        if whole:
            return replace(found, provenance=f"{said}, each with a multiplier of its own")
        told = f"{most:,} pairs, each with a multiplier of its own; measured on other {said}"
        held = drawn(rows, most, seed + 104_729)
        return replace(found, columns=joined(of, columns, held), provenance=told)
    a_step = A_STEP if n is None else n
    if whole and count <= min(a_step, A_STEP):
        return found
    draws = PairDraws(of, columns, a_step, seed)
    told = f"{a_step:,} pairs drawn anew at every step; measured on {said}"
    return replace(found, draws=draws, provenance=told)


def held_of_many(held: Dataset) -> Dataset:
    """`HELD` of the pairs that are held, drawn once; judged on what they were judged on."""
    if len(held) <= HELD:
        return held
    generator = torch.Generator().manual_seed(7919)
    rows = torch.randperm(len(held), generator=generator)[:HELD]
    columns = {name: column[rows.to(column.device)] for name, column in held.columns.items()}
    told = f"{HELD:,} of {held.provenance}"
    return replace(held, columns=columns, provenance=told)


def _classes(of: Dataset, columns: Columns) -> dict[str, tuple[Any, ...]]:
    """The classes of columns, and of text features: `a_x.job`."""
    return {
        f"{own}{known.removeprefix(column)}": classes
        for own, (_, column) in columns.items()
        for known, classes in of.classes.items()
        if known == column or known.startswith(f"{column}.")
    }


def chosen(rows: int, most: int, seed: int) -> tuple[Members, str]:
    """All pairs of different rows where they are few, else a sample; and what they are."""
    count = rows * (rows - 1)
    if count > most:
        return drawn(rows, most, seed + 7919), f"{most:,} of {count:,} pairs, drawn at random"
    first, second = torch.arange(rows).repeat_interleave(rows - 1), torch.arange(count) % (rows - 1)
    return Members(first, second + (second >= first)), f"all {count:,} pairs"


def drawn(rows: int, n: int, key: int) -> Members:
    """Independent pairs of different rows, each as likely as the others."""
    generator = torch.Generator().manual_seed(key % 2**63)
    first = torch.randint(rows, (n,), generator=generator)
    second = torch.randint(rows - 1, (n,), generator=generator)
    return Members(first, second + (second >= first))


def joined(of: Dataset, columns: Columns, members: Members) -> dict[str, Tensor]:
    """The columns of both examples of each pair."""
    found = {}
    for own, (side, column) in columns.items():
        values = of.columns[column]
        found[own] = values.index_select(0, members[side].to(values.device))
    return found
