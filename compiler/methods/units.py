"""Units from the problem: how steep objective and constraints are, and how large what moves is.

A constraint that is multiplied by 1000 is the same requirement. So it is worked on as g / s, with s
the largest slope |grad g| seen over the first steps: a distance in the space of what moves. With

    phi = the largest |grad f|,   r = the size of what moves + the largest violation / s

a first penalty of phi / r on g / s holds f back as hard as it pulls at a distance of r. A penalty c
on g / s is the penalty c / s^2 on g, and the multiplier of g is that of g / s over s: so only the
penalty is scaled, and everything measured and told stays in the units of the spec.
"""

from __future__ import annotations

from cspec.compiler.graph import Kind, Operation, StateFacts
from cspec.compiler.methods.base import Rule

STEPS = 50
"""Steps over which slopes are measured, one gradient a constraint more each ..."""
SHARE = 0.1
"""... and at most this share of the run."""
GRADIENTS = 400
"""Gradients that this may take in all: of many constraints slopes are measured on fewer steps."""
CAP = 1e4
"""The largest penalty, relative to the first."""


def unit_state(rule: Rule) -> tuple[StateFacts, ...]:
    """What is remembered of slopes."""
    return (
        StateFacts(name="slope", size=rule.size, meaning="largest |grad g| so far"),
        StateFacts(name="pull", size=1, meaning="largest |grad f| so far"),
        StateFacts(name="far", size=rule.size, meaning="largest violation over slope so far"),
        StateFacts(name="most", size=rule.size, meaning="cap of the penalties"),
    )


def measure_units(rule: Rule) -> Operation:
    """RESET: the first penalty, from slopes over the first steps."""
    steps = max(1, min(STEPS, round(SHARE * rule.total_steps)))
    return Operation(
        kind=Kind.RESET,
        name="units",
        rule=rule.name,
        options={"steps": steps, "every": max(1, -(-rule.size * steps // GRADIENTS)), "cap": CAP},
        meaning="penalty <- |grad f| / (|x| + violation/|grad g|) / |grad g|^2, slopes of the "
        f"first {steps} steps",
    )
