"""In which way each rule holds at the end of a run: a rule that is never tested is no evidence."""

from __future__ import annotations

from collections.abc import Mapping

from cspec.compiler.records.program import ConstraintFacts
from cspec.compiler.records.which_data import Where
from cspec.runtime.measure.requirements import number
from cspec.runtime.models.without_trace import measuring
from cspec.runtime.session.session import Session


def rule_notes(session: Session, places: Mapping[str, Where]) -> list[str]:
    """`rule holds by `y >= 2``, or that it holds only because its condition does not.

    Each is measured where its verdict is.
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
        ways = [
            words
            for words, value in zip(c.cases, found, strict=True)
            if number(value) <= c.tolerance
        ]
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
