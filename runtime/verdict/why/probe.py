"""Can the violation be lowered at all? A short descent on the violated constraints alone.

A multiplier that grows while its constraint stays violated has two causes: steps that are too
small, and requirements that can't be met together. The trajectory looks the same for both, so the
end of such a run is probed: gradient descent on

    V(x) = 1/2 sum ([g_i(x)]+ / ||grad g_i||)^2,        h_j in place of [g_i]+ for equalities,

without the objective, within the sets that are projected onto, with Barzilai-Borwein steps and an
Armijo line search along the projection arc (Birgin, Martinez and Raydan 2000). Where V stops at a
positive value, the gradients of the constraints balance there: no direction lowers all of them.
That is a local statement, hence *suspected* infeasible. The run's parameters are put back.

Where surrogates stand in for requirements that are flat, V is of the surrogates, and evidence is
on the true requirements: besides the descent, steps of all lengths along the surrogates' slopes
must fail to lower them, and the surrogates must still have slope there: a surrogate (a sigmoid in
the place of a count) flattens out far from its threshold, where the rate could still be moved.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.finish.violation import (
    ITERATIONS,
    Violation,
    batches_of,
    functions_of,
    gradient_of,
    largest_entry,
    point_of,
    put,
    put_within,
    work,
)
from cspec.runtime.models.without_trace import evaluating, undisturbed
from cspec.runtime.session.session import Session
from cspec.runtime.session.snapshots import load_tensors, tensors_of

MOST_WORK = 1e11
"""Rows x parameters x iterations up to which, on a CPU, a descent is made: some ten seconds.
Beyond, nothing is claimed."""
MET = 0.25
"""Share of the first violation up to which it counts as lowered."""
STALLED = 0.01
"""Relative decrease of V over the last fifth of the steps below which it has stopped."""
BALANCED = 0.1
"""Share of the pulls on the parameters that may be left where they are said to cancel."""
PART = 0.05
"""Share of the largest pull from which a constraint belongs to a conflict."""
SPLIT_METHODS = frozenset({"admm", "frank_wolfe"})
"""Methods whose sets hold by steps of their own: a descent would leave them, so nothing is probed.
(Maps and projected outputs are part of what is measured.)"""

STEPS = 10
"""Along the slopes of surrogates, at most."""
LENGTHS = tuple(4.0**k for k in range(-5, 6))
"""Of a step, in units of the one that a linear model would take."""
PROGRESS = 1e-3
"""Relative decrease below which a step has not helped."""


@dataclass(frozen=True)
class Slope:
    """Angles at one iterate."""

    norms: dict[str, float]
    """|| grad g || of each constraint looked at."""
    with_objective: dict[str, float]
    """Cosine of grad f and grad g; NaN where one is 0."""
    between: dict[tuple[str, str], float]
    """Cosine of two constraints' gradients."""
    objective: float = math.nan
    """|| grad f ||"""


@dataclass(frozen=True)
class Probe:
    """What the descent on the violation found."""

    lowered: bool
    """The violation fell to a quarter or less: the requirements can be met, or nearly."""
    stuck: bool
    """It made way and stopped above that, where the pulls cancel."""
    conflict: tuple[str, ...]
    """The constraints that pull against each other where it stopped."""
    before: float
    after: float
    """The largest true violation before and after, canonical."""
    held: bool = False
    """Where it stopped, projections take back the larger part of what lowers the violation."""


def affordable(session: Session) -> bool:
    """Whether a gradient of the constraints alone means anything here, and is not too much work."""
    methods = {c.method for c in session.program.constraints}
    if methods & SPLIT_METHODS or not session.parameters:
        return False
    if "projection" in methods and session.models():
        return False  # counts of weights and the like: a descent that stops there shows nothing
    return session.device.type != "cpu" or work(session, batches_of(session)) <= MOST_WORK


def slopes(session: Session, looked_at: Sequence[ConstraintFacts]) -> Slope:
    """Angles between the gradients of the objective and of some constraints."""
    parameters = session.parameters
    named: dict[str, Tensor] = {}
    with undisturbed(), evaluating(session.models()), torch.enable_grad():
        f, g, _ = functions_of(session, batches_of(session))
        base = gradient_of(f, parameters)
        for c in looked_at:
            entry = largest_entry(g, c)
            if entry is not None:
                named[c.label] = gradient_of(entry, parameters)
    labels = list(named)
    return Slope(
        norms={k: float(v.norm()) for k, v in named.items()},
        with_objective={k: _cosine(base, v) for k, v in named.items()},
        between={
            (a, b): _cosine(named[a], named[b])
            for i, a in enumerate(labels)
            for b in labels[i + 1 :]
        },
        objective=float(base.norm()),
    )


def probe(session: Session) -> Probe:
    """Descend on the violation alone from the iterate that is loaded; then put it back."""
    kept = tensors_of(session.primal)
    with undisturbed(), evaluating(session.models()), torch.enable_grad():
        try:
            return _descend(session)
        finally:
            load_tensors(session.primal, kept)


def _cosine(a: Tensor, b: Tensor) -> float:
    size = float(a.norm() * b.norm())
    return float(a @ b) / size if size > 0 else math.nan


# --- descent -------------------------------------------------------------------------------------


def _descend(session: Session) -> Probe:
    violation = Violation(session)
    tolerances = {c.label: c.tolerance for c in violation.hard}
    before, truly = violation.amounts(), violation.true_value()
    begun = point_of(session.parameters)
    path, point, gradient, first = _path(violation)
    after = violation.amounts()
    met = all(size <= 2 * tolerances[label] for label, size in after.items())
    lowered = met or violation.true_value() <= MET**2 * truly
    tail = path[-max(2, len(path) // 5) :]
    left = _left(session, point, gradient)
    pulls = sum(violation.pulls().values())
    started = pulls > 0 and left <= BALANCED * max(pulls, first)
    stalled = len(path) <= ITERATIONS or tail[-1] >= (1 - STALLED) * tail[0]
    conflict = () if lowered else _conflict(violation, after, tolerances)
    if violation.stands_in and not lowered:
        started = started and has_slope(violation, conflict)
        lowered = restorable(violation, (point, begun), MET**2 * truly)
    worst, left_over = (max(amounts.values(), default=0.0) for amounts in (before, after))
    return Probe(
        lowered=lowered,
        stuck=started and not lowered and stalled,
        conflict=() if lowered else conflict,
        before=worst,
        # Where surrogates lead away, no place that was tried is better than the start.
        after=min(worst, left_over) if violation.stands_in else left_over,
        held=left < 0.5 * float(gradient.norm()),
    )


def _path(violation: Violation) -> tuple[list[float], Tensor, Tensor, float]:
    """Values of V on the way down, the point and its gradient at the end, its first size."""
    parameters = violation.session.parameters
    start = value = float(violation.value().detach())
    path = [value]
    point, gradient = point_of(parameters), gradient_of(violation.value(), parameters)
    first, step = float(gradient.norm()), 1.0
    for _ in range(ITERATIONS):
        if value <= MET**2 * start or not float(gradient.norm()) > 0:
            break
        moved = _arc(violation, point, gradient, value, step)
        if moved is None:
            break
        new, value = moved
        slope = gradient_of(violation.value(), parameters)
        change, turn = new - point, slope - gradient
        curvature = float(change @ turn)
        step = float(change @ change) / curvature if curvature > 0 else 2 * step
        point, gradient = new, slope
        path.append(value)
    return path, point, gradient, first


def _left(session: Session, point: Tensor, gradient: Tensor) -> float:
    """The size of the gradient without what the sets hold back: a short step, projected."""
    size = float(gradient.norm())
    if "project" not in session.module or size == 0:
        return size
    step = 1e-4 * max(1.0, float(point.norm())) / size
    put_within(session, point - step * gradient)
    moved = float((point_of(session.parameters) - point).norm()) / step
    put(session.parameters, point)
    return moved


def _conflict(
    violation: Violation, after: dict[str, float], tolerances: dict[str, float]
) -> tuple[str, ...]:
    pulls = violation.pulls()
    most = max(pulls.values(), default=0.0)
    return tuple(
        label
        for label, size in after.items()
        if (size > tolerances[label] or violation.stands_in) and pulls[label] >= PART * most > 0
    )


def _arc(
    violation: Violation, point: Tensor, gradient: Tensor, value: float, step: float
) -> tuple[Tensor, float] | None:
    """The first point along the projected path that lowers V enough; None where none does."""
    session = violation.session
    for _ in range(30):
        put_within(session, point - step * gradient)
        new = point_of(session.parameters)
        with torch.no_grad():
            found = float(violation.value())
        if found <= value - 1e-4 * float((point - new) @ gradient) and found < value:
            return new, found
        step /= 4
    put(session.parameters, point)
    return None


# --- where surrogates stand in -------------------------------------------------------------------


def restorable(violation: Violation, starts: Sequence[Tensor], enough: float) -> bool:
    """Whether steps bring the true violation V to `enough` or less from one of the starts.

    They go along the surrogates' slopes, weighed by the true violations, and each step's length is
    found on the true requirements: of lengths over six orders of magnitude the one that leaves the
    least violation.
    """
    for start in starts:
        put(violation.session.parameters, start)
        value = violation.true_value()
        for _ in range(STEPS):
            if value <= enough:
                return True
            found = _step(violation)
            if found > (1 - PROGRESS) * value:
                break
            value = found
        if value <= enough:
            return True
    return False


def _step(violation: Violation) -> float:
    """Take the best of the steps along the slope; V there."""
    session = violation.session
    point, direction = point_of(session.parameters), violation.pull()
    size = float(direction @ direction)
    if not size > 0:
        return violation.true_value()
    # V would be 0 at the end of this step if it were linear in it: V - t |d|^2.
    unit = violation.true_value() / size
    tried: list[tuple[float, Tensor]] = []
    for length in LENGTHS:
        put_within(session, point - length * unit * direction)
        value = violation.true_value()
        tried.append((value if value == value else float("inf"), point_of(session.parameters)))
    best, place = min(tried, key=lambda item: item[0])
    put(session.parameters, place)
    return best


def has_slope(violation: Violation, labels: Sequence[str]) -> bool:
    """Whether what is differentiated still has slope for each of these constraints.

    It has where a move of a tenth of the parameters along its gradient would take off a twentieth
    of the violation, were it linear: below, that descent stops shows a flat surrogate, and nothing
    about the requirement.
    """
    session, amounts = violation.session, violation.amounts()
    reach = 0.1 * max(1.0, float(torch.linalg.norm(point_of(session.parameters))))
    norms = Violation(session).norms
    return all(norms[label] * reach >= 0.05 * amounts[label] for label in labels)
