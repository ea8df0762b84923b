"""`forall (x, y) in train where y == 1: value <= bound`: one constraint of a value an example.

It stays one constraint: its value is a vector over the examples, and its one canonical function,
value - bound (or bound - value) as written, has a multiplier for each of them. A bound that columns
stand in is one number an example, too.
"""

from __future__ import annotations

from cspec.compiler.expressions.not_compiled import not_compiled
from cspec.compiler.passes.canonical import as_written
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.problem import Constraint, PerExample
from cspec.dsl.tree.nodes import Binder, Expr, Name, walk
from cspec.dsl.tree.rebuild import substitute


def over_examples(binder: Binder) -> str | None:
    """The dataset whose examples a quantifier may go over: `(x, y) in train`; None of others."""
    domain = binder.domain
    return domain.id if isinstance(domain, Name) else None


def of_each_example(constraint: Constraint, facts: Facts) -> Constraint:
    """The constraint with values of each example.

    Raises:
        SpecError: CS520, a form that has no multiplier for each example yet.
    """
    binder = constraint.binders[0]
    dataset = over_examples(binder) or ""
    if reason := _refusal(constraint, facts):
        raise not_compiled(f"a requirement on each example of `{dataset}` {reason}", binder.domain)
    columns = facts.data[dataset].columns
    meant = {
        name: Name(id=column)
        for name, column in zip(binder.names, columns, strict=False)
        if name not in columns
    }

    def each(expr: Expr) -> PerExample:
        """The values of each example, by the names of the columns, in their order."""
        condition = binder.condition and substitute(binder.condition, meant)
        body = substitute(expr, meant)
        return PerExample(dataset=dataset, body=body, condition=condition, span=expr.span)

    named = {*columns, *meant}
    own = any(isinstance(node, Name) and node.id in named for node in walk(constraint.bound))
    return constraint.model_copy(
        update={
            "binders": (),
            "value": each(constraint.value),
            "bound": each(constraint.bound) if own else constraint.bound,
            "parts": (each(as_written(constraint.value, constraint)),),
            "whole": True,
        }
    )


def _refusal(c: Constraint, facts: Facts) -> str | None:
    """Why there is no multiplier for each example, in the words that follow what it is."""
    if len(c.binders) > 1:
        return "and something else"
    if facts.own_loop is not None:
        return "in a loop of your own"
    if c.relation == "in":
        return "that is a membership"
    if c.event is not None:
        return "that is a rule"
    if c.surrogate is not None:
        return "with a surrogate"
    return None
