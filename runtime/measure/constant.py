"""Requirements that nothing moves: judged as they are, and refused where they are violated."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cspec.compiler.records.program import ConstraintFacts, Program
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.text.source import Source
from cspec.runtime.failures import line_span
from cspec.runtime.measure.requirements import Measurement, holds
from cspec.runtime.result.constraint import ConstraintResult

Measured = Mapping[str, Measurement] | Mapping[str, ConstraintResult]
"""What has the value and the bound of constraints, by label."""


def refuse_constant(
    program: Program, measure: Callable[[tuple[ConstraintFacts, ...]], Measured]
) -> None:
    """Refuse what no training can meet, before it trains.

    `P[pred < 5] <= 50%` of two classes is 100% whatever is learned. `measure` is asked only where
    there is such a requirement.

    Raises:
        SpecError: CS310.
    """
    constant = tuple(c for c in program.constraints if c.constant and not c.soft)
    if not constant:
        return
    values = measure(constant)
    source = Source(text=program.spec, name=program.name)
    refused = [
        Diagnostic(
            code="CS310",
            message=f"`{c.text}` can't be met: it is {found.value:.4g} whatever is learned",
            span=line_span(source, c.line),
            label="the same whatever is predicted",
            helps=("ask for something that the predictions change, or leave it out",),
            source=source if c.line else None,
        )
        for c, found in ((c, values[c.label]) for c in constant)
        if not holds(c, found.value, found.bound)
    ]
    if refused:
        raise SpecError(refused)
