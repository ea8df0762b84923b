"""Why a requirement was not met, in sentences that say what to do.

Pure functions of the history (`trends`) and of a few measurements at the end of a run (`probe`).
Every rule needs a requirement that is violated beyond its tolerance; what works is not commented
on. Thresholds, with reasons:

- a violation falls if it lost 3% over the last third of the run (`trends.FALLING`);
- steps are too small from a factor of 1.5: below, training a little longer is the simpler advice;
- gradients are opposed from a cosine of -0.9: 26 degrees, which no step along one of them survives;
- noise drowns a slack that is smaller than one standard deviation of a batch's estimate;
- oscillation as in `escalate`: more than 6 sign changes within 20 points that do not get smaller.

A run is *suspected infeasible* where a violated requirement's multiplier grew throughout the last
third (or its penalty is fixed), its violation did not fall, and a descent on the violations alone
ends above a quarter of them: that last test tells it from steps that are too small.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.methods.escalate import oscillates
from cspec.runtime.result.constraint import ConstraintResult
from cspec.runtime.result.entries import marked
from cspec.runtime.result.history import Row
from cspec.runtime.session.session import Session
from cspec.runtime.solvers.nlp.problem import Nlp
from cspec.runtime.verdict.why.advice import capped, jumps, standing, weak
from cspec.runtime.verdict.why.elastic import (
    Elastic,
    Small,
    least_violation,
    scales,
    small_problem,
    taking_part,
)
from cspec.runtime.verdict.why.limits import MethodLimits, limits_of
from cspec.runtime.verdict.why.probe import Probe, Slope, affordable, probe, slopes
from cspec.runtime.verdict.why.trends import Trend, trend

OPPOSED = -0.9
FLAT = 1e-9
"""Gradient of a constraint, per unit of its violation, that counts as zero."""
SHORT = 1.5
PULLS = 10.0
"""Pull of a multiplier, relative to the objective's, from which its step is large enough."""
MOST = 8
"""Constraints whose gradients are looked at: each is a backward pass over the data."""
SOLVED = 400
"""Variables and constraints up to which the elastic problem is solved after a failed solve."""
SOLVES = "augmented_lagrangian"
"""The method whose dual step is its penalty."""
WORST = 1e12
"""Batches beyond this many examples are no advice."""


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong, and whether the requirements can be met together at all."""

    notes: tuple[str, ...] = ()
    conflict: tuple[str, ...] = ()
    """Constraints that are suspected not to be possible together."""
    proved: bool = False
    """The conflict is proved, not suspected."""


@dataclass(frozen=True)
class Evidence:
    """All that the sentences are made from."""

    trends: Mapping[str, Trend]
    slope: Slope | None = None
    probe: Probe | None = None
    batch: int | None = None
    """Examples of a batch; None where a step sees all the data, or there are none."""
    rows: int = 0
    """Examples of the training data."""
    swings: frozenset[str] = frozenset()
    """Constraints that oscillate."""
    limits: Mapping[str, MethodLimits] = field(default_factory=dict)
    """Coefficients and caps of their methods."""
    travelling: bool = False
    """Whether what moves went straight to the end: nothing has swung around anything yet."""
    out_of_reach: bool = False
    """Whether steps on whole data, on the requirements alone, ended without meeting them."""

    def limits_on(self, name: str) -> MethodLimits:
        """Those of one constraint; none where nothing is known."""
        return self.limits.get(name, MethodLimits())

    def pushed(self, t: Trend) -> bool:
        """Whether all was pushed that could be: a multiplier that grew, a fixed penalty, or steps
        on the requirements alone."""
        fixed = self.limits_on(t.label).coefficient is not None
        return t.grows or fixed or self.out_of_reach


def diagnose(session: Session, constraints: Sequence[ConstraintResult]) -> Diagnosis:
    """Look at the end of a run; the iterate that is loaded is measured, and stays."""
    missed = {
        c.name
        for c in constraints
        if not c.satisfied and not c.soft and not math.isnan(c.violation)
    }
    facts = [c for c in session.program.constraints if c.label in missed and c.segment]
    if not missed or session.termination in ("nonfinite", "interrupted"):
        return Diagnosis()
    solved = _of_solver(session, constraints)
    if solved is not None:
        return solved
    if missed.issuperset(session.excluded) and session.excluded:
        return _excluded(session.excluded, bool(session.sets()))
    rows = session.history.rows
    trends = {c.label: t for c in facts if (t := trend(rows, c)) is not None}
    if not trends:
        return Diagnosis()
    batch = _batch_size(session)
    data = session.data.get(str(session.plan.dataset))
    limits = {c.label: limits_of(session, c) for c in facts}
    fixed = {name for name, found in limits.items() if found.coefficient is not None}
    stuck = [t for t in trends.values() if t.grows or (t.label in fixed and not t.falling)]
    able = affordable(session)
    looked = [c for c in session.program.constraints if c.segment and not c.soft]
    looked = sorted(looked, key=lambda c: c.label not in trends)[:MOST]
    evidence = Evidence(
        trends=trends,
        slope=slopes(session, looked) if able else None,
        probe=probe(session) if able and (stuck or session.out_of_reach) else None,
        travelling=session.schedule.travelling is not None,
        out_of_reach=session.out_of_reach,
        batch=batch,
        rows=0 if data is None else len(data),
        swings=swinging(rows, facts, batch is not None),
        limits=limits,
    )
    found = judge(evidence, [c for c in constraints if c.name in trends])
    if found.conflict and _solvable(session, constraints):
        probed = replace(evidence.probe, stuck=False, lowered=True) if evidence.probe else None
        evidence = replace(evidence, probe=probed)
        found = judge(evidence, [c for c in constraints if c.name in trends])
    return found


def _solvable(session: Session, constraints: Sequence[ConstraintResult]) -> bool:
    """Whether a solver meets all functional constraints of a small problem without data.

    Steepest descent can stop early where variables differ in scale by orders of magnitude.
    """
    if session.data or session.models():
        return False
    if any(c.segment is None and not c.soft for c in session.program.constraints):
        return False  # the solver would not know of the sets that are held otherwise
    equal: list[bool] = marked(session.program.constraints, lambda c: c.equal).tolist()
    function = session.module["measure"]

    def measure(
        primal: Mapping[str, Any], batch: Mapping[str, Any]
    ) -> tuple[Tensor, Tensor, Tensor]:
        f, g, true = function(primal, batch)
        # An objective that is a variable itself carries its gradient along.
        return (f if torch.is_grad_enabled() else f.detach()), g, true

    nlp = Nlp(session.primal, session.program.variables, measure, equal)
    elastic = _least(session, Small(nlp, False), constraints)
    return elastic is not None and elastic.met


def _least(
    session: Session, problem: Small, constraints: Sequence[ConstraintResult]
) -> Elastic | None:
    """The least violation of a problem, None of a large one; the point that is loaded stays."""
    nlp = problem.nlp
    if nlp.size + len(nlp.equalities) > SOLVED:
        return None
    kept = nlp.point()
    scale = scales(session, {c.name: c.bound for c in constraints}, len(nlp.equalities))
    found = least_violation(problem, scale, session.seed)
    nlp.put(kept)
    return found


def _batch_size(session: Session) -> int | None:
    """Examples of a step; None where a step sees all of them, or there are none."""
    dataset = session.plan.dataset
    if dataset is None or session.plan.epoch_steps <= 1:
        return None
    data = session.data[dataset]
    if data.stream is not None:  # the loader's own batches; on average where it does not say
        return data.stream.batch_size or -(-len(data) // session.plan.epoch_steps)
    return session.fit.rows_of_step(dataset)


def _of_solver(session: Session, constraints: Sequence[ConstraintResult]) -> Diagnosis | None:
    """Where a solver ended outside: the elastic problem tells whether anything is inside."""
    problem = small_problem(session)
    elastic = None if problem is None else _least(session, problem, constraints)
    if elastic is None:
        return None
    if elastic.met:
        note = (
            "a point that meets all constraints exists, but the solver did not end there: start "
            "from another point, or give it more `iterations`"
        )
        return Diagnosis((note,))
    names = taking_part(session, elastic)
    how = (
        "infeasible: no point meets all (proved: the problem is convex, and a nonnegative "
        "combination of them is positive everywhere)"
        if elastic.proved
        else "suspected infeasible: the least violation found from several starts is not 0"
    )
    worst = float(elastic.slack.max(initial=0.0))
    note = f"{_names(names)}: {how}; the largest must give {worst:.3g}; see `cspec relax`"
    return Diagnosis((note,), names, elastic.proved)


def _excluded(names: tuple[str, ...], held: bool) -> Diagnosis:
    """What the solver at the end has seen (`runtime/finish/first_phase.py`)."""
    note = (
        f"{_names(names)}: suspected infeasible {_together(names, held)}: a solver on whole data, "
        "on the violations alone, ends where no step lowers all of them; `cspec relax` says how "
        "far each bound must give"
    )
    return Diagnosis((note,), names)


def _together(names: Sequence[str], held: bool) -> str:
    together = "together" if len(names) > 1 else "at this level"
    return together + " within the sets and bounds that are projected onto" * held


def swinging(rows: Sequence[Row], facts: Sequence[ConstraintFacts], noisy: bool) -> frozenset[str]:
    """Constraints with multipliers that oscillate without getting smaller."""
    found = set()
    for c in facts:
        path = [r.violations.get(c.label, math.nan) for r in rows]
        path = [g for g in path if not math.isnan(g)]
        if c.multipliers and c.crosses and oscillates(path, c.tolerance, noisy):
            found.add(c.label)
    return frozenset(found)


def judge(evidence: Evidence, missed: Sequence[ConstraintResult]) -> Diagnosis:
    """The sentences, and the constraints in conflict."""
    conflict = _conflict(evidence)
    notes: list[str] = []
    told: set[str] = set()
    if conflict:
        notes.append(_infeasible(evidence, conflict))
        told.update(conflict)
    notes += _opposing(evidence)
    for c in missed:
        t, limits = evidence.trends[c.name], evidence.limits_on(c.name)
        alone = evidence.out_of_reach
        line = _unmoved(evidence, c) or _swing(evidence, c)
        if limits.coefficient is None and not alone:
            line = line or _noisy(evidence, c)
        line = line or jumps(t, evidence.batch is None, c)
        if line is None and c.name not in told:
            line = _flat(evidence, c) or weak(t, limits, c) or capped(t, limits, c, alone)
            line = line or _slow(evidence, c) or _against(evidence, c) or standing(t, c)
        if line is not None:
            notes.append(line)
    return Diagnosis(tuple(notes), conflict)


def _conflict(evidence: Evidence) -> tuple[str, ...]:
    """Who can't be met together: a stopped descent on the violations, and a stuck trajectory."""
    found = evidence.probe
    if found is None or not found.stuck or not found.conflict:
        return ()
    trends = [evidence.trends[name] for name in found.conflict if name in evidence.trends]
    still = any(evidence.pushed(t) and t.moved and not t.falling for t in trends)
    stopped = still and not evidence.swings
    return found.conflict if stopped else ()


def _infeasible(evidence: Evidence, conflict: Sequence[str]) -> str:
    names = _names(conflict)
    found = evidence.probe
    assert found is not None
    grew = any(t.grows for name, t in evidence.trends.items() if name in conflict)
    course = "while the multiplier grew" if grew else "under its penalty"
    return (
        f"{names}: suspected infeasible {_together(conflict, found.held)}: the violation did not "
        f"fall over the last third of the run {course}, and descent on the violations alone stops "
        f"at {found.after:.3g} (from {found.before:.3g}); `cspec relax` says how far each bound "
        "must give"
    )


def _opposing(evidence: Evidence) -> list[str]:
    """Two violated or active constraints that pull in opposite directions."""
    if evidence.slope is None:
        return []
    return [
        f"{a} and {b}: their gradients are opposed, cosine {cosine:.2f}: what lowers one raises "
        "the other"
        for (a, b), cosine in evidence.slope.between.items()
        if cosine <= OPPOSED and a in evidence.trends and b in evidence.trends
    ]


def _unmoved(evidence: Evidence, c: ConstraintResult) -> str | None:
    if evidence.trends[c.name].moved:
        return None
    flat = evidence.slope is not None and evidence.slope.norms.get(c.name) == 0
    why = "its gradient is zero" if flat else "no step changed it"
    return (
        f"{c.name}: its value never moved ({why}): it may not depend on what is trained, or be "
        "flat there; give it a surrogate, another start, or make what it reads trainable"
    )


def _flat(evidence: Evidence, c: ConstraintResult) -> str | None:
    """It moved, and stands where its own gradient vanishes: no weight on it has an effect."""
    norm = math.nan if evidence.slope is None else evidence.slope.norms.get(c.name, math.nan)
    if not norm <= FLAT * max(1.0, abs(c.violation)) or evidence.trends[c.name].falling:
        return None
    return (
        f"{c.name}: its gradient is zero where the run ended, at violation {c.violation:.3g}: no "
        "small step lowers it, however large its weight; start elsewhere, give it a surrogate, or "
        "see `cspec relax` for what can be met"
    )


def _swing(evidence: Evidence, c: ConstraintResult) -> str | None:
    if c.name not in evidence.swings or evidence.travelling:
        return None
    step = evidence.trends[c.name].step
    gain = f"{1 / step:.2g}" if math.isfinite(step) and step > 0 else "10"
    other = "larger `penalty` of" if c.method == "augmented_lagrangian" else "use"
    return (
        f"{c.name}: oscillates without getting smaller: {other} `augmented_lagrangian`, or damp "
        f"the multiplier with `lagrangian(dual=nupi(kp={gain}))`"
    )


def _noisy(evidence: Evidence, c: ConstraintResult) -> str | None:
    """The estimate of one batch is too coarse for the slack."""
    noise, slack = evidence.trends[c.name].noise, abs(c.value - c.bound)
    if evidence.batch is None or c.split is None or not 0 < slack < noise:
        return None
    need = evidence.batch * (noise / slack) ** 2
    if need > WORST:
        return None
    enough = 2 ** math.ceil(math.log2(need) - 1e-6)
    batch = (
        f"`batch_size={enough}` would do"
        if enough < evidence.rows
        else f"all {evidence.rows:,} examples a step would be needed"
    )
    return (
        f"{c.name}: the noise of its estimate on a batch of {evidence.batch} (± {noise:.2g}) "
        f"exceeds its distance to the bound ({slack:.2g}): {batch}"
    )


def _slow(evidence: Evidence, c: ConstraintResult) -> str | None:
    """The multiplier still grows and pushes the violation down, not fast enough."""
    t = evidence.trends[c.name]
    possible = evidence.probe is not None and evidence.probe.lowered
    if not t.grows or not (t.falling or possible) or _outweighs(evidence, t):
        return None
    factor = t.shortfall
    if factor < SHORT:
        return f"{c.name}: its violation still falls and its multiplier still grows: train longer"
    rounded = float(f"{factor:.2g}")
    size = f"about {rounded:g} x " if factor < 1e4 else "far "
    known = math.isfinite(t.step) and t.step > 0
    more = f" (now about {t.step:.2g}: raise its `lr`)" if known else ""
    if c.method == SOLVES:
        more = f" (it is the penalty, now about {t.step:.2g})"
    head = "violation falls but the multiplier still grows"
    if t.late >= t.early:
        head = (
            "steps on the requirements alone lower its violation, so it can be met, but the run "
            "ended while the multiplier still grew"
        )
    return f"{c.name}: {head}: dual step {size}too small for this many steps{more}"


def _outweighs(evidence: Evidence, t: Trend) -> bool:
    """Whether the multiplier pulls harder than the objective already: its step is not too small."""
    slope = evidence.slope
    if slope is None or t.falling or not slope.objective > 0:
        return False
    return t.multiplier * slope.norms.get(t.label, 0.0) > PULLS * slope.objective


def _against(evidence: Evidence, c: ConstraintResult) -> str | None:
    """The objective holds the constraint back, and pushing harder has not helped."""
    t = evidence.trends[c.name]
    if evidence.slope is None or not t.grows or t.falling:
        return None
    cosine = evidence.slope.with_objective.get(c.name, math.nan)
    if not cosine <= OPPOSED:
        return None
    return (
        f"{c.name}: gradients of objective and constraint are opposed, cosine {cosine:.2f}, and "
        "the violation does not fall while the multiplier grows: start elsewhere, train longer, or "
        "see `cspec relax` for how far its bound must give"
    )


def _names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
