"""Tree nodes of expressions, built bottom-up while the parser runs.

Every function takes the children of a grammar rule, tokens and nodes in written order, and is
listed in `ACTIONS` by the rule's name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from cspec.dsl.text.numbers import number_value
from cspec.dsl.text.source import Span
from cspec.dsl.text.tokens import Token
from cspec.dsl.tree.nodes import (
    And,
    Attribute,
    Binder,
    Call,
    Compare,
    Comprehension,
    Expectation,
    Expr,
    FiniteSet,
    Implies,
    Index,
    Interval,
    Keyword,
    Membership,
    Name,
    Negate,
    Not,
    Number,
    Or,
    Power,
    Product,
    Slice,
    String,
    Sum,
    Vector,
)

CANONICAL = {"≤": "<=", "≥": ">=", "≠": "!=", "**": "^", "⇒": "=>", "∀": "forall", "∈": "in"}


Action = Callable[[list[Any]], Any]
"""What a rule makes of its children."""


class Piece(NamedTuple):
    """A piece of a clause that is no node of its own."""

    span: Span
    value: Any


def cover(children: list[Any]) -> Span:
    """From the first child to the last."""
    return Span(children[0].span.start, children[-1].span.end)


def expressions(children: list[Any]) -> tuple[Any, ...]:
    """The children that are no tokens."""
    return tuple(child for child in children if type(child) is not Token)


def following(children: list[Any], kind: str) -> Any:
    """The child after the first token of a kind, or None."""
    for index, child in enumerate(children):
        if type(child) is Token and child.kind == kind:
            return children[index + 1]
    return None


def unquote(text: str) -> str:
    r"""The value of a quoted string; only `\"` and `\\` are escapes: paths read naturally."""
    return text[1:-1].replace("\\\\", "\0").replace('\\"', '"').replace("\0", "\\")


def quote(value: str) -> str:
    """The text of a string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def operators(children: list[Any]) -> tuple[str, ...]:
    return tuple(CANONICAL.get(token.text, token.text) for token in children[1::2])


def implies(c: list[Any]) -> Expr:
    return Implies(span=cover(c), condition=c[0], consequence=c[2])


def disjunction(c: list[Any]) -> Expr:
    return Or(span=cover(c), operands=tuple(c[::2]))


def conjunction(c: list[Any]) -> Expr:
    return And(span=cover(c), operands=tuple(c[::2]))


def negation(c: list[Any]) -> Expr:
    return Not(span=cover(c), operand=c[1])


def compare(c: list[Any]) -> Expr:
    return Compare(span=cover(c), operands=tuple(c[::2]), operators=operators(c))


def membership(c: list[Any]) -> Expr:
    return Membership(span=cover(c), element=c[0], set=c[2])


def addition(c: list[Any]) -> Expr:
    return Sum(span=cover(c), operands=tuple(c[::2]), operators=operators(c))


def multiplication(c: list[Any]) -> Expr:
    return Product(span=cover(c), operands=tuple(c[::2]), operators=operators(c))


def signed(c: list[Any]) -> Expr:
    if c[0].text == "+":
        operand: Expr = c[1]
        return operand
    return Negate(span=cover(c), operand=c[1])


def exponent(c: list[Any]) -> Expr:
    return Power(span=cover(c), base=c[0], exponent=c[2])


def call(c: list[Any]) -> Expr:
    arguments = expressions(c[1:])
    return Call(
        span=cover(c),
        function=c[0],
        arguments=tuple(a for a in arguments if not isinstance(a, Keyword)),
        keywords=tuple(a for a in arguments if isinstance(a, Keyword)),
    )


def comprehension(c: list[Any]) -> Expr:
    function = c[0].id if isinstance(c[0], Name) else ""
    return Comprehension(span=cover(c), function=function, body=c[2], binders=expressions(c[3:]))


def index(c: list[Any]) -> Expr:
    return Index(span=cover(c), value=c[0], indices=expressions(c[1:]))


def slice_(c: list[Any]) -> Expr:
    colon = next(place for place, child in enumerate(c) if type(child) is Token)
    before, after = c[:colon], c[colon + 1 :]
    ends = (before[0] if before else None, after[0] if after else None)
    return Slice(span=cover(c), lower=ends[0], upper=ends[1])


def attribute(c: list[Any]) -> Expr:
    return Attribute(span=cover(c), value=c[0], name=c[2].text, name_span=c[2].span)


def name(c: list[Any]) -> Expr:
    return Name(span=c[0].span, id=c[0].text)


def number(c: list[Any]) -> Expr:
    value = number_value(c[0].text)
    return Number(span=c[0].span, text=c[0].text, value=math.inf if value is None else value)


def string(c: list[Any]) -> Expr:
    return String(span=c[0].span, value=unquote(c[0].text))


def parentheses(c: list[Any]) -> Expr:
    inner: Expr = c[1]
    return inner.model_copy(update={"span": cover(c)})


def vector(c: list[Any]) -> Expr:
    return Vector(span=cover(c), items=expressions(c))


def expectation(c: list[Any]) -> Expr:
    dataset = following(c, "ON")
    return Expectation(
        span=cover(c),
        kind=c[0].text,
        body=c[2],
        conditions=_conditions(c),
        dataset=None if dataset is None else dataset.text,
        dataset_span=Span(0, 0) if dataset is None else dataset.span,
        binders=tuple(child for child in c if isinstance(child, Binder)),
    )


def _conditions(children: list[Any]) -> tuple[Any, ...]:
    """What stands behind `|`, separated by commas."""
    behind = False
    found = []
    for child in children:
        if type(child) is Token:
            behind = child.kind == "BAR" or (behind and child.kind == "COMMA")
        elif behind and not isinstance(child, Binder):
            found.append(child)
    return tuple(found)


def keyword(c: list[Any]) -> Keyword:
    return Keyword(span=cover(c), name=c[0].text, value=c[2], name_span=c[0].span)


def finite(c: list[Any]) -> Expr:
    return FiniteSet(span=cover(c), items=expressions(c))


def set_(c: list[Any]) -> Expr:
    """What stands after `in`: a vector of two is a closed interval there."""
    value: Expr = c[0]
    if isinstance(value, Vector) and len(value.items) == 2:
        return Interval(span=value.span, lower=value.items[0], upper=value.items[1])
    return value


def binder(c: list[Any]) -> Binder:
    return Binder(span=cover(c), names=c[0].value, domain=c[2], condition=following(c, "WHERE"))


def names(c: list[Any]) -> Piece:
    return Piece(cover(c), tuple(token.text for token in c if token.kind == "NAME"))


def generator(c: list[Any]) -> Binder:
    inner: Binder = c[1]
    return inner


ACTIONS: dict[str, Action] = {
    "implies": implies,
    "disjunction": disjunction,
    "conjunction": conjunction,
    "negation": negation,
    "compare": compare,
    "membership": membership,
    "addition": addition,
    "multiplication": multiplication,
    "signed": signed,
    "exponent": exponent,
    "call": call,
    "comprehension": comprehension,
    "index": index,
    "slice": slice_,
    "attribute": attribute,
    "name": name,
    "number": number,
    "string": string,
    "parentheses": parentheses,
    "vector": vector,
    "expectation": expectation,
    "keyword": keyword,
    "finite": finite,
    "set": set_,
    "binder": binder,
    "names": names,
    "generator": generator,
}
