"""Split chains and `e in [lo, hi]` into constraints of one relation each.

ring: 0.2 <= e <= 0.4      ->   ring.lo: e >= 0.2,  ring.hi: e <= 0.4
same: a == b == c          ->   same.1: a == b,  same.2: b == c
rise: 1 <= x <= y <= 4     ->   rise.1: x >= 1,  rise.2: x <= y,  rise.3: y <= 4
"""

from cspec.compiler.passes.sides import Sides, sides
from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.tree.constants import Values
from cspec.dsl.tree.nodes import Compare, Expr, Interval, Membership
from cspec.dsl.tree.rebuild import chain_parts


def split_chains(problem: Problem, params: Values | None = None) -> Problem:
    """The problem with one relation a constraint; `params` are constants by name."""
    return problem.with_constraints(p for c in problem.constraints for p in _split(c, params or {}))


def _split(constraint: Constraint, params: Values) -> tuple[Constraint, ...]:
    found: tuple[Sides, ...]
    every = constraint.relation == "in"
    relation: Expr = constraint.value
    match constraint.value, constraint.bound:
        case Compare(operands=(first, middle, last), operators=("<=", _)), _:
            found = _between(middle, first, last)
        case Compare(operands=(first, middle, last), operators=(">=", _)), _:
            found = _between(middle, last, first)
        case Compare(operands=(_, _)), _:
            return (constraint,)  # an event as a number: `(pred == y) >= 1`
        case Compare(operands=operands, operators=operators), _:
            links = zip(operands, operators, operands[1:], strict=False)
            found = tuple(sides(*link, params) for link in links)
        case _, Interval(lower=low, upper=high) if constraint.relation == "in":
            relation = Membership(element=constraint.value, set=constraint.bound)
            found = _between(constraint.value, low, high)
        case _:
            return (constraint,)
    return tuple(
        constraint.model_copy(
            update={"label": f"{constraint.label}.{name}", "every": every, **part._asdict()}
        )
        for name, part in zip(chain_parts(relation), found, strict=True)
    )


def _between(value: Expr, low: Expr, high: Expr) -> tuple[Sides, ...]:
    return Sides(value, low, ">="), Sides(value, high, "<=")
