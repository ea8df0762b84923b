"""Spec -> Problem: every constraint with its label path, quantifiers, modifiers and tolerance.

eo: forall a in values(sex): { tpr: P[..] >= 55% }   ->   eo.tpr, for a in values(sex)
"""

from collections.abc import Iterator
from typing import Any

from cspec.compiler.expressions.moving import is_prediction
from cspec.compiler.expressions.rewrite import number
from cspec.compiler.passes.metric_words import labeled_metric
from cspec.compiler.passes.sides import Sides, sides
from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.check import Checked
from cspec.dsl.settings.methods import Construction
from cspec.dsl.tree import nodes
from cspec.dsl.tree.nodes import Binder, Expr, Modifier, Number

ZERO = Number(text="0", value=0.0)


def collect(checked: Checked) -> Problem:
    """The problem as written, before any rewriting."""
    objective = next(i for i in checked.elaborated.items if isinstance(i, nodes.Objective))
    written = next(i for i in checked.spec.items if isinstance(i, nodes.Objective))
    text = checked.source.slice(written.expression.span) if written.expression else ""
    constraints: list[Constraint] = []
    for item in checked.elaborated.constraints():
        constraints.extend(_flatten(checked, item, "", (), ()))
    metrics = tuple(
        (item.name, labeled_metric(item.value, checked.symbols))
        for item in checked.elaborated.items
        if isinstance(item, nodes.Metric)
    )
    return Problem(
        sense=objective.sense,
        objective=objective.expression or ZERO,
        objective_text=" ".join(text.split()),
        constraints=tuple(constraints),
        metrics=metrics,
    )


def _flatten(
    checked: Checked,
    item: nodes.Constraint | nodes.Group,
    path: str,
    binders: tuple[Binder, ...],
    modifiers: tuple[Modifier, ...],
) -> Iterator[Constraint]:
    label = item.label or path  # elaboration wrote the whole path
    binders = binders + item.binders
    modifiers = modifiers + item.modifiers
    if isinstance(item, nodes.Group):
        for inner in item.constraints:
            yield from _flatten(checked, inner, label, binders, modifiers)
        return
    relation = item.relation
    fields: dict[str, Any] = _sides(checked, relation)._asdict()
    if isinstance(relation, nodes.CONNECTIVES):
        fields["event"] = relation
    elif any(len(b.names) > 1 for b in binders) and (event := _event(relation)):
        fields = {"event": event, "value": event, "bound": ZERO, "relation": "<="}
    if label in checked.within:
        fields["tolerance"] = checked.within[label]
        fields["tolerance_given"] = True
    fields["soft"] = checked.soft.get(label)
    for modifier in modifiers:
        if isinstance(modifier, nodes.WithSurrogate):
            fields["surrogate"] = modifier.surrogate
            fields["surrogate_text"] = checked.source.slice(modifier.surrogate.span)
    method = checked.methods.get(label)
    if isinstance(method, Construction):
        fields["construction"] = True
    elif method is not None:
        fields["method"] = method
    text = " ".join(checked.source.slice(relation.span).split())
    yield Constraint(label=label, binders=binders, text=text, span=relation.span, **fields)


def _event(relation: Expr) -> Expr | None:
    """What is true or false of each example: that a class is predicted, `(pred == y) >= 1`."""
    match relation:
        case nodes.Compare(operands=(left, right), operators=("==",)):
            return relation if is_prediction(left) or is_prediction(right) else None
        case nodes.Compare(operands=(Number() as bound, event), operators=("<=" | ">=" as turned,)):
            operator = nodes.TURNED[turned]
        case nodes.Compare(operands=(event, Number() as bound), operators=("<=" | ">=",)):
            operator = relation.operators[0]
        case _:
            return None
    if not isinstance(event, nodes.EVENTS):
        return None
    if operator == ">=" and 0 < bound.value <= 1:
        return event
    if operator == "<=" and 0 <= bound.value < 1:
        return nodes.Not(operand=event, span=event.span)
    return None


def _sides(checked: Checked, relation: Expr) -> Sides:
    """Value, bound and relation; chains wait for a pass."""
    match relation:
        case nodes.Membership(element=element, set=within):
            return Sides(element, within, "in")
        case nodes.Compare(operands=(left, right), operators=(operator,)):
            return sides(left, operator, right, checked.params)
    return Sides(relation, number(0), "<=")
