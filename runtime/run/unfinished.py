"""The result of a run whose end was not measured, because it was interrupted there.

What was measured on the way is told: of the best iterate, or of none.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.measure.requirements import Measurement, judged
from cspec.runtime.result.constraint import ConstraintResult
from cspec.runtime.result.iterate import Iterate
from cspec.runtime.result.result import Result
from cspec.runtime.session.snapshots import load_tensors, plain_tensors, tensors_of
from cspec.runtime.verdict.conclude import result_of, variables

if TYPE_CHECKING:
    from cspec.runtime.session.session import Session


def kept(session: Session) -> Iterate:
    """The state of a session, to come back to: its best iterate, else this one, unmeasured."""
    if session.best is not None:
        return session.best
    return Iterate(
        step=session.step,
        epoch=session.epoch,
        objective=math.nan,
        violation=math.nan,
        values={},
        tensors=tensors_of(session.primal),
        state={name: value.clone() for name, value in session.state.items()},
        split=session.plan.dataset or "",
    )


def unfinished(session: Session, end: Iterate, *, seconds: float, out: str | None) -> Result:
    """Parameters and values of an iterate that was kept; nothing is measured any more."""
    best = session.best or end
    load_tensors(session.primal, best.tensors)
    known = best.values
    said = "interrupted while the end of the run was measured: "
    said += (
        f"values are those of step {best.step:,}, measured on {best.split or 'the way'}"
        if known
        else f"the parameters are those of step {best.step:,}, and no value is known"
    )
    found = variables(session)
    best = Iterate(**{**best.__dict__, "tensors": plain_tensors(session.primal), "vars": found})
    return result_of(
        session,
        status="interrupted",
        termination="interrupted",
        objective=best.objective,
        constraints=tuple(_judged(c, best) for c in session.program.constraints),
        metrics={},
        seconds=seconds,
        out=out,
        notes=[*session.notes, said],
        best=best,
    )


def _judged(constraint: ConstraintFacts, best: Iterate) -> ConstraintResult:
    value, bound = best.reading(constraint.label)
    return judged(constraint, Measurement(value, bound, best.split or None, None))
