"""How runs of SAL end: what is said of rejected updates, and the test that stops them."""

from __future__ import annotations

from cspec.compiler.records.fragment import Rule
from cspec.compiler.records.graph import Kind, Operation
from cspec.dsl.settings.base import EPOCH, Every
from cspec.dsl.settings.methods import Sal

REJECTIONS = 5
"""Rejected updates in a row, at the largest penalty, that count as stalled."""


def report_stall(rule: Rule, every: Every = EPOCH) -> Operation:
    """RECORD: how many updates were accepted, and whether the end of the run was a stall."""
    steps = every.count if every.unit == "step" else 0
    return Operation(
        kind=Kind.RECORD,
        name="report_stall",
        rule=rule.name,
        options={"rejections": REJECTIONS, "steps": steps},
        meaning="says where updates are rejected at the largest penalty",
    )


def stop(rule: Rule) -> tuple[Operation, ...]:
    """STOP: where f and ||C||^2 are small, if a level of f is given."""
    settings: Sal = rule.settings
    if not settings.given("tol_objective"):
        return ()
    solved = Operation(
        kind=Kind.STOP,
        name="solved",
        rule=rule.name,
        trigger=EPOCH,
        options={"objective": settings.tol_objective, "constraint": settings.tol_constraint},
        meaning="stop where f <= tol_objective and ||C||^2 <= tol_constraint",
    )
    return (solved,)
