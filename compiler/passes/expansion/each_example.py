"""`forall (x, y) in train where y == 1: value <= bound`: one constraint of a value an example.

It stays one constraint: its value is a vector over the examples, and its one canonical function,
value - bound (or bound - value) as written, has a multiplier for each of them. A bound that columns
stand in is one number an example, too.

`forall (x, y) in train: A => B` is about the share of examples where A holds and B does not, which
is to be 0; each of them is violated by 1 where that is so.
"""

from __future__ import annotations

from collections.abc import Callable

from cspec.compiler.expressions.not_compiled import not_compiled
from cspec.compiler.expressions.text import text
from cspec.compiler.passes.canonical import as_written
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.problem import Constraint, PerExample
from cspec.dsl.tree.nodes import And, Binder, Expectation, Expr, Implies, Name, Not, walk
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

    if constraint.event is not None:
        return _of_rule(constraint, substitute(constraint.event, meant), each)
    named = {*columns, *meant}
    own = any(isinstance(node, Name) and node.id in named for node in walk(constraint.bound))
    return constraint.model_copy(
        update={
            "binders": (),
            "value": each(constraint.value),
            "bound": each(constraint.bound) if own else constraint.bound,
            "parts": (each(as_written(constraint.value, constraint)),),
            "surrogate": constraint.surrogate and substitute(constraint.surrogate, meant),
            "whole": True,
        }
    )


def _of_rule(c: Constraint, event: Expr, each: Callable[[Expr], PerExample]) -> Constraint:
    """What has to hold for each example: the share of those where it does not is to be 0."""
    rows = each(violated(event))
    conditions = () if rows.condition is None else (rows.condition,)
    share = Expectation(
        kind="P", body=rows.body, conditions=conditions, dataset=rows.dataset, span=c.span
    )
    update = {"binders": (), "event": event, "value": share, "parts": (rows,), "whole": True}
    lent = c.surrogate and each(c.surrogate).body
    return c.model_copy(update={**update, "surrogate": lent, "cases": _tested(event, share)})


def violated(event: Expr) -> Expr:
    """Where an event does not hold: `A and not B` of `A => B`."""
    match event:
        case Implies(condition=condition, consequence=consequence):
            broken = violated(consequence)
            return And(operands=(condition, broken), span=event.span)
        case Not(operand=operand):
            return operand
    return Not(operand=event, span=event.span)


def violations(share: Expr) -> PerExample | None:
    """1 of each example that breaks a rule, else 0, from the share of them."""
    match share:
        case Expectation(body=body, conditions=conditions, dataset=str() as dataset):
            condition = conditions[0] if conditions else None
            return PerExample(dataset=dataset, body=body, condition=condition, span=share.span)
    return None


def _tested(event: Expr, share: Expectation) -> tuple[tuple[str, Expr], ...]:
    """How often the condition of a rule holds."""
    if not isinstance(event, Implies):
        return ()
    return ((text(event.condition), share.model_copy(update={"body": event.condition})),)


def _refusal(c: Constraint, facts: Facts) -> str | None:
    """Why there is no multiplier for each example, in the words that follow what it is."""
    if len(c.binders) > 1:
        return "and something else"
    if facts.own_loop is not None:
        return "in a loop of your own"
    if c.relation == "in":
        return "that is a membership"
    return None
