"""Which iterate a run delivers: the best that was measured, or its last one, as restored.

On the way iterates are compared on at most a few thousand rows (`runtime/session/watch`). Two are
left at the end, and they are compared on all the data: the feasible one (by the scale of each
requirement, where its tolerance is wider), of two feasible ones the one with the better objective,
less what it has gained within a tolerance. If neither is feasible, the smaller merit

    f + sum_i |multiplier_i| V_i        V_i the violation, multipliers as the result tells them

decides: violation alone would prefer an accident of the first steps, where nothing was learned.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import torch

from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.finish.prices import corrected
from cspec.runtime.finish.violation import STRICT, own_scale
from cspec.runtime.measure.requirements import amount, measured
from cspec.runtime.result.entries import prices
from cspec.runtime.result.iterate import Iterate, way_of
from cspec.runtime.session.session import Session
from cspec.runtime.session.snapshots import better, load_tensors, minimized, plain_tensors
from cspec.runtime.session.with_examples import prices_of_rows, split_told, with_examples

NEGLIGIBLE = 1e-7
"""Share of all that the objective moved below which an early iterate is none the better."""


def deliver(session: Session, end: Iterate) -> Iterate:
    """Load the iterate that is delivered, with its state; the run's last one is `end`."""
    best = session.best or end
    if best is not end:  # also of the same step: the end may have been restored since
        best, end = _on_all_rows(session, best), _on_all_rows(session, end)
        best = end if _replaces(session, end, best) else best
    load_tensors(session.primal, best.tensors)
    session.state.update({name: value.clone() for name, value in best.state.items()})
    whole = with_examples(session)
    if whole.told is not None:
        told = whole.told if session.priced else corrected(session, whole.told)
        own = split_told(session, whole, told)
        session.state |= {} if own is None else {"multipliers": own}
        session.state |= {f"{c}.multipliers": rows for c, rows in session.told_each.items()}
    if best.step <= session.total_steps / 2 < session.step:
        session.notes.append(_early(session, best))
    return best


def settled_levels(session: Session, iterate: Iterate) -> Iterate:
    """The iterate that is loaded, with variables in the place of a worst example at its value.

        minimize max(e for (x, y) in train)   as   minimize worst  s.t.  each: e <= worst

    What is minimized is the largest e, whatever the variable was when the last step was taken.
    """
    levels = tuple(c for c in session.program.constraints if c.level)
    if not levels:
        return iterate
    found = measured(session.measurer, session.places(levels), [])
    with torch.no_grad():
        for c in levels:
            worst = found[c.label].value
            if math.isfinite(worst):
                session.primal[c.level].fill_(worst)
    return replace(iterate, tensors=plain_tensors(session.primal))


def _on_all_rows(session: Session, iterate: Iterate) -> Iterate:
    if not session.watch.samples:
        return iterate
    load_tensors(session.primal, iterate.tensors)
    return session.watch.iterate(iterate.step, iterate.epoch, iterate.state, session.measurer)


def _replaces(session: Session, end: Iterate, best: Iterate) -> bool:
    if _strictly_met(session, end) and not _strictly_met(session, best):
        return True
    if best.feasible and end.feasible:
        early = best.step <= session.total_steps / 2
        ours, theirs = _level(session, end), _level(session, best)
        # At rest objectives differ by rounding: which of them is least says nothing.
        return ours <= theirs + (NEGLIGIBLE * way_of(session.measured) if early else 0.0)
    if best.feasible or end.feasible:
        return better(end, best, session.program.sense)
    ours, theirs = _merit(session, end), _merit(session, best)
    if not math.isfinite(ours) or not math.isfinite(theirs):
        return better(end, best, session.program.sense)
    return ours <= theirs


def _strictly_met(session: Session, iterate: Iterate) -> bool:
    """Whether every requirement by multipliers is met to a small share of its own scale, too."""
    for c in session.program.constraints:
        if c.soft or c.tolerance == 0 or c.segment is None:
            continue
        if not amount(c, *iterate.reading(c.label)) <= min(
            c.tolerance, STRICT * own_scale(session, c)
        ):
            return False
    return iterate.feasible


def _level(session: Session, iterate: Iterate) -> float:
    """f + sum of |multiplier| x violation, that within the tolerance as well."""
    level = minimized(iterate, session.program.sense)
    for _, price, violation in _violations(session, iterate):
        level += price * violation if math.isfinite(violation) else 0.0
    return level


def _merit(session: Session, iterate: Iterate) -> float:
    """f + sum of |multiplier| x violation; NaN where a violated requirement has no multiplier."""
    merit = minimized(iterate, session.program.sense)
    for c, price, violation in _violations(session, iterate):
        beyond = max(0.0, violation - c.tolerance)
        merit += (price or math.nan) * beyond if beyond else 0.0
    return merit


def _violations(
    session: Session, iterate: Iterate
) -> Iterator[tuple[ConstraintFacts, float, float]]:
    """What was measured of each requirement: its |multiplier| as told (0: none), its violation."""
    multipliers = session.told if session.told is not None else session.state.get("multipliers")
    price = prices(multipliers, session.program.constraints)
    rows = prices_of_rows(session) | session.told_each
    price |= {label: float(own.abs().sum()) for label, own in rows.items()}
    for c in session.program.constraints:
        if not c.soft:
            violation = max(0.0, amount(c, *iterate.reading(c.label)))
            yield c, abs(price.get(c.label, 0.0)), violation


def _early(session: Session, best: Iterate) -> str:
    why = "no later one came closer"
    if best.feasible:
        late = any(i.feasible for i in session.measured if i.step > best.step)
        why = "later ones have worse objectives" if late else "no later one met every requirement"
    return f"delivered is step {best.step:,} of {session.step:,}, of the run's first half: {why}"
