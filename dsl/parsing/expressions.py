"""Tree nodes of expressions, built bottom-up while the parser runs.

Every action takes the children of a grammar rule, tokens and nodes in written order, and is listed
in `ACTIONS` by the rule's name.
"""

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


def node(kind: type[nodes.Node], **parts: int | Action) -> Action:
    """A rule for a node: each part is a child by its place, or made of the children."""

    made = [(part, itemgetter(of) if isinstance(of, int) else of) for part, of in parts.items()]
    return lambda c: kind(span=cover(c), **{part: of(c) for part, of in made})


def piece(of: Action, kind: str = "") -> Action:
    """A rule for a piece of what `of` makes of the children."""
    return lambda c: Piece(cover(c), of(c), kind)


def text(place: int) -> Action:
    """The text of the token at a place."""
    return lambda c: c[place].text


def span(place: int) -> Action:
    """Where the token at a place stands."""
    return lambda c: c[place].span


def value(place: int) -> Action:
    """What the piece at a place holds."""
    return lambda c: c[place].value


def after(kind: str) -> Action:
    """The child after the first token of a kind, or None."""
    return lambda c: following(c, kind)


def each(*kinds: type[nodes.Node]) -> Action:
    """The children that are nodes of some kinds."""
    return lambda c: tuple(child for child in c if isinstance(child, kinds))


def operands(c: list[Any]) -> tuple[Any, ...]:
    return tuple(c[::2])


def operators(c: list[Any]) -> tuple[str, ...]:
    return tuple(CANONICAL.get(token.text, token.text) for token in c[1::2])


def arguments(c: list[Any]) -> tuple[Any, ...]:
    """What stands in the brackets behind a node, but for keywords."""
    return tuple(a for a in expressions(c[1:]) if not isinstance(a, nodes.Keyword))


def called(c: list[Any]) -> str:
    """The name of a function before its brackets; empty of another expression."""
    return c[0].id if isinstance(c[0], nodes.Name) else ""


def signed(c: list[Any]) -> Expr:
    if c[0].text == "+":
        operand: Expr = c[1]
        return operand
    return nodes.Negate(span=cover(c), operand=c[1])


def slice_(c: list[Any]) -> Expr:
    colon = next(place for place, child in enumerate(c) if type(child) is Token)
    before, after = c[:colon], c[colon + 1 :]
    ends = (before[0] if before else None, after[0] if after else None)
    return nodes.Slice(span=cover(c), lower=ends[0], upper=ends[1])


def name(c: list[Any]) -> Expr:
    return nodes.Name(span=c[0].span, id=c[0].text)


def number(c: list[Any]) -> Expr:
    value = number_value(c[0].text)
    return nodes.Number(span=c[0].span, text=c[0].text, value=math.inf if value is None else value)


def parentheses(c: list[Any]) -> Expr:
    inner: Expr = c[1]
    return inner.model_copy(update={"span": cover(c)})


def expectation(c: list[Any]) -> Expr:
    return nodes.Expectation(
        span=cover(c),
        kind=c[0].text,
        body=c[2],
        conditions=_conditions(c),
        binders=tuple(child for child in c if isinstance(child, nodes.Binder)),
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


def set_(c: list[Any]) -> Expr:
    """What stands after `in`: a vector of two is a closed interval there."""
    inner: Expr = c[0]
    if isinstance(inner, nodes.Vector) and len(inner.items) == 2:
        return nodes.Interval(span=inner.span, lower=inner.items[0], upper=inner.items[1])
    return inner


ACTIONS: dict[str, Action] = {
    "implies": node(nodes.Implies, condition=0, consequence=2),
    "disjunction": node(nodes.Or, operands=operands),
    "conjunction": node(nodes.And, operands=operands),
    "negation": node(nodes.Not, operand=1),
    "compare": node(nodes.Compare, operands=operands, operators=operators),
    "membership": node(nodes.Membership, element=0, set=2),
    "addition": node(nodes.Sum, operands=operands, operators=operators),
    "multiplication": node(nodes.Product, operands=operands, operators=operators),
    "signed": signed,
    "exponent": node(nodes.Power, base=0, exponent=2),
    "call": node(nodes.Call, function=0, arguments=arguments, keywords=each(nodes.Keyword)),
    "comprehension": node(nodes.Comprehension, function=called, body=2, binders=each(nodes.Binder)),
    "index": node(nodes.Index, value=0, indices=arguments),
    "slice": slice_,
    "attribute": node(nodes.Attribute, value=0, name=text(2), name_span=span(2)),
    "name": name,
    "number": number,
    "string": node(nodes.String, value=lambda c: unquote(c[0].text)),
    "parentheses": parentheses,
    "vector": node(nodes.Vector, items=expressions),
    "expectation": expectation,
    "keyword": node(nodes.Keyword, name=text(0), name_span=span(0), value=2),
    "finite": node(nodes.FiniteSet, items=expressions),
    "set": set_,
    "binder": node(nodes.Binder, names=value(0), domain=2, condition=after("WHERE")),
    "names": piece(words),
    "generator": itemgetter(1),
}
