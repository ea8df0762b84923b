"""Tree nodes of items and constraints, built bottom-up while the parser runs."""

from itertools import chain
from operator import itemgetter
from typing import Any

from cspec.dsl.parsing.expressions import ACTIONS as EXPRESSION_ACTIONS
from cspec.dsl.parsing.expressions import (
    Action,
    Piece,
    after,
    cover,
    each,
    expressions,
    node,
    piece,
    span,
    spelled,
    text,
    unquote,
    value,
    words,
)
from cspec.dsl.text.numbers import number_value
from cspec.dsl.tree import nodes
from cspec.dsl.tree.nodes import Item


def _part(kind: str, without: Any = None) -> Action:
    """The value of the first piece of a kind."""

    def found(c: list[Any]) -> Any:
        pieces = (child for child in c if type(child) is Piece)
        return next((piece.value for piece in pieces if piece.kind == kind), without)

    return found


def _named(kind: type[nodes.Item], **parts: int | Action) -> Action:
    """A rule for an item that begins with its word and a name."""
    return node(kind, name=text(1), name_span=span(1), **parts)


def _joined(c: list[Any]) -> str:
    return "".join(token.text for token in c)


def from_(c: list[Any]) -> Item:
    module, path = c[1].value
    imported = tuple(child for child in c if isinstance(child, nodes.Imported))
    return nodes.From(span=cover(c), module=module, path=path, names=imported)


def module(c: list[Any]) -> tuple[str, bool]:
    """A file, or the dotted name of a module, and whether it is a file."""
    return (unquote(c[0].text), True) if c[0].kind == "STRING" else (_joined(c), False)


def column(c: list[Any]) -> nodes.Column:
    original = unquote(c[0].text) if c[0].kind == "STRING" else c[0].text
    return nodes.Column(span=cover(c), name=c[-1].text, original=original)


def given(c: list[Any]) -> Item:
    names = (nodes.Imported(span=w.span, name=w.text, alias=w.text) for w in c[1::2])
    return nodes.Given(span=cover(c), names=tuple(names))


def objective(c: list[Any]) -> Item:
    expression = c[1] if len(c) > 1 else None
    return nodes.Objective(span=cover(c), sense=c[0].text, expression=expression)


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


def _head(c: list[Any]) -> dict[str, Any]:
    """What stands before a constraint or a group, as its fields: a label, and quantifiers."""
    pieces = [child for child in c if type(child) is Piece]
    label = next((found.value for found in pieces if found.kind == "label"), None)
    over = (found.value for found in pieces if found.kind == "quantifier")
    return {"binders": tuple(chain.from_iterable(over)), **spelled("label", label)}


def constraint(c: list[Any]) -> Item:
    relation, *modifiers = (child for child in c if type(child) is not Piece)
    return nodes.Constraint(
        span=cover(c), relation=relation, modifiers=tuple(modifiers), **_head(c)
    )


def group(c: list[Any]) -> Item:
    inside, modifiers = each(nodes.Constraint, nodes.Group)(c), each(nodes.Modifier)(c)
    return nodes.Group(span=cover(c), constraints=inside, modifiers=modifiers, **_head(c))


def soft(c: list[Any]) -> nodes.Modifier:
    return nodes.Soft(span=cover(c), keywords=c[1].value if len(c) > 1 else ())


_NUMBERS: dict[str, Action] = {
    "dimensions": _part("dimensions", ()),
    "value": after("EQUAL"),
    "domain": after("IN"),
}
"""The parts of what is a number, or a vector of numbers."""

ACTIONS: dict[str, Action] = EXPRESSION_ACTIONS | {
    "from": from_,
    "module": piece(module),
    "imported": node(nodes.Imported, name=text(0), alias=text(-1)),
    "param": _named(nodes.Param, **_NUMBERS),
    "var": _named(nodes.Var, **_NUMBERS),
    "dimensions": piece(expressions, "dimensions"),
    "let": _named(nodes.Let, parameters=_part("parameters"), value=-1),
    "parameters": piece(words, "parameters"),
    "data": node(nodes.Data, targets=each(nodes.Target), source=after("EQUAL")),
    "target": node(nodes.Target, name=text(0), columns=each(nodes.Column)),
    "column": column,
    "model": _named(nodes.Model, arguments=_part("parameters"), source=after("EQUAL")),
    "domain": _named(nodes.Domain, axes=each(nodes.DomainAxis), source=-1),
    "axis": node(nodes.DomainAxis, name=text(0), dimensions=_part("dimensions", ())),
    "given": given,
    "objective": objective,
    "using": node(nodes.Using, method=1),
    "fit": node(nodes.Fit, keywords=value(1)),
    "settings": piece(expressions),
    "verify": verify,
    "reference": piece(_joined, "reference"),
    "verify_part": verify_part,
    "metric": _named(nodes.Metric, value=-1),
    "stop": node(nodes.Stop, condition=-1),
    "constraint": constraint,
    "group": group,
    "label": piece(itemgetter(0), "label"),
    "quantifier": piece(expressions, "quantifier"),
    "by": node(nodes.By, method=1),
    "soft": soft,
    "within": node(nodes.Within, tolerance=1),
    "surrogate": node(nodes.WithSurrogate, surrogate=2),
    "on": node(nodes.On, dataset=text(1)),
}
