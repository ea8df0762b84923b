"""From the end of a run to its result: the chosen iterate, verified where the spec says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cspec.compiler.program import SOLVERS, ConstraintFacts
from cspec.runtime.details import details
from cspec.runtime.diagnosis import Diagnosis, diagnose
from cspec.runtime.history import Row
from cspec.runtime.kkt import Priced, report
from cspec.runtime.metrics import record
from cspec.runtime.parametrization import Mapped, settle_, value_of
from cspec.runtime.rescue import attempt, measured
from cspec.runtime.result import ConstraintResult, DualState, Iterate, Result, Status
from cspec.runtime.runaway import left_behind
from cspec.runtime.snapshots import load_tensors, plain_tensors
from cspec.runtime.stationarity import SMALL, residual
from cspec.runtime.trends import diverges
from cspec.runtime.verify import Measurement, amount, holds, where_measured

if TYPE_CHECKING:
    from cspec.runtime.session import Session

KINDS: dict[str, Any] = {
    "<=": "inequality",
    ">=": "inequality",
    "==": "equality",
    "in": "membership",
}
WINDOW = 0.1
"""The last share of the run that tells whether a multiplier still grows."""
GROWTH = 0.05
"""Relative growth within the window that counts."""


def choose(session: Session) -> tuple[Iterate, Iterate]:
    """The best iterate and the last one; the best is put into the models and the state."""
    end = session.iterate()
    session.measure_now(end)
    last = _described(session, end)
    best = session.best or end
    load_tensors(session.primal, best.tensors)
    session.state.update({name: value.clone() for name, value in best.state.items()})
    return _described(session, best), last


def _described(session: Session, iterate: Iterate) -> Iterate:
    """An iterate that is loaded, with variables, multipliers and metrics as people read them."""
    multipliers = {
        c.label: value
        for c in session.program.constraints
        if (value := price(iterate.state, c)) is not None
    }
    return replace(
        iterate,
        tensors=plain_tensors(session.primal),
        vars=_variables(session),
        multipliers=multipliers,
        metrics=_metrics(session),
    )


def conclude(session: Session, *, seconds: float, out: str | None) -> Result:
    """Verify the chosen iterate on the data each requirement names, and gather the result."""
    session.flush()
    none: dict[str, dict[str, float]] = {}
    counted = attempt(session.notes, "no counts of methods", lambda: details(session), none)
    best, last = choose(session)
    places = {
        c.label: where_measured(c, session.program.verify, session.plan.dataset)
        for c in session.program.constraints
    }
    found = measured(session, places)
    notes = session.notes
    rate = math.nan
    if session.program.constraints:
        rate = attempt(notes, "no stationarity", lambda: residual(session), math.nan)
    rows = [row for row in session.history.rows if row.step <= best.step]
    constraints = tuple(
        _verdict(session, c, found[c.label], rate, rows) for c in session.program.constraints
    )
    objective = attempt(notes, "no objective", session.objective_on, math.nan)
    priced = attempt(notes, "no multipliers", lambda: Priced(session, constraints), None)
    constraints = constraints if priced is None else priced.constraints
    diagnosis = attempt(notes, "no diagnosis", lambda: diagnose(session, constraints), Diagnosis())
    kkt = None
    if constraints and priced is not None:
        kkt = attempt(notes, "no optimality", lambda: report(session, priced, rate), None)
    notes = [*session.program.notes, *session.notes, *_notes(session, constraints, places)]
    notes += [
        *not_finite(session, objective, constraints),
        *(diagnosis.notes or _growing(constraints)),
    ]
    models = {
        name: value
        for name, value in session.primal.items()
        if isinstance(value, nn.Module) and not isinstance(value, Mapped)
    }
    result = Result(
        spec=session.program.name,
        status=_status(session, objective, constraints, diagnosis),
        termination=session.termination,
        objective=objective,
        constraints=constraints,
        vars=_variables(session),
        metrics=best.metrics,
        steps=session.step,
        epochs=session.epoch,
        seconds=seconds,
        method=session.program.method,
        seed=session.seed,
        out=out,
        history=tuple(session.history.rows),
        notes=tuple(dict.fromkeys(notes)),
        details=counted,
        models=models,
        best=best,
        last=last,
        skipped_steps=session.optimizer.skipped,
        kkt=kkt,
        conflict=diagnosis.conflict,
    )
    for model in models.values():
        settle_(model)
    return result


def _status(
    session: Session,
    objective: float,
    constraints: Sequence[ConstraintResult],
    diagnosis: Diagnosis,
) -> Status:
    """Requirements that hold where the objective is no number are no success."""
    if session.termination == "interrupted":
        return "interrupted"
    if session.termination in ("nonfinite", "unbounded") or not math.isfinite(objective):
        return "nonfinite"
    met = all(c.satisfied for c in constraints if not c.soft)
    if not met and diagnosis.conflict:
        return "infeasible" if diagnosis.proved else "suspected_infeasible"
    return "satisfied" if met else "violated"


def _variables(session: Session) -> dict[str, float | list[Any]]:
    found: dict[str, float | list[Any]] = {}
    for setup in session.program.variables:
        value = value_of(session.primal[setup.name])
        found[setup.name] = float(value) if setup.shape == (1,) else value.tolist()
    return found


def _metrics(session: Session) -> dict[str, float]:
    found = record(session)
    session.notes.extend(found.notes)
    return found.values


def _entries(state: Mapping[str, Tensor], constraint: ConstraintFacts) -> Tensor | None:
    multipliers = state.get("multipliers")
    if multipliers is None or constraint.segment is None or not constraint.multipliers:
        return None
    return multipliers[constraint.segment[0] : constraint.segment[1]].detach().cpu()


def price(state: Mapping[str, Tensor], constraint: ConstraintFacts) -> float | None:
    """One number for a constraint's multipliers; None where it has none.

    Parts of one inequality (`abs`, `gap`, `max`) share its bound, so their multipliers add up to
    the price of that bound. Of the entries of an equality or a set it is the largest.
    """
    entries = _entries(state, constraint)
    if entries is None or not entries.numel():
        return None
    if constraint.relation in ("<=", ">="):
        return float(entries.sum())
    return float(entries[entries.abs().argmax()])


def _verdict(
    session: Session,
    constraint: ConstraintFacts,
    found: Measurement,
    rate: float,
    rows: Sequence[Row],
) -> ConstraintResult:
    entries = _entries(session.state, constraint)
    multiplier = price(session.state, constraint)
    single = entries is not None and entries.numel() == 1
    bounded = single or constraint.relation in ("<=", ">=")
    priced = bounded and rate <= SMALL and constraint.relation != "in"
    return ConstraintResult(
        name=constraint.label,
        kind=KINDS[constraint.relation],
        value=found.value,
        bound=found.bound,
        relation=constraint.relation,
        violation=amount(constraint, found.value, found.bound),
        tolerance=constraint.tolerance,
        satisfied=holds(constraint, found.value, found.bound),
        text=constraint.text,
        soft=constraint.soft,
        multiplier=multiplier,
        multiplier_norm=None if entries is None or single else float(torch.linalg.norm(entries)),
        sensitivity=_sensitivity(session, constraint, multiplier) if priced else None,
        dual_state=dual_state(rows, constraint, multiplier),
        split=found.split,
        n=found.n,
        standard_error=found.standard_error,
        method=constraint.method,
        members=(),
    )


def _sensitivity(
    session: Session, constraint: ConstraintFacts, multiplier: float | None
) -> float | None:
    """d objective as written / d bound as written.

    With L = f + m sign (value - bound) the optimal f moves by -m sign per unit of the bound; a
    maximized objective is -f.
    """
    if multiplier is None:
        return None
    change = -multiplier * constraint.sign
    return -change if session.program.sense == "maximize" else change


def dual_state(
    rows: Sequence[Row], constraint: ConstraintFacts, multiplier: float | None
) -> DualState | None:
    """Whether a multiplier is 0, settled, or still growing over the last tenth of these rows.

    They end where the multiplier is from: at the delivered iterate.

    Growing: it gained more than 5% in size, in both halves of the window, while its constraint
    was violated at the end.
    """
    if multiplier is None:
        return None
    window = rows[-max(3, int(len(rows) * WINDOW)) :]
    path = [abs(row.multipliers.get(constraint.label, math.nan)) for row in window]
    path = [value for value in path if not math.isnan(value)]
    violation = window[-1].violations.get(constraint.label, math.nan) if window else math.nan
    violated = violation > 0 or (constraint.relation == "==" and violation != 0)
    if len(path) >= 3 and violated:
        start, middle, end = path[0], path[len(path) // 2], path[-1]
        if end > middle > start and end > (1 + GROWTH) * start:
            return "growing"
    return "active" if abs(multiplier) > 1e-8 else "inactive"


def _notes(
    session: Session, constraints: Sequence[ConstraintResult], places: Mapping[str, Any]
) -> list[str]:
    notes = []
    train = [c.name for c in constraints if c.split is not None and c.split == session.plan.dataset]
    if train:
        notes.append(f"{', '.join(train)}: verified on the training data `{session.plan.dataset}`")
    chose = [name for name, place in places.items() if place.chose_model]
    if chose:
        notes.append(f"{', '.join(chose)}: verified on the data that also chose the model")
    return notes


def not_finite(
    session: Session, objective: float, constraints: Sequence[ConstraintResult]
) -> list[str]:
    """What was no number: at the delivered iterate, and on the way there."""
    notes = []
    if not math.isfinite(objective):
        notes.append(
            f"the objective is {objective:g} at the delivered iterate, so this is no solution, "
            "whatever holds there: look for log or sqrt of 0, division by 0, or overflow"
        )
    unmeasured = [c.name for c in constraints if math.isnan(c.value) or math.isnan(c.bound)]
    if unmeasured:
        notes.append(f"{', '.join(unmeasured)}: could not be measured (NaN), so not satisfied")
    notes += [
        f"{c.name}: its value is {c.value:g}, which met its bound by overflow or log(0): check it"
        for c in constraints
        if c.satisfied and math.isinf(c.value)
    ]
    skipped = session.optimizer.skipped
    if skipped:
        which = (
            "1 step was skipped: its" if skipped == 1 else f"{skipped} steps were skipped: their"
        )
        notes.append(f"{which} gradient was not finite (of {session.step} steps)")
    rows = session.history.rows
    for c in constraints:
        behind = None if c.satisfied or c.soft else left_behind(rows, c.name)
        if behind is not None:
            notes.append(
                f"the run ran away: what is minimized fell evenly from {behind[0]:.3g} to "
                f"{behind[1]:.3g} and left `{c.name}` behind, whose gradient is too flat there to "
                "hold it; start where it is not, bound what moves, or take a wider surrogate"
            )
    away = diverges(rows)
    if away is not None:
        # A solver chooses its steps by itself.
        solver = session.program.method in SOLVERS
        long = "" if solver else "the optimizer's steps are too long (lower its `lr`), or "
        notes.append(
            f"the objective went from {away[0]:.3g} to {away[1]:.3g} and still grows: {long}it has "
            "no finite optimum"
        )
    undefined = sum(not math.isfinite(row.objective) for row in rows)
    if undefined:
        notes.append(f"the objective was not finite in {undefined} of {len(rows)} logged steps")
    return notes


def _growing(constraints: Sequence[ConstraintResult]) -> list[str]:
    """What is said of multipliers that still grow where nothing more is known."""
    found = [c for c in constraints if c.dual_state == "growing" and not c.satisfied]
    if not found:
        return []
    growing = [c.name for c in found]
    amounts = f"by {', '.join(f'{c.violation:.3g}' for c in found)}"
    return [
        f"{', '.join(growing)}: violated {amounts} with a multiplier that still grows; train "
        "longer or with a larger dual step, unless no model can meet it"
    ]
