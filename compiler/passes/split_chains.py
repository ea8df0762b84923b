"""Split `lo <= e <= hi` and `e in [lo, hi]` into two constraints that share `e`.

ring: 0.2 <= e <= 0.4   ->   ring.lo: e >= 0.2,  ring.hi: e <= 0.4
"""

from __future__ import annotations

from cspec.compiler.ir import Constraint, Problem, Relation
from cspec.dsl.nodes import Compare, Expr, Interval


def split_chains(problem: Problem) -> Problem:
    """The problem with one relation a constraint."""
    constraints = tuple(part for c in problem.constraints for part in _split(c))
    return problem.model_copy(update={"constraints": constraints})


def _split(constraint: Constraint) -> tuple[Constraint, ...]:
    match constraint.value, constraint.bound:
        case Compare(operands=(first, middle, last), operators=(operator, _)), _:
            low, high = (first, last) if operator in ("<=", "<") else (last, first)
            return _two(constraint, middle, low, high)
        case _, Interval(lower=low, upper=high) if constraint.relation == "in":
            return _two(constraint, constraint.value, low, high)
        case _:
            return (constraint,)


def _two(constraint: Constraint, value: Expr, low: Expr, high: Expr) -> tuple[Constraint, ...]:
    def side(name: str, bound: Expr, relation: Relation) -> Constraint:
        return constraint.model_copy(
            update={
                "label": f"{constraint.label}.{name}",
                "value": value,
                "bound": bound,
                "relation": relation,
            }
        )

    return side("lo", low, ">="), side("hi", high, "<=")
