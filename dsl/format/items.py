"""Items and constraints as one line of text each, before lines are broken and aligned."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from cspec.dsl.format.expressions import (
    format_binder,
    format_expression,
    format_keyword,
    format_set,
    format_sum,
)
from cspec.dsl.parsing.expressions import quote
from cspec.dsl.tree.nodes import (
    By,
    Column,
    Constraint,
    Data,
    Domain,
    Expr,
    Fit,
    From,
    Given,
    Group,
    Imported,
    Item,
    Keyword,
    Let,
    Metric,
    Model,
    Modifier,
    Objective,
    On,
    Param,
    Soft,
    Stop,
    Target,
    Using,
    Var,
    Verify,
    Within,
    WithSurrogate,
)


def format_item(item: Item) -> str:
    """An item other than `s.t.` on one line."""
    return _WRITERS[type(item)](item)


def format_constraint(item: Constraint) -> str:
    """A constraint without its label on one line."""
    text = format_quantifiers(item) + format_expression(item.relation)
    return text + format_modifiers(item.modifiers)


def format_quantifiers(item: Constraint | Group) -> str:
    """`forall a in S: ` for each binder."""
    return "".join(f"forall {format_binder(binder)}: " for binder in item.binders)


def format_modifiers(modifiers: Iterable[Modifier]) -> str:
    """Each with a blank before it."""
    return "".join(f" {_MODIFIERS[type(modifier)](modifier)}" for modifier in modifiers)


def _settings(keywords: Iterable[Keyword]) -> str:
    return f"({', '.join(map(format_keyword, keywords))})"


def _brackets(dimensions: tuple[Expr, ...]) -> str:
    return f"[{', '.join(map(format_expression, dimensions))}]" if dimensions else ""


def _names(names: tuple[str, ...] | None) -> str:
    return f"({', '.join(names)})" if names else ""


def _source(source: Expr | None) -> str:
    return "" if source is None else f" = {format_sum(source)}"


def _from(item: From) -> str:
    module = quote(item.module) if item.path else item.module
    return f"from {module} import {', '.join(map(_imported, item.names))}"


def _imported(name: Imported) -> str:
    return name.name if name.alias == name.name else f"{name.name} as {name.alias}"


def _constant(word: str) -> Callable[[Any], str]:
    def write(item: Param | Var) -> str:
        text = f"{word} {item.name}{_brackets(item.dimensions)}{_source(item.value)}"
        return text if item.domain is None else f"{text} in {format_set(item.domain)}"

    return write


def _let(item: Let) -> str:
    return f"let {item.name}{_names(item.parameters)} = {format_expression(item.value)}"


def _data(item: Data) -> str:
    return f"data {', '.join(map(_target, item.targets))}{_source(item.source)}"


def _target(target: Target) -> str:
    columns = ", ".join(map(_column, target.columns))
    return f"{target.name}({columns})" if columns else target.name


def _column(column: Column) -> str:
    if column.original == column.name:
        return column.name
    return f"{quote(column.original)} as {column.name}"


def _model(item: Model) -> str:
    return f"model {item.name}{_names(item.arguments)}{_source(item.source)}"


def _domain(item: Domain) -> str:
    axes = ", ".join(f"{axis.name}{_brackets(axis.dimensions)}" for axis in item.axes)
    return f"domain {item.name}({axes}){_source(item.source)}"


def _given(item: Given) -> str:
    return f"given {', '.join(name.name for name in item.names)}"


def _objective(item: Objective) -> str:
    if item.expression is None:
        return item.sense
    return f"{item.sense} {format_expression(item.expression)}"


def _using(item: Using) -> str:
    return f"using {format_expression(item.method)}"


def _fit(item: Fit) -> str:
    return f"fit{_settings(item.keywords)}"


def _verify(item: Verify) -> str:
    text = f"verify {', '.join(item.labels) or 'all'}"
    if item.dataset is not None:
        text += f" on {item.dataset}"
    if item.every is not None:
        count, unit = item.every
        text += f" every {unit}" if count == 1 else f" every {count} {unit}s"
    if item.confidence is not None:
        text += f" with confidence {format_sum(item.confidence)}"
    return text


def _metric(item: Metric) -> str:
    return f"metric {item.name} = {format_expression(item.value)}"


def _stop(item: Stop) -> str:
    return f"stop when {format_expression(item.condition)}"


def _by(modifier: By) -> str:
    return f"by {format_expression(modifier.method)}"


def _soft(modifier: Soft) -> str:
    return f"soft{_settings(modifier.keywords)}" if modifier.keywords else "soft"


def _within(modifier: Within) -> str:
    return f"within {format_sum(modifier.tolerance)}"


def _surrogate(modifier: WithSurrogate) -> str:
    return f"with surrogate {format_expression(modifier.surrogate)}"


def _on(modifier: On) -> str:
    return f"on {modifier.dataset}"


_WRITERS: dict[type[Item], Callable[[Any], str]] = {
    From: _from,
    Param: _constant("param"),
    Var: _constant("var"),
    Let: _let,
    Data: _data,
    Model: _model,
    Domain: _domain,
    Given: _given,
    Objective: _objective,
    Using: _using,
    Fit: _fit,
    Verify: _verify,
    Metric: _metric,
    Stop: _stop,
}
_MODIFIERS: dict[type[Modifier], Callable[[Any], str]] = {
    By: _by,
    Soft: _soft,
    Within: _within,
    WithSurrogate: _surrogate,
    On: _on,
}
