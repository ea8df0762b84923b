"""Axes of expectations, rates and tails: one number, or one a group."""

from cspec.compiler.axes.base import AxesBase
from cspec.compiler.axes.record import NUMBER, UNKNOWN, Axes, By, as_tokens
from cspec.compiler.expressions.text import text as shown
from cspec.dsl.tree.nodes import And, Call, Expectation, Expr, Name


def expectation_axes(inference: AxesBase, expr: Expectation) -> Axes:
    """One number, or a vector over groups; its body has to be one number an example."""
    if expr.binders or expr.dataset is None:
        return UNKNOWN
    body = inference.axes(expr.body, expr.dataset)
    if expr.kind == "P":
        body = inference.event(expr.body, expr.dataset)
    elif body.text:
        body = inference.findings.text(expr.body, body)
    body = single(inference, expr.body, body, expr.kind)
    found = inference.grouping(expr)
    held = [inference.known.column_axes(expr.dataset, c.id).what for c in found.columns]
    if expr.grouped and "event" in held and set(held) != {"event"}:
        # `gap(P[.. | sex, seen])`: groups of both, or of `sex` among those that are seen?
        truth = found.columns[held.index("event")]
        inference.findings.truth_among_groups(expr, found.columns, truth)
    for event in found.events:
        _condition(inference, event, expr, body, bool(found.columns))
    if not found.groups:
        # Real numbers, or too many values.
        facts = [inference.known.column(expr.dataset, c.id) for c in found.columns]
        pairs = zip(found.columns, facts, strict=True)
        empty = [column for column, known in pairs if known is None or not known.held]
        for column in empty or found.columns:
            inference.findings.no_groups(column)
    if not found.columns:
        return NUMBER
    if found.groups and body.tokens:
        inference.findings.groups_of_tokens(expr, found.columns[0])
    names = tuple(group.text for group in found.groups)
    columns = tuple(shown(column) for column in found.columns)
    return Axes(shape=(len(names),) if names else None, names=names, groups=By(columns, names))


def single(inference: AxesBase, body: Expr, found: Axes, kind: str) -> Axes:
    """What is averaged is one number an example."""
    if found.what == "record":
        return inference.findings.which_part(body, found)
    if found.known and not found.single:
        return inference.findings.which_number(body, found, kind)
    return found


def _condition(
    inference: AxesBase, event: Expr, expr: Expectation, body: Axes, among_groups: bool
) -> None:
    dataset = expr.dataset
    found = inference.axes(event, dataset)
    if (grouping := _column_among(inference, event, dataset)) is not None:
        inference.findings.group_among_events(event, grouping)
        return
    masked = as_tokens(found, body.tokens)
    mask = False
    if isinstance(event, Name) and masked.tokens:
        if _labels(inference, event, expr, masked, among_groups):
            inference.findings.groups_of_tokens(expr, event)
            return
        mask = masked.what == "whole"
    if found.known and found.what != "event" and not mask:
        inference.findings.no_event(event, found)
    else:
        _of_what_it_selects(inference, event, found, body)


def _of_what_it_selects(inference: AxesBase, event: Expr, found: Axes, body: Axes) -> None:
    """A condition has one truth value an example, or one a token of what it selects."""
    masked = as_tokens(found, body.tokens)
    if masked.known and (not masked.single or masked.tokens not in ((), body.tokens)):
        inference.findings.condition(event, found, body)


def _labels(
    inference: AxesBase, column: Name, expr: Expectation, found: Axes, among_groups: bool
) -> bool:
    """Whether a column of numbers a token would make groups: no mask of 0 and 1.

    Where groups are asked for, a mask makes them only if no other column does.
    """
    facts = inference.known.column(expr.dataset or "", column.id)
    numbers = facts is not None and not set(facts.held) <= {0, 1}
    asked = expr.grouped and not among_groups
    return asked or (found.what != "event" and numbers)


def _column_among(inference: AxesBase, event: Expr, dataset: str | None) -> Name | None:
    """The categorical column in `sex and y == 1`, which makes groups only by itself."""
    for operand in event.operands if isinstance(event, And) else ():
        found = inference.axes(operand, dataset)
        grouping = found.each and found.known and found.what in ("category", "whole")
        if isinstance(operand, Name) and grouping:
            return operand
    return None


def tail_axes(inference: AxesBase, call: Call, dataset: str | None) -> Axes:
    """`cvar(v, level)`, `quantile(v, q)`: one number of what is one number an example."""
    keywords = {k.name: k.value for k in call.keywords}
    on, where = keywords.get("on"), keywords.get("where")
    over = on.id if isinstance(on, Name) else dataset
    if call.arguments:
        body = inference.number(call.arguments[0], over)
        single(inference, call.arguments[0], body, "E")
        if where is not None:
            _of_what_it_selects(inference, where, inference.event(where, over), body)
    return NUMBER
