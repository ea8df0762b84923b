"""In which way each rule holds at the end of a run: a rule that is never tested is no evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cspec.runtime.measure.requirements import number
from cspec.runtime.models.without_trace import measuring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cspec.compiler.records.which_data import Where
    from cspec.runtime.session.session import Session


def rule_notes(session: Session, places: Mapping[str, Where]) -> list[str]:
    """`rule holds by `y >= 2``, or that it holds only because its condition does not.

    Each is measured where its verdict is.
    """
    notes = []
    for c in session.program.constraints:
        if not c.cases:
            continue
        columns = session.measurer.columns(places[c.label].replaced)
        with measuring(session.models()):
            found = session.module["cases"](session.primal, columns)[c.label]
        ways = [
            words
            for words, value in zip(c.cases, found, strict=True)
            if number(value) <= c.tolerance
        ]
        if ways:
            notes.append(f"{c.label} holds {' and '.join(ways)}")
    return notes
