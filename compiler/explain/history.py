"""The rewriting steps that changed something, each constraint before and after."""

from __future__ import annotations

from cspec.compiler.expressions import text as expressions
from cspec.compiler.expressions.mathematics import Change
from cspec.compiler.passes.expansion.collect import collect
from cspec.compiler.plan import PASSES
from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.check import Checked


def changes(checked: Checked) -> tuple[Change, ...]:
    """Each pass that changed something, with the lines that it changed."""
    problem = collect(checked)
    found: list[Change] = []
    for name, run in PASSES:
        after = run(problem, checked)
        lines = tuple(line for line in state(after) if line not in state(problem))
        if lines:
            found.append(Change(name=name, lines=lines))
        problem = after
    return tuple(found)


def state(problem: Problem) -> tuple[str, ...]:
    """A problem as lines: the objective, then each constraint with its set and its functions."""
    sense = "minimize" if problem.objective_sign < 0 else problem.sense
    return (
        f"{sense} {expressions.text(problem.objective)}",
        *(_line(c) for c in problem.constraints),
    )


def _line(c: Constraint) -> str:
    text = f"{c.label}: {expressions.text(c.value)} {c.relation} {expressions.text(c.judged_by)}"
    if c.set is not None:
        text += f"   [{c.set.word}]"
    if c.parts:
        shown = (
            f"{expressions.text(part)} {'==' if c.equality(place) else '<='} 0"
            for place, part in enumerate(c.parts)
        )
        text += "   ->   " + ",  ".join(shown)
    return text
