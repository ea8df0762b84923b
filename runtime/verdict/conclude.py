"""From the end of a run to its result: the chosen iterate, verified where the spec says."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.certify.observe import proved
from cspec.runtime.failures import attempt
from cspec.runtime.finish.delivery import deliver, settled_levels
from cspec.runtime.finish.prices import denominators
from cspec.runtime.measure.requirements import Measurement, judged, measured
from cspec.runtime.models.parametrization import Mapped, settle_, value_of
from cspec.runtime.models.without_trace import constants_in
from cspec.runtime.result.constraint import ConstraintResult
from cspec.runtime.result.entries import price, prices
from cspec.runtime.result.history import Row
from cspec.runtime.result.iterate import Iterate
from cspec.runtime.result.result import Result, Status
from cspec.runtime.session.session import Session
from cspec.runtime.session.snapshots import load_tensors, plain_tensors
from cspec.runtime.session.with_examples import prices_of_rows
from cspec.runtime.verdict.certified import all_certified, certified_notes, with_certificates
from cspec.runtime.verdict.how_held import each_notes, hardest, rule_notes, searched_notes
from cspec.runtime.verdict.kkt import Priced, dual_state, report
from cspec.runtime.verdict.notes import courses, details, notes_of
from cspec.runtime.verdict.stationarity import SMALL, UNKNOWN, stationarity, stationarity_notes
from cspec.runtime.verdict.why.diagnosis import Diagnosis, diagnose


def choose(session: Session) -> tuple[Iterate, Iterate, Mapping[str, float]]:
    """The best iterate, the last one, and the units of the best one's multipliers.

    The best is put into the models and the state.
    """
    end = session.iterate()
    load_tensors(session.primal, end.tensors)
    session.measure_now(end)
    last = _described(session, end, _units(session))
    best = settled_levels(session, deliver(session, end))
    scales = _units(session)
    return _described(session, best, scales), last, scales


def _units(session: Session) -> dict[str, float]:
    """`denominators` of the iterate that is loaded."""
    none: dict[str, float] = {}
    return attempt(session.notes, "no units of multipliers", lambda: denominators(session), none)


def _described(session: Session, iterate: Iterate, scales: Mapping[str, float]) -> Iterate:
    """An iterate that is loaded, with variables, multipliers and metrics as people read them."""
    multipliers = prices(iterate.state.get("multipliers"), session.program.constraints)
    each = prices_of_rows(session)
    multipliers |= {label: float(rows.sum()) for label, rows in each.items()}
    multipliers = {label: scales.get(label, 1.0) * price for label, price in multipliers.items()}
    return replace(
        iterate,
        tensors=plain_tensors(session.primal),
        vars=variables(session),
        multipliers=multipliers,
        state=iterate.state | {f"{label}.multipliers": rows for label, rows in each.items()},
        metrics=_metrics(session),
    )


def conclude(session: Session, *, seconds: float, out: str | None) -> Result:
    """Verify the chosen iterate on the data each requirement names, and gather the result."""
    with constants_in(session.dtype):
        return _result(session, seconds, out)


def _result(session: Session, seconds: float, out: str | None) -> Result:
    session.flush()
    none: dict[str, dict[str, float]] = {}
    counted = attempt(session.notes, "no counts of methods", lambda: details(session), none)
    best, last, scales = choose(session)
    program = session.program
    places = session.places(program.constraints)
    found = measured(session.measurer, places, session.notes)
    proofs = proved(session, places)
    notes = session.notes
    first_order = UNKNOWN
    if session.program.constraints:
        first_order = attempt(notes, "no stationarity", lambda: stationarity(session), UNKNOWN)
    rate = first_order.residual
    rows = [row for row in session.history.rows if row.step <= best.step]
    constraints = tuple(
        _verdict(session, c, found[c.label], rate, rows, scales.get(c.label, 1.0))
        for c in session.program.constraints
    )
    constraints = with_certificates(constraints, proofs)
    objective = attempt(notes, "no objective", session.objective_on, math.nan)
    priced = attempt(notes, "no multipliers", lambda: Priced(session, constraints), None)
    constraints = constraints if priced is None else priced.constraints
    diagnosis = attempt(notes, "no diagnosis", lambda: diagnose(session, constraints), Diagnosis())
    kkt = None
    if constraints and priced is not None:
        kkt = attempt(notes, "no optimality", lambda: report(session, priced, first_order), None)
    notes = notes_of(session, constraints, places, found, objective)
    notes += certified_notes(constraints)
    notes += attempt(notes, "no ways of rules", lambda: rule_notes(session, places), [])
    notes += searched_notes(session)
    notes += attempt(notes, "no counts of examples", lambda: each_notes(session, places), [])
    notes += courses(session, constraints, diagnosis, rate)
    notes += stationarity_notes(session, first_order)
    return result_of(
        session,
        status=status_of(session, objective, constraints, diagnosis),
        termination=session.termination,
        objective=objective,
        constraints=constraints,
        metrics=best.metrics,
        seconds=seconds,
        out=out,
        notes=notes,
        details=counted,
        best=best,
        last=last,
        kkt=kkt,
        conflict=diagnosis.conflict,
    )


def result_of(session: Session, *, notes: Iterable[str], **found: Any) -> Result:
    """The result of a session that is over, whose models are as plain as they were bound.

    `found`: the fields that the session itself does not tell.
    """
    models = {
        name: value
        for name, value in session.primal.items()
        if isinstance(value, nn.Module) and not isinstance(value, Mapped)
    }
    result = Result(
        spec=session.program.name,
        vars=variables(session),
        steps=session.step,
        epochs=session.epoch,
        method=session.program.method,
        seed=session.seed,
        history=tuple(session.history.rows),
        notes=tuple(dict.fromkeys(notes)),
        models=models,
        skipped_steps=session.optimizer.skipped,
        **found,
    )
    for model in models.values():
        settle_(model)
    session.release()
    return result


def status_of(
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
    if met and not all_certified(session.program, constraints):
        return "uncertified"
    return "satisfied" if met else "violated"


def variables(session: Session) -> dict[str, float | list[Any]]:
    """The decision variables as people read them."""
    found: dict[str, float | list[Any]] = {}
    for setup in session.program.variables:
        value = value_of(session.primal[setup.name])
        found[setup.name] = float(value) if setup.shape == (1,) else value.tolist()
    return found


def _metrics(session: Session) -> dict[str, float]:
    found = session.metrics()
    session.notes.extend(found.notes)
    return found.values


def _entries(state: Mapping[str, Tensor], constraint: ConstraintFacts) -> Tensor | None:
    if constraint.each is not None:
        return state[f"{constraint.label}.multipliers"].detach().cpu()
    multipliers = state.get("multipliers")
    if multipliers is None or constraint.segment is None or not constraint.multipliers:
        return None
    entries = multipliers[constraint.segment[0] : constraint.segment[1]].detach().cpu()
    return entries if entries.numel() else None


def _verdict(
    session: Session,
    constraint: ConstraintFacts,
    found: Measurement,
    rate: float,
    rows: Sequence[Row],
    scale: float,
) -> ConstraintResult:
    """`scale`: what a multiplier of the requirement as written is larger by (`denominators`)."""
    entries = _entries(session.state, constraint)
    entries = None if entries is None else scale * entries
    multiplier = price(entries.tolist(), constraint) if entries is not None else None
    single = entries is not None and entries.numel() == 1
    bounded = single or constraint.relation in ("<=", ">=")
    priced = bounded and rate <= SMALL and constraint.relation != "in" and constraint.prices
    # With L = f + m sign (value - bound) the optimal f moves by -m sign per unit of the bound; a
    # maximized objective is -f.
    cost = None if multiplier is None else -session.sign * constraint.sign * multiplier
    return replace(
        judged(constraint, found),
        multiplier=multiplier,
        multiplier_norm=None if entries is None or single else float(torch.linalg.norm(entries)),
        sensitivity=cost if priced else None,
        dual_state=dual_state(rows, constraint, multiplier),
        hardest=() if constraint.each is None or entries is None else hardest(entries),
    )
