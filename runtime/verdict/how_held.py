"""How requirements hold at the end: on which examples, and each rule in which of its ways."""

from collections.abc import Mapping

import torch
from torch import Tensor

from cspec.compiler.records.program import ConstraintFacts
from cspec.compiler.records.which_data import Where
from cspec.runtime.measure.requirements import number
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
    for place, c in enumerate(each_of(session.program.constraints)):
        columns = session.measurer.columns(places[c.label].replaced)
        batch = {**session.whole_batch(), **columns}
        with measuring(session.models()), torch.no_grad():
            *_, each = session.module["measure_each"](session.primal, batch)
        values = list(each.values())[place]
        asked = ~values.isnan()
        size = values.abs() if c.equal else values
        over = int((asked & (size > (0 if c.share else c.tolerance))).sum())
        which = f"{int(asked.sum()):,} examples of {places[c.label].split or c.each}"
        found.append(f"{c.label}: {over:,} of {which} violate it")
        rows = hardest(prices_of_rows(session)[c.label].cpu())
        if rows:
            listed = ", ".join(f"{row} ({price:.3g})" for row, price in rows[:NAMED])
            found.append(f"{c.label}: the hardest rows of {c.each}, with multipliers: {listed}")
    return found


def rule_notes(session: Session, places: Mapping[str, Where]) -> list[str]:
    """`rule holds by `y >= 2``, or that it holds only because its condition does not.

    Each is measured where its verdict is. A rule that is never tested is no evidence.
    """
    notes: list[str] = []
    for c in session.program.constraints:
        if not c.cases:
            continue
        columns = session.measurer.columns(places[c.label].replaced)
        with measuring(session.models()):
            found = session.module["cases"](session.primal, columns)[c.label]
        if c.share:
            notes.append(_tested(c, number(found[0])))
            continue
        cases = zip(c.cases, found, strict=True)
        ways = [words for words, value in cases if number(value) <= c.tolerance]
        if ways:
            notes.append(f"{c.label} holds {' and '.join(ways)}")
    return notes


def _tested(c: ConstraintFacts, share: float) -> str:
    """How often the condition of a rule on each example held."""
    (condition,) = c.cases
    if share == 0:
        return f"{c.label}: vacuous: its condition `{condition}` never held, so nothing was tested"
    return f"{c.label}: its condition `{condition}` held on {share:.3%} of the examples"


def searched_notes(session: Session) -> list[str]:
    """By which attack each worst case was searched: what it finds is a lower bound."""
    return [
        f"{c.label}: the worst case is searched by {c.searched}: a lower bound of the true one"
        for c in session.program.constraints
        if c.searched
    ]
