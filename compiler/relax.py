"""The elastic form of a spec: every functional requirement may give, at a price.

A constraint g <= 0 becomes g <= s with s >= 0, and the objective gets c times the (scaled) sum of
the s: the exact penalty f + c sum [g]+ (Nocedal and Wright 2006, section 17.2). What is held by a
projection, a parametrization or another construction stays hard. Contradictions that `check` finds
are what relaxing is for, so they stop nothing here.
"""

from collections.abc import Mapping

from cspec.compiler.methods import FUNCTIONAL
from cspec.compiler.passes.expansion.collect import collect
from cspec.compiler.records.program import Program
from cspec.dsl.check import Checked
from cspec.dsl.messages.diagnostic import errors
from cspec.dsl.settings.methods import Auto, ExactPenalty, Method, Sqp

CONTRADICTIONS = frozenset({"CS311", "CS401", "CS402", "CS404"})
"""Findings about bounds: they can be out of reach, or exclude each other."""
COEFFICIENT = 100.0
"""c: exact once above the largest multiplier. Losses are of order 1 and rates within [0, 1], so a
price of 100 for one unit of a bound is beyond what any of them is worth."""


def without_contradictions(checked: Checked) -> Checked:
    """The spec with contradictory bounds let through; other findings stay."""
    kept = tuple(d for d in checked.diagnostics if d.code not in CONTRADICTIONS)
    return checked.model_copy(update={"diagnostics": kept})


def contradictions(checked: Checked) -> tuple[str, ...]:
    """What `check` says of the bounds, in short."""
    return tuple(d.message for d in errors(checked.diagnostics) if d.code in CONTRADICTIONS)


def for_solver(checked: Checked, *, asked: bool) -> Checked:
    """The spec left to the solver of small problems: by `auto`, or by `sqp` where it is `asked`."""
    kept: Mapping[str, Method] = {
        label: method
        for label, method in checked.methods.items()
        if method.word not in FUNCTIONAL and not isinstance(method, Sqp)
    }
    method = Sqp() if asked else Auto()
    return checked.model_copy(update={"method": method, "methods": kept})


def penalized(checked: Checked, program: Program, coefficient: float = COEFFICIENT) -> Checked:
    """The spec with an exact penalty for whatever its program enforces by a function."""
    functional = [c.family for c in program.constraints if not c.soft and c.method in FUNCTIONAL]
    methods = dict(checked.methods)
    for constraint in collect(checked).constraints:
        label = constraint.label
        if any(name == label or name.startswith((f"{label}.", f"{label}[")) for name in functional):
            methods[label] = ExactPenalty(coefficient=coefficient)
    return checked.model_copy(update={"methods": methods})
