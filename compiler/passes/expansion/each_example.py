"""`forall (x, y) in train where y == 1: value <= bound`: one constraint of a value an example.

It stays one constraint: its value is a vector over the examples, and its one canonical function,
value - bound (or bound - value) as written, has a multiplier for each of them. A bound that columns
stand in is one number an example, too.

`forall (x, y) in train: A => B` is about the share of examples where A holds and B does not, which
is to be 0; each of them is violated by 1 where that is so.
"""

from collections.abc import Callable, Mapping

from cspec.compiler.expressions.not_compiled import not_compiled
from cspec.compiler.expressions.text import text
from cspec.compiler.passes.canonical import as_written
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.problem import Constraint, PerExample
from cspec.dsl.tree.nodes import And, Binder, Expectation, Expr, Implies, Name, Not
from cspec.dsl.tree.rebuild import mentions, names, substitute


def over_examples(binder: Binder) -> str | None:
    """The dataset whose examples a quantifier may go over: `(x, y) in train`; None of others."""
    domain = binder.domain
    return domain.id if isinstance(domain, Name) else None


def apart(
    binders: tuple[Binder, ...], facts: Facts
) -> tuple[tuple[Binder, ...], tuple[Binder, ...]]:
    """Quantifiers over the examples of data, and those over finite sets.

    What a finite one asks of columns (`forall (x, y) in train, d in {0, 1} where y == d`) is asked
    of each example.
    """
    examples = tuple(b for b in binders if over_examples(b) in facts.data)
    if len(examples) != 1 or len(binders) == 1:
        return (examples, ()) if examples else ((), binders)
    (rows,) = examples
    columns = {*rows.names, *facts.data[over_examples(rows) or ""].columns}
    asked = [] if rows.condition is None else [rows.condition]
    others = []
    for binder in (binder for binder in binders if binder is not rows):
        if binder.condition is not None and names(binder.condition) & columns:
            asked.append(binder.condition)
            binder = binder.model_copy(update={"condition": None})
        others.append(binder)
    condition = And(operands=tuple(asked)) if len(asked) > 1 else asked[0] if asked else None
    return (rows.model_copy(update={"condition": condition}),), tuple(others)


def of_member(binders: tuple[Binder, ...], values: Mapping[str, Expr]) -> tuple[Binder, ...]:
    """Quantifiers over examples under one member of those over finite sets."""
    found = []
    for binder in binders:
        own = {name: value for name, value in values.items() if name not in binder.names}
        condition = binder.condition and substitute(binder.condition, own)
        found.append(binder.model_copy(update={"condition": condition}))
    return tuple(found)


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
    own = mentions(constraint.bound, {*columns, *meant})
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
    cases: tuple[tuple[str, Expr], ...] = ()
    if isinstance(event, Implies):
        # How often the condition of a rule holds.
        cases = ((text(event.condition), share.model_copy(update={"body": event.condition})),)
    lent = c.surrogate and each(c.surrogate).body
    return c.model_copy(update={**update, "surrogate": lent, "cases": cases})


def violated(event: Expr) -> Expr:
    """Where an event does not hold: `A and not B` of `A => B`."""
    match event:
        case Implies(condition=condition, consequence=consequence):
            return And(operands=(condition, violated(consequence)), span=event.span)
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


def _refusal(c: Constraint, facts: Facts) -> str | None:
    """Why there is no multiplier for each example, in the words that follow what it is."""
    if len(c.binders) > 1:
        return "and something else"
    if facts.own_loop is not None:
        return "in a loop of your own"
    if c.relation == "in":
        return "that is a membership"
    return None
