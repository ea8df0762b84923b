"""Tree nodes of items and constraints, built bottom-up while the parser runs."""

from __future__ import annotations

from typing import Any

from cspec.dsl.parsing.expressions import (
    ACTIONS as EXPRESSION_ACTIONS,
)
from cspec.dsl.parsing.expressions import (
    Action,
    Piece,
    cover,
    expressions,
    following,
    unquote,
)
from cspec.dsl.text.numbers import number_value
from cspec.dsl.text.source import NOWHERE, Span
from cspec.dsl.text.tokens import Token
from cspec.dsl.tree.nodes import (
    Binder,
    By,
    Column,
    Constraint,
    Data,
    Domain,
    DomainAxis,
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


def _words(children: list[Any]) -> tuple[Token, ...]:
    return tuple(c for c in children if type(c) is Token and c.kind == "NAME")


def _parts(children: list[Any], kind: str) -> tuple[Any, ...]:
    """The value of the one `Part` whose name is `kind`; empty without it."""
    for child in children:
        if type(child) is Piece and child.value[0] == kind:
            value: tuple[Any, ...] = child.value[1]
            return value
    return ()


def from_(c: list[Any]) -> Item:
    module, path = c[1].value
    imported = tuple(child for child in c if isinstance(child, Imported))
    return From(span=cover(c), module=module, path=path, names=imported)


def module(c: list[Any]) -> Piece:
    if c[0].kind == "STRING":
        return Piece(cover(c), (unquote(c[0].text), True))
    return Piece(cover(c), ("".join(token.text for token in c), False))


def imported(c: list[Any]) -> Imported:
    return Imported(span=cover(c), name=c[0].text, alias=c[-1].text)


def _constant(kind: type[Param] | type[Var], c: list[Any]) -> Item:
    return kind(
        span=cover(c),
        name=c[1].text,
        dimensions=_parts(c, "dimensions"),
        value=following(c[2:], "EQUAL"),
        domain=following(c[2:], "IN"),
        name_span=c[1].span,
    )


def param(c: list[Any]) -> Item:
    return _constant(Param, c)


def var(c: list[Any]) -> Item:
    return _constant(Var, c)


def dimensions(c: list[Any]) -> Piece:
    return Piece(cover(c), ("dimensions", expressions(c)))


def let(c: list[Any]) -> Item:
    parameters = _parts(c, "parameters") or None
    return Let(
        span=cover(c), name=c[1].text, parameters=parameters, value=c[-1], name_span=c[1].span
    )


def parameters(c: list[Any]) -> Piece:
    return Piece(cover(c), ("parameters", tuple(word.text for word in _words(c))))


def data(c: list[Any]) -> Item:
    targets = tuple(child for child in c if isinstance(child, Target))
    return Data(span=cover(c), targets=targets, source=following(c, "EQUAL"))


def target(c: list[Any]) -> Target:
    columns = tuple(child for child in c if isinstance(child, Column))
    return Target(span=cover(c), name=c[0].text, columns=columns)


def column(c: list[Any]) -> Column:
    original = unquote(c[0].text) if c[0].kind == "STRING" else c[0].text
    return Column(span=cover(c), name=c[-1].text, original=original)


def model(c: list[Any]) -> Item:
    return Model(
        span=cover(c),
        name=c[1].text,
        arguments=_parts(c, "parameters") or None,
        source=following(c[2:], "EQUAL"),
        name_span=c[1].span,
    )


def domain(c: list[Any]) -> Item:
    axes = tuple(child for child in c if isinstance(child, DomainAxis))
    return Domain(span=cover(c), name=c[1].text, axes=axes, source=c[-1], name_span=c[1].span)


def axis(c: list[Any]) -> DomainAxis:
    return DomainAxis(span=cover(c), name=c[0].text, dimensions=_parts(c, "dimensions"))


def given(c: list[Any]) -> Item:
    names = (Imported(span=w.span, name=w.text, alias=w.text) for w in _words(c[1:]))
    return Given(span=cover(c), names=tuple(names))


def objective(c: list[Any]) -> Item:
    expression = c[1] if len(c) > 1 else None
    return Objective(span=cover(c), sense=c[0].text, expression=expression)


def using(c: list[Any]) -> Item:
    return Using(span=cover(c), method=c[1])


def fit(c: list[Any]) -> Item:
    return Fit(span=cover(c), keywords=c[1].value)


def settings(c: list[Any]) -> Piece:
    return Piece(cover(c), tuple(child for child in c if isinstance(child, Keyword)))


def verify(c: list[Any]) -> Item:
    found: dict[str, Any] = {}
    labels: list[Piece] = []
    for child in c[1:]:
        if type(child) is not Piece:
            continue
        kind, value = child.value
        if kind == "reference":
            labels.append(child)
        else:
            found[kind] = value
    dataset = found.get("on")
    return Verify(
        span=cover(c),
        labels=tuple(part.value[1] for part in labels),
        label_spans=tuple(part.span for part in labels),
        dataset=None if dataset is None else dataset.text,
        dataset_span=NOWHERE if dataset is None else dataset.span,
        every=found.get("every"),
        confidence=found.get("with"),
    )


def reference(c: list[Any]) -> Piece:
    return Piece(cover(c), ("reference", "".join(token.text for token in c)))


def verify_part(c: list[Any]) -> Piece:
    first = c[0].kind
    if first == "EVERY":
        count = 1 if len(c) == 2 else _whole(c[1].text)
        return Piece(cover(c), ("every", (count, c[-1].text.removesuffix("s"))))
    return Piece(cover(c), (first.lower(), c[-1]))


def _whole(text: str) -> int:
    """A count: 5, `1k`, `10_000`; 0, which the checks refuse, for what is no whole number."""
    value = number_value(text)
    return int(value) if value is not None and value.is_integer() else 0


def metric(c: list[Any]) -> Item:
    return Metric(span=cover(c), name=c[1].text, value=c[-1], name_span=c[1].span)


def stop(c: list[Any]) -> Item:
    return Stop(span=cover(c), condition=c[-1])


def _label(c: list[Any]) -> tuple[str | None, Span]:
    if type(c[0]) is Piece and c[0].value[0] == "label":
        return c[0].value[1].text, c[0].value[1].span
    return None, NOWHERE


def _binders(c: list[Any]) -> tuple[Binder, ...]:
    return tuple(
        binder
        for child in c
        if type(child) is Piece and child.value[0] == "quantifier"
        for binder in child.value[1]
    )


def constraint(c: list[Any]) -> Item:
    label, label_span = _label(c)
    nodes = [child for child in c if type(child) is not Piece]
    return Constraint(
        span=cover(c),
        label=label,
        label_span=label_span,
        binders=_binders(c),
        relation=nodes[0],
        modifiers=tuple(nodes[1:]),
    )


def group(c: list[Any]) -> Item:
    label, label_span = _label(c)
    return Group(
        span=cover(c),
        label=label,
        label_span=label_span,
        binders=_binders(c),
        constraints=tuple(child for child in c if isinstance(child, Constraint | Group)),
        modifiers=tuple(child for child in c if isinstance(child, Modifier)),
    )


def label(c: list[Any]) -> Piece:
    return Piece(cover(c), ("label", c[0]))


def quantifier(c: list[Any]) -> Piece:
    return Piece(cover(c), ("quantifier", tuple(x for x in c if isinstance(x, Binder))))


def by(c: list[Any]) -> Modifier:
    return By(span=cover(c), method=c[1])


def soft(c: list[Any]) -> Modifier:
    return Soft(span=cover(c), keywords=c[1].value if len(c) > 1 else ())


def within(c: list[Any]) -> Modifier:
    return Within(span=cover(c), tolerance=c[1])


def surrogate(c: list[Any]) -> Modifier:
    return WithSurrogate(span=cover(c), surrogate=c[2])


def on(c: list[Any]) -> Modifier:
    return On(span=cover(c), dataset=c[1].text)


ACTIONS: dict[str, Action] = EXPRESSION_ACTIONS | {
    "from": from_,
    "module": module,
    "imported": imported,
    "param": param,
    "var": var,
    "dimensions": dimensions,
    "let": let,
    "parameters": parameters,
    "data": data,
    "target": target,
    "column": column,
    "model": model,
    "domain": domain,
    "axis": axis,
    "given": given,
    "objective": objective,
    "using": using,
    "fit": fit,
    "settings": settings,
    "verify": verify,
    "reference": reference,
    "verify_part": verify_part,
    "metric": metric,
    "stop": stop,
    "constraint": constraint,
    "group": group,
    "label": label,
    "quantifier": quantifier,
    "by": by,
    "soft": soft,
    "within": within,
    "surrogate": surrogate,
    "on": on,
}
