"""The result as a plain text table, for scripts that run without the interface."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cspec.dsl.visible import visible_line

if TYPE_CHECKING:
    from cspec.runtime.result import ConstraintResult, Result

HEADER = ("requirement", "value", "relation", "bound", "met", "multiplier", "on")


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return "not measured" if math.isnan(value) else f"{value:.6g}"


def _row(constraint: ConstraintResult) -> tuple[str, ...]:
    met = "yes" if constraint.satisfied else "NO"
    return (
        constraint.name,
        _number(constraint.value),
        constraint.relation,
        _number(constraint.bound),
        "soft" if constraint.soft else met,
        _number(constraint.multiplier),
        constraint.split or "parameters",
    )


def constraint_lines(constraints: Sequence[ConstraintResult]) -> list[str]:
    """A header and one line a constraint, in columns; nothing where there is none."""
    if not constraints:
        return []
    rows = [HEADER, *(tuple(map(visible_line, _row(c))) for c in constraints)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
    return ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows]


def text_table(result: Result) -> str:
    """Status, one line a requirement, variables, metrics, notes."""
    lines = [f"{result.spec}: {result.status} ({result.termination}, {result.steps} steps)"]
    lines.append(f"objective {_number(result.objective)}")
    lines += constraint_lines(result.constraints)
    lines += [f"{name} = {value}" for name, value in result.vars.items()]
    lines += [f"{name} {_number(value)}" for name, value in result.metrics.items()]
    lines += [f"note: {note}" for note in result.notes]
    return "\n".join(visible_line(line).rstrip() for line in lines)
