"""Tree nodes of expressions, built bottom-up while the parser runs.

Every function takes the children of a grammar rule, tokens and nodes in written order, and is
listed in `ACTIONS` by the rule's name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import itemgetter
from typing import Any, NamedTuple

from cspec.dsl.text.numbers import number_value
from cspec.dsl.text.source import Span
from cspec.dsl.text.tokens import Token
from cspec.dsl.tree import nodes
from cspec.dsl.tree.nodes import Expr

CANONICAL = {"≤": "<=", "≥": ">=", "≠": "!=", "**": "^", "⇒": "=>", "∀": "forall", "∈": "in"}


Action = Callable[[list[Any]], Any]
"""What a rule makes of its children."""


class Piece(NamedTuple):
    """A piece of a clause that is no node of its own; `kind` tells it from others of its rule."""

    span: Span
    value: Any
    kind: str = ""


def cover(children: list[Any]) -> Span:
    """From the first child to the last."""
    return Span(children[0].span.start, children[-1].span.end)


def expressions(children: list[Any]) -> tuple[Any, ...]:
    """The children that are no tokens."""
    return tuple(child for child in children if type(child) is not Token)


def of_kind(children: list[Any], *kinds: type[nodes.Node]) -> tuple[Any, ...]:
    """The children that are nodes of some kinds."""
    return tuple(child for child in children if isinstance(child, kinds))


def words(children: list[Any]) -> tuple[str, ...]:
    """The names among the children."""
    return tuple(c.text for c in children if type(c) is Token and c.kind == "NAME")


def following(children: list[Any], kind: str) -> Any:
    """The child after the first token of a kind, or None."""
    for index, child in enumerate(children):
        if type(child) is Token and child.kind == kind:
            return children[index + 1]
    return None


def spelled(field: str, word: Token | None) -> dict[str, Any]:
    """A word and where it stands, as the two fields of a node that hold them; none without it."""
    return {} if word is None else {field: word.text, f"{field}_span": word.span}


def unquote(text: str) -> str:
    r"""The value of a quoted string; only `\"` and `\\` are escapes: paths read naturally."""
    return text[1:-1].replace("\\\\", "\0").replace('\\"', '"').replace("\0", "\\")


def quote(value: str) -> str:
    """The text of a string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def node(kind: type[nodes.Node], **places: int) -> Action:
    """A rule for a node whose parts are children, each at its place."""
    return lambda c: kind(span=cover(c), **{part: c[place] for part, place in places.items()})


def piece(of: Action, kind: str = "") -> Action:
    """A rule for a piece of what `of` makes of the children."""
    return lambda c: Piece(cover(c), of(c), kind)


def _listed(kind: type[nodes.Vector | nodes.FiniteSet]) -> Action:
    """A rule for what has members between brackets."""
    return lambda c: kind(span=cover(c), items=expressions(c))


def _joined(kind: type[nodes.And | nodes.Or]) -> Action:
    """A rule for operands with the same word between them."""
    return lambda c: kind(span=cover(c), operands=tuple(c[::2]))


def _related(kind: type[nodes.Compare | nodes.Sum | nodes.Product]) -> Action:
    """A rule for operands with signs between them that count."""

    def made(c: list[Any]) -> Expr:
        signs = tuple(CANONICAL.get(token.text, token.text) for token in c[1::2])
        return kind(span=cover(c), operands=tuple(c[::2]), operators=signs)

    return made


def signed(c: list[Any]) -> Expr:
    if c[0].text == "+":
        operand: Expr = c[1]
        return operand
    return nodes.Negate(span=cover(c), operand=c[1])


def call(c: list[Any]) -> Expr:
    arguments = expressions(c[1:])
    return nodes.Call(
        span=cover(c),
        function=c[0],
        arguments=tuple(a for a in arguments if not isinstance(a, nodes.Keyword)),
        keywords=of_kind(c[1:], nodes.Keyword),
    )


def comprehension(c: list[Any]) -> Expr:
    function = c[0].id if isinstance(c[0], nodes.Name) else ""
    return nodes.Comprehension(
        span=cover(c), function=function, body=c[2], binders=expressions(c[3:])
    )


def index(c: list[Any]) -> Expr:
    return nodes.Index(span=cover(c), value=c[0], indices=expressions(c[1:]))


def slice_(c: list[Any]) -> Expr:
    colon = next(place for place, child in enumerate(c) if type(child) is Token)
    before, after = c[:colon], c[colon + 1 :]
    ends = (before[0] if before else None, after[0] if after else None)
    return nodes.Slice(span=cover(c), lower=ends[0], upper=ends[1])


def attribute(c: list[Any]) -> Expr:
    return nodes.Attribute(span=cover(c), value=c[0], **spelled("name", c[2]))


def name(c: list[Any]) -> Expr:
    return nodes.Name(span=c[0].span, id=c[0].text)


def number(c: list[Any]) -> Expr:
    value = number_value(c[0].text)
    return nodes.Number(span=c[0].span, text=c[0].text, value=math.inf if value is None else value)


def string(c: list[Any]) -> Expr:
    return nodes.String(span=c[0].span, value=unquote(c[0].text))


def parentheses(c: list[Any]) -> Expr:
    inner: Expr = c[1]
    return inner.model_copy(update={"span": cover(c)})


def expectation(c: list[Any]) -> Expr:
    return nodes.Expectation(
        span=cover(c),
        kind=c[0].text,
        body=c[2],
        conditions=_conditions(c),
        binders=of_kind(c, nodes.Binder),
        **spelled("dataset", following(c, "ON")),
    )


def _conditions(children: list[Any]) -> tuple[Any, ...]:
    """What stands behind `|`, separated by commas."""
    behind = False
    found = []
    for child in children:
        if type(child) is Token:
            behind = child.kind == "BAR" or (behind and child.kind == "COMMA")
        elif behind and not isinstance(child, nodes.Binder):
            found.append(child)
    return tuple(found)


def keyword(c: list[Any]) -> nodes.Keyword:
    return nodes.Keyword(span=cover(c), value=c[2], **spelled("name", c[0]))


def set_(c: list[Any]) -> Expr:
    """What stands after `in`: a vector of two is a closed interval there."""
    value: Expr = c[0]
    if isinstance(value, nodes.Vector) and len(value.items) == 2:
        return nodes.Interval(span=value.span, lower=value.items[0], upper=value.items[1])
    return value


def binder(c: list[Any]) -> nodes.Binder:
    condition = following(c, "WHERE")
    return nodes.Binder(span=cover(c), names=c[0].value, domain=c[2], condition=condition)


ACTIONS: dict[str, Action] = {
    "implies": node(nodes.Implies, condition=0, consequence=2),
    "disjunction": _joined(nodes.Or),
    "conjunction": _joined(nodes.And),
    "negation": node(nodes.Not, operand=1),
    "compare": _related(nodes.Compare),
    "membership": node(nodes.Membership, element=0, set=2),
    "addition": _related(nodes.Sum),
    "multiplication": _related(nodes.Product),
    "signed": signed,
    "exponent": node(nodes.Power, base=0, exponent=2),
    "call": call,
    "comprehension": comprehension,
    "index": index,
    "slice": slice_,
    "attribute": attribute,
    "name": name,
    "number": number,
    "string": string,
    "parentheses": parentheses,
    "vector": _listed(nodes.Vector),
    "expectation": expectation,
    "keyword": keyword,
    "finite": _listed(nodes.FiniteSet),
    "set": set_,
    "binder": binder,
    "names": piece(words),
    "generator": itemgetter(1),
}
