"""Verdicts as a plain text table, for scripts that run without the interface."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cspec.dsl.text.visible import visible_line
from cspec.runtime.result.constraint import ConstraintResult

HEADER = ("requirement", "value", "relation", "bound", "met", "multiplier", "on")


def number(value: float | None) -> str:
    """A number of a table: six digits, or what there is in its place."""
    if value is None:
        return "-"
    return "not measured" if math.isnan(value) else f"{value:.6g}"


def _row(constraint: ConstraintResult) -> tuple[str, ...]:
    met = "yes" if constraint.satisfied else "NO"
    proof = constraint.certificate
    if constraint.satisfied and proof is not None:
        met = "certified" if proof.certified else "not certified"
    return (
        constraint.name,
        number(constraint.value),
        constraint.relation,
        number(constraint.bound),
        "soft" if constraint.soft else met,
        number(constraint.multiplier),
        constraint.split or "parameters",
    )


def constraint_lines(constraints: Sequence[ConstraintResult]) -> list[str]:
    """A header and one line a constraint, in columns; nothing where there is none."""
    if not constraints:
        return []
    rows = [HEADER, *(tuple(map(visible_line, _row(c))) for c in constraints)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
    return ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows]
