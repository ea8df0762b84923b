"""Which gates are decided before a run ends, and by which sizes."""

from typing import NamedTuple

from cspec.compiler.axes.sizes import sized
from cspec.compiler.records.graph import Kind, Operation
from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.tree.nodes import Expr, walk

RAMP = 0.4
"""Share of the run along which the bound of a size on gates comes down."""
DECIDED = 0.8
"""Share of the run after which gates are open or shut for good, if they were not before."""
COURSE = (
    f"the bound comes down from every weight over {RAMP:.0%} of the run, so that gates do not shut "
    f"in droves, and once it is reached, or at {DECIDED:.0%}, the most open gates stay, as many as "
    "it allows"
)
"""How a size on gates comes to its bound (`gate_course`), in words."""


class Decision(NamedTuple):
    """Models whose gates are decided in one order, and the functions <= 0 that bound them."""

    models: tuple[str, ...]
    parts: tuple[Expr, ...]


def decisions(problem: Problem) -> tuple[Decision, ...]:
    """Sizes on gates that are decided; those that share a model are decided together."""
    found: list[Decision] = []
    for c in problem.constraints:
        if not c.decides:
            continue
        pairs = (sized(node) for part in c.decides for node in walk(part))
        names = {pair[1] for pair in pairs if pair is not None}
        near = [d for d in found if names & set(d.models)]
        found = [d for d in found if d not in near]
        models = names.union(*(d.models for d in near))
        parts = (*(part for d in near for part in d.parts), *c.decides)
        found.append(Decision(tuple(sorted(models)), parts))
    return tuple(found)


def gate_operations(problem: Problem) -> tuple[Operation, ...]:
    """GATES: the decision, in the update graph."""
    models = {name for decision in decisions(problem) for name in decision.models}
    if not models:
        return ()
    operation = Operation(
        kind=Kind.GATES,
        name="decide_gates",
        options={"after": DECIDED},
        targets=tuple(sorted(models)),
        often=f"once at the bounds, or from {DECIDED:.0%} of the run on",
        meaning="the most open gates stay, as many as the bounds allow; the others shut for good",
    )
    return (operation,)


def described_course(c: Constraint) -> str:
    """How a size on gates comes to its bound, where that is left open."""
    return f"; {COURSE}" if c.decides else ""
