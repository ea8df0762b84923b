"""Items and constraints as one line of text each, before lines are broken and aligned."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from cspec.dsl.format.expressions import (
    format_binder,
    format_expression,
    format_keyword,
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
        return text if item.domain is None else f"{text} in {format_sum(item.domain)}"

    return write


def _target(target: Target) -> str:
    columns = ", ".join(map(_column, target.columns))
    return f"{target.name}({columns})" if columns else target.name


def _column(column: Column) -> str:
    if column.original == column.name:
        return column.name
    return f"{quote(column.original)} as {column.name}"


def _domain(item: Domain) -> str:
    axes = ", ".join(f"{axis.name}{_brackets(axis.dimensions)}" for axis in item.axes)
    return f"domain {item.name}({axes}){_source(item.source)}"


def _objective(item: Objective) -> str:
    if item.expression is None:
        return item.sense
    return f"{item.sense} {format_expression(item.expression)}"


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


_WRITERS: dict[type[Item], Callable[[Any], str]] = {
    From: _from,
    Param: _constant("param"),
    Var: _constant("var"),
    Let: lambda i: f"let {i.name}{_names(i.parameters)} = {format_expression(i.value)}",
    Data: lambda i: f"data {', '.join(map(_target, i.targets))}{_source(i.source)}",
    Model: lambda i: f"model {i.name}{_names(i.arguments)}{_source(i.source)}",
    Domain: _domain,
    Given: lambda i: f"given {', '.join(name.name for name in i.names)}",
    Objective: _objective,
    Using: lambda i: f"using {format_expression(i.method)}",
    Fit: lambda i: f"fit{_settings(i.keywords)}",
    Verify: _verify,
    Metric: lambda i: f"metric {i.name} = {format_expression(i.value)}",
    Stop: lambda i: f"stop when {format_expression(i.condition)}",
}
_MODIFIERS: dict[type[Modifier], Callable[[Any], str]] = {
    By: lambda m: f"by {format_expression(m.method)}",
    Soft: lambda m: f"soft{_settings(m.keywords)}" if m.keywords else "soft",
    Within: lambda m: f"within {format_sum(m.tolerance)}",
    WithSurrogate: lambda m: f"with surrogate {format_expression(m.surrogate)}",
    On: lambda m: f"on {m.dataset}",
}
