"""Sentences about one missed requirement whose method or optimizer holds it back.

Pure functions of a trend (`trends`), of the limits of a method (`limits`) and of the verdict. Each
names the requirement, a number, and what to do; None where it is not the reason.
"""

import math

from cspec.runtime.result.constraint import ConstraintResult
from cspec.runtime.verdict.why.limits import MethodLimits
from cspec.runtime.verdict.why.trends import WINDOW, Trend


def weak(t: Trend, limits: MethodLimits, c: ConstraintResult) -> str | None:
    """A fixed penalty that the objective outweighs.

    At the minimum of f + c/2 [g]+^2 the violation is about multiplier / c (Nocedal and Wright 2006,
    section 17.1); f + c [g]+ holds exactly once c is above the multiplier (theorem 17.3).
    """
    size = limits.coefficient
    # What it falls by would not be all of it in as long a run again.
    if size is None or (t.early - t.late) / WINDOW >= t.late:
        return None
    head = (
        f"{c.name}: `{c.method}(coefficient={size:g})` is too weak: the violation stays at "
        f"{c.violation:.3g}"
    )
    match c.method:
        case "quadratic_penalty":
            return (
                f"{head}; it falls about as 1 / coefficient, to {c.violation / 10:.2g} at "
                f"{10 * size:g}, and never to 0: `augmented_lagrangian` reaches the bound"
            )
        case "exact_penalty":
            return (
                f"{head}; the bound is reached once the coefficient exceeds the multiplier, which "
                f"is more than {size:g}: try {10 * size:g}, or `lagrangian`, which finds it"
            )
    return (
        f"{head}; it pushes with {size:g} wherever the constraint stands, so that no coefficient "
        "holds it at its bound: use `lagrangian`, which finds the weight"
    )


def capped(
    t: Trend, limits: MethodLimits, c: ConstraintResult, out_of_reach: bool = False
) -> str | None:
    """A penalty or a multiplier that may not grow any more.

    `out_of_reach`: steps on whole data, on the requirements alone, did not meet it either.
    """
    course = (
        f"violation {c.violation:.3g} still falls"
        if t.falling
        else f"violation {c.violation:.3g} unchanged over the last third of the run"
    )
    if limits.multiplier_at_cap(t.multiplier):
        return (
            f"{c.name}: multiplier at its cap {limits.max_multiplier:g} and {course}: raise "
            "`max_multiplier`, unless nothing can meet this requirement"
        )
    if limits.penalty_at_cap and (t.grows or not t.falling):
        if limits.found:  # the run chose it, 1e4 times the first: to raise it is no advice
            alone = ", and steps on the requirements alone did not meet it" if out_of_reach else ""
            longer = "another start or model may, else" if out_of_reach else "train longer, or"
            return (
                f"{c.name}: violation {c.violation:.3g} under the largest penalty, "
                f"{limits.max_penalty:.3g}{alone}: {longer} see `cspec relax` for what can be met"
            )
        return (
            f"{c.name}: penalty at its cap {limits.max_penalty:g} and {course}: raise "
            "`max_penalty`, train longer, or see `cspec relax` for what can be met"
        )
    return None


def jumps(t: Trend, deterministic: bool, c: ConstraintResult) -> str | None:
    """Steps so long that a value without noise leaps over its bound."""
    slack = abs(c.value - c.bound)
    if not deterministic or not slack < t.noise or t.noise <= max(c.tolerance, 0.0):
        return None
    return (
        f"{c.name}: its value moves by ± {t.noise:.2g} from step to step, more than its distance "
        f"to the bound ({slack:.2g}): the optimizer's steps are too long; lower its `lr`, or let "
        "it fall with `schedule=cosine`"
    )


def standing(t: Trend, c: ConstraintResult) -> str | None:
    """Nothing more is known than that pushing harder did not help."""
    if not t.grows or t.falling or not math.isfinite(c.violation):
        return None
    return (
        f"{c.name}: violation {c.violation:.3g} did not fall over the last third of the run while "
        f"the multiplier grew to {t.multiplier:.3g}: another requirement or set may hold it there; "
        "`cspec relax` says how far each bound must give"
    )
