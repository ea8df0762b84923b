"""What a result says beside its verdicts: which data judged, what was no number, what ran away."""

import math
from collections.abc import Mapping, Sequence

from cspec.compiler.choose.schedule import FOLLOWS
from cspec.compiler.passes.gates import GATE_SURROGATES
from cspec.compiler.records.program import ConstraintFacts
from cspec.compiler.records.which_data import CHOSE_TOO, Where
from cspec.dsl.settings.methods import SOLVERS
from cspec.runtime.measure.requirements import Measurement
from cspec.runtime.result.constraint import ConstraintResult
from cspec.runtime.session.session import Session
from cspec.runtime.verdict.kkt import PROJECTED
from cspec.runtime.verdict.stationarity import FAR
from cspec.runtime.verdict.why.circling import circling
from cspec.runtime.verdict.why.diagnosis import Diagnosis
from cspec.runtime.verdict.why.trends import diverges, left_behind


def notes_of(
    session: Session,
    constraints: Sequence[ConstraintResult],
    places: Mapping[str, Where],
    measured: Mapping[str, Measurement],
    objective: float,
) -> list[str]:
    """What is said of any run, each once: by the compiler, on the way, at the end."""
    found = [
        *session.program.notes,
        *session.notes,
        *_rehearsed(session),
        *_judged(session, constraints, places),
        *_no_prices(session.program.constraints),
        *_objective(objective),
        *_on_points(measured),
        *unmeasured(constraints, measured),
        *_overshot(session.program.constraints, constraints),
        *_skipped(session),
        *_ran_away(session, constraints),
    ]
    return list(dict.fromkeys(found))


def courses(
    session: Session, constraints: Sequence[ConstraintResult], diagnosis: Diagnosis, residual: float
) -> list[str]:
    """Why requirements are missed, and whether the run circles."""
    noisy = session.plan.dataset is not None and session.plan.epoch_steps > 1
    facts = session.program.constraints
    round_ = circling(session.history.rows, facts, residual, noisy, diagnosis.notes)
    return [
        *_on_the_way(session, constraints, residual),
        *(diagnosis.notes or _growing(constraints)),
        *round_,
    ]


def _rehearsed(session: Session) -> list[str]:
    """The rate that rehearsals chose."""
    times, rate = session.schedule.times, session.schedule.fastest
    if times is None:
        return []
    return [
        f"learning rate {rate:.2g}, found in rehearsals of the first steps: `fit(optimizer=adam("
        f"lr={rate:.2g}))` sets one"
    ]


def _on_the_way(
    session: Session, constraints: Sequence[ConstraintResult], residual: float
) -> list[str]:
    """Parameters that were still travelling when the run ended: the rate is too small for it."""
    rate = session.schedule.travelling
    missed = [c for c in constraints if not c.satisfied and not c.soft]
    steered = [c.name for c in missed if c.method not in PROJECTED]
    if rate is None or not (steered or (residual > FAR and not missed)):
        return []
    longer = session.fit.schedule.follow or session.total_steps < FOLLOWS
    more = "train longer" if longer else "leave `optimizer` out: its rate then follows the path"
    names = ", ".join(steered or ["objective"])
    return [
        f"{names}: the learning rate is too small: what moves went straight to the end at "
        f"lr = {rate:g}: try lr = {10 * rate:g}, or {more}"
    ]


def _judged(
    session: Session, constraints: Sequence[ConstraintResult], places: Mapping[str, Where]
) -> list[str]:
    notes = []
    train = [c.name for c in constraints if c.split is not None and c.split == session.plan.dataset]
    if train:
        notes.append(f"{', '.join(train)}: verified on the training data `{session.plan.dataset}`")
    notes += [
        f"{name}: verified on {place.split}, which it names: `verify all on {place.kept_from}` "
        "moves what is about the training data without naming them"
        for name, place in places.items()
        if place.kept_from is not None
    ]
    chose = [name for name, place in places.items() if place.chose_model]
    if chose:
        notes.append(f"{', '.join(chose)}: {CHOSE_TOO}")
    return notes


def _no_prices(constraints: Sequence[ConstraintFacts]) -> list[str]:
    """Methods whose multipliers are weights, and say nothing of what a bound costs."""
    found: dict[str, list[str]] = {}
    for c in constraints:
        if c.multipliers and not c.prices:
            found.setdefault(c.method, []).append(c.label)
    return [
        f"{', '.join(labels)}: the multipliers of `{method}` are weights that stand still where an "
        "update is rejected, no prices of the bounds: no sensitivities are told"
        for method, labels in found.items()
    ]


def _on_points(measured: Mapping[str, Measurement]) -> list[str]:
    """Which points stand for those of a domain where a requirement is judged."""
    found: dict[str, list[str]] = {}
    for label, at in measured.items():
        if at.sampled:
            error = at.standard_error if "draws of" in at.sampled else None
            said = "" if error is None else f" (standard error {error:.2g})"
            found.setdefault(at.sampled, []).append(f"{label}{said}")
    return [f"{', '.join(labels)}: judged on {points}" for points, labels in found.items()]


def _objective(objective: float) -> list[str]:
    if math.isfinite(objective):
        return []
    return [
        f"the objective is {objective:g} at the delivered iterate, so this is no solution, "
        "whatever holds there: look for log or sqrt of 0, division by 0, or overflow"
    ]


def unmeasured(
    constraints: Sequence[ConstraintResult], measured: Mapping[str, Measurement]
) -> list[str]:
    """Requirements without a value, and why; values that are no number one can trust."""
    missing = [c.name for c in constraints if math.isnan(c.value) or math.isnan(c.bound)]
    notes = [
        f"{name}: not measured, so not met: {reason}"
        for name in missing
        for reason in measured[name].absent
    ]
    unknown = [name for name in missing if not measured[name].absent]
    if unknown:
        notes.append(f"{', '.join(unknown)}: could not be measured (NaN), so not satisfied")
    return notes + [
        f"{c.name}: its value is {c.value:g}, which met its bound by overflow or log(0): check it"
        for c in constraints
        if c.satisfied and math.isinf(c.value)
    ]


OVERSHOT = 0.5
"""Part of its bound below which a size on gates has lost more than it had to."""


def _overshot(
    facts: Sequence[ConstraintFacts], constraints: Sequence[ConstraintResult]
) -> list[str]:
    """Gates that shut far beyond their bound: met, and much worse than the bound asks for."""
    gated = {c.label for c in facts if c.surrogate in GATE_SURROGATES}
    return [
        f"{c.name}: gates shut far beyond the bound, {c.value:.4g} where {c.bound:.4g} is allowed; "
        "more steps bring them nearer, and without `gates=` the largest weights are kept, as many "
        "as the bound allows"
        for c in constraints
        if c.name in gated and c.relation == "<=" and 0 <= c.value < OVERSHOT * c.bound
    ]


def _skipped(session: Session) -> list[str]:
    skipped = session.optimizer.skipped
    if not skipped:
        return []
    which = "1 step was skipped: its" if skipped == 1 else f"{skipped} steps were skipped: their"
    return [f"{which} gradient was not finite (of {session.step} steps)"]


def _ran_away(session: Session, constraints: Sequence[ConstraintResult]) -> list[str]:
    """Objectives that fell away from a requirement, grew without end, or were no numbers."""
    rows, notes = session.history.rows, []
    for c in constraints:
        behind = None if c.satisfied or c.soft else left_behind(rows, c.name, session.program.sense)
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
    growing = (c for c in constraints if c.dual_state == "growing" and not c.satisfied)
    found = [c for c in growing if math.isfinite(c.violation)]  # else the notes say why
    if not found:
        return []
    names = [c.name for c in found]
    amounts = f"by {', '.join(f'{c.violation:.3g}' for c in found)}"
    return [
        f"{', '.join(names)}: violated {amounts} with a multiplier that still grows; train "
        "longer or with a larger dual step, unless no model can meet it"
    ]


def details(session: Session) -> dict[str, dict[str, float]]:
    """What the loop counted, and the size of each rule's multipliers and penalties at its end.

        sal      updates, updates accepted, largest multiplier, last penalty
        admm     relative residual ||x - z|| / ||x||, last rho, each metric before fine-tuning

    By the rule that counted them, of the end of the run, whatever iterate is delivered.
    """
    found = {rule: dict(counted) for rule, counted in session.details.items()}
    for key, value in session.state.items():
        name, noted, metric = key.partition(".before.")
        if noted:
            found.setdefault(name, {})[f"{metric} before fine-tuning"] = float(value)
    segments: dict[str, list[tuple[int, int]]] = {}
    for constraint in session.program.constraints:
        if constraint.rule is not None and constraint.segment is not None:
            segments.setdefault(constraint.rule, []).append(constraint.segment)
    multipliers = session.state.get("multipliers")
    for rule, places in segments.items():
        counted = found.setdefault(rule, {})
        if multipliers is not None:
            sizes = [multipliers[a:b].abs().max() for a, b in places if b > a]
            if sizes:
                counted["largest multiplier"] = max(map(float, sizes))
        penalties = session.state.get("penalty" if len(segments) == 1 else f"{rule}.penalty")
        if penalties is not None and penalties.numel():
            counted["last penalty"] = float(penalties.max())
    return {rule: counted for rule, counted in found.items() if counted}
