"""Tree nodes of items and constraints, built bottom-up while the parser runs."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from cspec.dsl.parsing.expressions import ACTIONS as EXPRESSION_ACTIONS
from cspec.dsl.parsing.expressions import (
    Action,
    Piece,
    cover,
    expressions,
    following,
    node,
    of_kind,
    piece,
    spelled,
    unquote,
    words,
)
from cspec.dsl.text.numbers import number_value
from cspec.dsl.tree import nodes
from cspec.dsl.tree.nodes import Item


def _part(children: list[Any], kind: str, without: Any = None) -> Any:
    """The value of the first piece of a kind."""
    pieces = (child for child in children if type(child) is Piece)
    return next((found.value for found in pieces if found.kind == kind), without)


def _named(kind: type[nodes.Item], c: list[Any], **parts: Any) -> Item:
    """An item that begins with its word and a name."""
    return kind(span=cover(c), **spelled("name", c[1]), **parts)


def _joined(c: list[Any]) -> str:
    return "".join(token.text for token in c)


def from_(c: list[Any]) -> Item:
    module, path = c[1].value
    return nodes.From(span=cover(c), module=module, path=path, names=of_kind(c, nodes.Imported))


def module(c: list[Any]) -> tuple[str, bool]:
    """A file, or the dotted name of a module, and whether it is a file."""
    return (unquote(c[0].text), True) if c[0].kind == "STRING" else (_joined(c), False)


def imported(c: list[Any]) -> nodes.Imported:
    return nodes.Imported(span=cover(c), name=c[0].text, alias=c[-1].text)


def _constant(kind: type[nodes.Param | nodes.Var]) -> Action:
    """A rule for what is a number, or a vector of numbers."""

    def made(c: list[Any]) -> Item:
        value, domain = following(c, "EQUAL"), following(c, "IN")
        return _named(kind, c, dimensions=_part(c, "dimensions", ()), value=value, domain=domain)

    return made


def let(c: list[Any]) -> Item:
    return _named(nodes.Let, c, parameters=_part(c, "parameters"), value=c[-1])


def data(c: list[Any]) -> Item:
    targets = of_kind(c, nodes.Target)
    return nodes.Data(span=cover(c), targets=targets, source=following(c, "EQUAL"))


def target(c: list[Any]) -> nodes.Target:
    return nodes.Target(span=cover(c), name=c[0].text, columns=of_kind(c, nodes.Column))


def column(c: list[Any]) -> nodes.Column:
    original = unquote(c[0].text) if c[0].kind == "STRING" else c[0].text
    return nodes.Column(span=cover(c), name=c[-1].text, original=original)


def model(c: list[Any]) -> Item:
    arguments, source = _part(c, "parameters"), following(c, "EQUAL")
    return _named(nodes.Model, c, arguments=arguments, source=source)


def domain(c: list[Any]) -> Item:
    return _named(nodes.Domain, c, axes=of_kind(c, nodes.DomainAxis), source=c[-1])


def axis(c: list[Any]) -> nodes.DomainAxis:
    dimensions = _part(c, "dimensions", ())
    return nodes.DomainAxis(span=cover(c), name=c[0].text, dimensions=dimensions)


def given(c: list[Any]) -> Item:
    names = (nodes.Imported(span=w.span, name=w.text, alias=w.text) for w in c[1::2])
    return nodes.Given(span=cover(c), names=tuple(names))


def objective(c: list[Any]) -> Item:
    expression = c[1] if len(c) > 1 else None
    return nodes.Objective(span=cover(c), sense=c[0].text, expression=expression)


def fit(c: list[Any]) -> Item:
    return nodes.Fit(span=cover(c), keywords=c[1].value)


def verify(c: list[Any]) -> Item:
    pieces = [child for child in c if type(child) is Piece]
    labels = [found for found in pieces if found.kind == "reference"]
    parts = {found.kind: found.value for found in pieces}
    return nodes.Verify(
        span=cover(c),
        labels=tuple(label.value for label in labels),
        label_spans=tuple(label.span for label in labels),
        every=parts.get("every"),
        confidence=parts.get("with"),
        **spelled("dataset", parts.get("on")),
    )


def verify_part(c: list[Any]) -> Piece:
    kind = c[0].kind.lower()
    if kind != "every":
        return Piece(cover(c), c[-1], kind)
    count = 1 if len(c) == 2 else _whole(c[1].text)
    return Piece(cover(c), (count, c[-1].text.removesuffix("s")), kind)


def _whole(text: str) -> int:
    """A count: 5, `1k`, `10_000`; 0, which the checks refuse, for what is no whole number."""
    value = number_value(text)
    return int(value) if value is not None and value.is_integer() else 0


def metric(c: list[Any]) -> Item:
    return _named(nodes.Metric, c, value=c[-1])


def _head(c: list[Any]) -> dict[str, Any]:
    """What stands before a constraint or a group, as its fields: a label, and quantifiers."""
    over = (child for child in c if type(child) is Piece and child.kind == "quantifier")
    binders = tuple(binder for quantifier in over for binder in quantifier.value)
    return {"binders": binders, **spelled("label", _part(c, "label"))}


def constraint(c: list[Any]) -> Item:
    relation, *modifiers = (child for child in c if type(child) is not Piece)
    return nodes.Constraint(
        span=cover(c), relation=relation, modifiers=tuple(modifiers), **_head(c)
    )


def group(c: list[Any]) -> Item:
    return nodes.Group(
        span=cover(c),
        constraints=of_kind(c, nodes.Constraint, nodes.Group),
        modifiers=of_kind(c, nodes.Modifier),
        **_head(c),
    )


def soft(c: list[Any]) -> nodes.Modifier:
    return nodes.Soft(span=cover(c), keywords=c[1].value if len(c) > 1 else ())


def on(c: list[Any]) -> nodes.Modifier:
    return nodes.On(span=cover(c), dataset=c[1].text)


ACTIONS: dict[str, Action] = EXPRESSION_ACTIONS | {
    "from": from_,
    "module": piece(module),
    "imported": imported,
    "param": _constant(nodes.Param),
    "var": _constant(nodes.Var),
    "dimensions": piece(expressions, "dimensions"),
    "let": let,
    "parameters": piece(words, "parameters"),
    "data": data,
    "target": target,
    "column": column,
    "model": model,
    "domain": domain,
    "axis": axis,
    "given": given,
    "objective": objective,
    "using": node(nodes.Using, method=1),
    "fit": fit,
    "settings": piece(expressions),
    "verify": verify,
    "reference": piece(_joined, "reference"),
    "verify_part": verify_part,
    "metric": metric,
    "stop": node(nodes.Stop, condition=-1),
    "constraint": constraint,
    "group": group,
    "label": piece(itemgetter(0), "label"),
    "quantifier": piece(expressions, "quantifier"),
    "by": node(nodes.By, method=1),
    "soft": soft,
    "within": node(nodes.Within, tolerance=1),
    "surrogate": node(nodes.WithSurrogate, surrogate=2),
    "on": on,
}
