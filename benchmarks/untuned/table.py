"""How outcomes are printed: one line a run, and one line of shares."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from untuned.best import Best
from untuned.judge import Outcome

NEAR = 0.02


def gap(outcome: Outcome, best: Best | None) -> float | None:
    """Distance to the best: of objectives relative to its size, of error rates in points.

    None where nothing met the requirement in the searches, or the run ended in an error.
    """
    if outcome.measured is None or best is None or best.value is None:
        return None
    difference = outcome.measured.quality - best.value
    return difference if outcome.task.test is not None else difference / max(1e-9, abs(best.value))


def near(outcome: Outcome, best: Best | None) -> bool:
    """Whether the requirement is met and the quality within 2% of the best; met where none is."""
    if outcome.measured is None or not outcome.measured.met:
        return False
    found = gap(outcome, best)
    return found is None or found <= NEAR


def multiplier_errors(outcome: Outcome, best: Best | None) -> dict[str, float]:
    """|m - m*| / max(|m*|, 1% of the largest), by label, for those that are known and reported."""
    if best is None:
        return {}
    floor = max([1e-2, *(0.01 * abs(m) for m in best.multipliers.values())])
    return {
        label: abs(outcome.multipliers[label] - m) / max(abs(m), floor)
        for label, m in best.multipliers.items()
        if label in outcome.multipliers
    }


def costs(outcome: Outcome, best: Best | None) -> tuple[float, float] | None:
    """Backward passes and seconds, as multiples of one run of the best setting."""
    if best is None or not best.gradients or outcome.measured is None:
        return None
    return outcome.gradients / best.gradients, outcome.seconds / max(1e-2, best.seconds)


def heading() -> str:
    """The heads of the columns."""
    return (
        f"{'task':<20}{'batch':>5}{'scale':>7}{'seed':>5}  {'met':<4}{'violation':>10}"
        f"{'quality':>11}{'best':>11}{'gap':>8}{'mult.':>7}{'grads':>7}{'sec':>6}  note"
    )


def line(outcome: Outcome, best: Best | None) -> str:
    """One run."""
    setup, found = outcome.setup, outcome.measured
    head = f"{outcome.task.name:<20}{setup.batch:>5}{setup.scale:>7g}{setup.seed:>5}  "
    if found is None:
        return f"{head}{'NO':<4}{'':>42} {outcome.seconds:.1f} s  {outcome.note}"
    value = best.value if best is not None else None
    apart = gap(outcome, best)
    errors = multiplier_errors(outcome, best)
    notes = [outcome.note, "early, unsaid" if outcome.early else ""]
    if outcome.claimed != found.met:
        notes.append("its own verdict differs")
    return (
        f"{head}{'yes' if found.met else 'NO':<4}{found.violation:>10.1e}{found.quality:>11.5g}"
        f"{_or_dash(value, '11.5g')}{_or_dash(apart, '8.1%')}"
        f"{_or_dash(max(errors.values()) if errors else None, '7.0%')}"
        f"{outcome.gradients:>7}{outcome.seconds:>6.1f}  {', '.join(n for n in notes if n)}"
    )


def _or_dash(value: float | None, form: str) -> str:
    width = int(form.split(".")[0])
    return f"{'-':>{width}}" if value is None or math.isnan(value) else f"{value:>{form}}"


def summary(title: str, outcomes: Sequence[Outcome], known: Mapping[str, Best]) -> str:
    """The shares over some runs, in one line."""
    count = max(1, len(outcomes))
    met = sum(o.measured is not None and o.measured.met for o in outcomes)
    close = sum(near(o, known.get(o.task.name)) for o in outcomes)
    ratios = [c for o in outcomes if (c := costs(o, known.get(o.task.name))) is not None]
    passes, seconds = (
        (statistics.median(r[k] for r in ratios) for k in (0, 1))
        if ratios
        else (math.nan, math.nan)
    )
    right, total = _multipliers(outcomes, known)
    early = sum(o.early for o in outcomes)
    return (
        f"{title} {len(outcomes)} runs; met {met / count:.0%}; met and within 2% of the best "
        f"{close / count:.0%}; cost {passes:.1f}x gradients, {seconds:.1f}x seconds; multipliers "
        f"right {right} of {total}; early iterates unsaid {early}"
    )


def _multipliers(outcomes: Sequence[Outcome], known: Mapping[str, Best]) -> tuple[int, int]:
    """How many are within 5% (full batch) or 10%, of how many that are known."""
    right = total = 0
    for outcome in outcomes:
        limit = 0.05 if outcome.setup.batch == "full" else 0.1
        errors = multiplier_errors(outcome, known.get(outcome.task.name))
        right += sum(error <= limit for error in errors.values())
        total += len(errors)
    return right, total
