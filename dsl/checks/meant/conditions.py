"""Conditions that no example meets: two that can't hold together.

P[pred == 1 | y == 1 and y == 0]   forall (x, y) in train where age > 60 and age < 18: ...
"""

import math
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.diagnostic import Fix
from cspec.dsl.messages.wording import listing
from cspec.dsl.text.source import Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.rebuild import function_name

Value = float | str


class _Fact(NamedTuple):
    """What one condition says of a thing: the values that it may have, or a bound of them."""

    thing: object
    where: nodes.Expr
    among: frozenset[Value] | None = None
    not_: Value | None = None
    low: float = -math.inf
    high: float = math.inf
    strict: bool = False


def check_conditions(typer: Typer, items: tuple[nodes.Item, ...]) -> None:
    """Warn of conditions that no example meets; findings go to the typer."""
    told: set[Span] = set()
    for item in items:
        for parts in _conjunctions(item):
            pair = _apart(parts)
            if pair is None:
                continue
            first, last = sorted(pair, key=lambda fact: fact.where.span.start)
            place = first.where.span.to(last.where.span)
            if place not in told:
                told.add(place)
                _report(typer, first, last, place)


def _conjunctions(item: nodes.Item) -> Iterator[list[nodes.Expr]]:
    """What is asked for together, of one example each."""
    for node in nodes.walk(item):
        if isinstance(node, nodes.Expectation):
            body = _parts(node.body) if node.kind == "P" else []
            yield [*body, *(part for c in node.conditions for part in _parts(c))]
            yield from (_parts(part) for part in nodes.walk(node) if isinstance(part, nodes.And))
        elif isinstance(node, nodes.Binder) and node.condition is not None:
            yield _parts(node.condition)
        elif isinstance(node, nodes.Call) and function_name(node) == "where" and node.arguments:
            yield _parts(node.arguments[0])


def _parts(expr: nodes.Expr) -> list[nodes.Expr]:
    if isinstance(expr, nodes.And):
        return [part for operand in expr.operands for part in _parts(operand)]
    return [expr]


def _apart(parts: Sequence[nodes.Expr]) -> tuple[_Fact, _Fact] | None:
    """The first two facts that no value meets both of."""
    facts: list[_Fact] = []
    for part in parts:
        for fact in _facts(part):
            other = next((f for f in facts if f.thing == fact.thing and _never(f, fact)), None)
            if other is not None:
                return other, fact
            facts.append(fact)
    return None


def _facts(expr: nodes.Expr) -> Iterator[_Fact]:
    match expr:
        case nodes.Compare(operands=operands, operators=operators):
            for (left, right), operator in zip(pairwise(operands), operators, strict=True):
                value, thing = _value(right), left
                if value is None:
                    value, thing, operator = _value(left), right, nodes.TURNED[operator]
                if value is not None and _value(thing) is None:
                    yield from _link(nodes.shape(thing), operator, value, expr)
        case nodes.Membership(element=element, set=nodes.FiniteSet(items=items)):
            values = [_value(item) for item in items]
            known = frozenset(value for value in values if value is not None)
            if None not in values:
                yield _Fact(nodes.shape(element), expr, among=known)
        case nodes.Membership(element=element, set=nodes.Interval(lower=lower, upper=upper)):
            low, high = _value(lower), _value(upper)
            if isinstance(low, float) and isinstance(high, float):
                yield _Fact(nodes.shape(element), expr, low=low, high=high)


def _link(thing: object, operator: str, value: Value, where: nodes.Expr) -> Iterator[_Fact]:
    if operator == "==":
        yield _Fact(thing, where, among=frozenset({value}))
    elif operator == "!=":
        yield _Fact(thing, where, not_=value)
    elif isinstance(value, float):
        strict = operator in ("<", ">")
        if operator.startswith("<"):
            yield _Fact(thing, where, high=value, strict=strict)
        else:
            yield _Fact(thing, where, low=value, strict=strict)


def _value(expr: nodes.Expr) -> Value | None:
    """A number or a text that is written there: not a param, whose value may be a choice."""
    if isinstance(expr, nodes.String):
        return expr.value
    if any(isinstance(node, nodes.Name) for node in nodes.walk(expr)) or isinstance(
        expr, nodes.Call
    ):
        return None
    value = value_or_none(expr, {})
    return None if value is None else float(value)


def _never(one: _Fact, other: _Fact) -> bool:
    if one.among is None:
        one, other = other, one
    if one.among is not None:
        return not any(_meets(value, other) for value in one.among)
    low, high = max(one.low, other.low), min(one.high, other.high)
    return low > high or (low == high and (one.strict or other.strict))


def _meets(value: Value, fact: _Fact) -> bool:
    if fact.among is not None:
        return value in fact.among
    if fact.not_ is not None:
        return value != fact.not_
    if isinstance(value, str):
        return True  # a text has no order, which is said elsewhere
    return fact.low <= value <= fact.high and not (fact.strict and value in (fact.low, fact.high))


def _report(typer: Typer, first: _Fact, last: _Fact, place: Span) -> None:
    one = first.where is last.where
    texts = [typer.slice(first.where)] if one else [typer.slice(f.where) for f in (first, last)]
    helps, fixes = _meant(typer, first, last, place)
    never, them = ("is never true", "it") if one else ("are never true together", "both")
    said = f"{listing(texts, 'and')} {never}: no example meets {them}"
    typer.warn("CS328", said, place, "no example is left", helps=helps, fixes=fixes)


_JOINT = re.compile(r"[ \t]*(?:,|and)[ \t]*")


def _meant(
    typer: Typer, first: _Fact, last: _Fact, place: Span
) -> tuple[tuple[str, ...], tuple[Fix, ...]]:
    """Either of the two, or the bounds of an interval turned round."""
    another = "or compare another column in one of them"
    one, two = first.where, last.where
    between = typer.source.text[one.span.end : two.span.start]
    forms: list[tuple[str, str]] = []
    if one is two:
        return _turned_round(typer, one)
    if not _JOINT.fullmatch(between):
        return ("leave one of them out", another), ()
    if (
        first.among
        and last.among
        and isinstance(one, nodes.Compare)
        and isinstance(two, nodes.Compare)
    ):
        values = [typer.slice(o) for c in (one, two) for o in c.operands if _value(o) is not None]
        thing = next(typer.slice(o) for o in one.operands if _value(o) is None)
        forms = [("for either of them", f"{thing} in {{{', '.join(values)}}}")]
    elif first.among is None and last.among is None and None is first.not_ is last.not_:
        bounds = [_bound_of(c) for c in (one, two)]
        if None not in bounds:
            (a, b) = (bound for bound in bounds if bound is not None)
            text, start = typer.source.text, one.span.start
            swapped = (
                f"{text[start : a.span.start]}{typer.slice(b)}{text[a.span.end : b.span.start]}"
                f"{typer.slice(a)}{text[b.span.end : two.span.end]}"
            )
            forms = [("for what is between them", swapped)]
        forms.append(("for what is outside of them", f"({typer.slice(one)} or {typer.slice(two)})"))
    fixes = tuple(Fix(span=place, replacement=new, title=f"write {new}") for _, new in forms)
    said = tuple(f"{'or ' * bool(i)}{why} write `{new}`" for i, (why, new) in enumerate(forms))
    return (*said, another), fixes


def _turned_round(typer: Typer, expr: nodes.Expr) -> tuple[tuple[str, ...], tuple[Fix, ...]]:
    """`1 < x < 2` of `2 < x < 1`."""
    if not isinstance(expr, nodes.Compare) or len(expr.operands) != 3:
        return ("turn the two bounds round",), ()
    low, thing, high = (typer.slice(operand) for operand in expr.operands)
    one, two = expr.operators
    new = f"{high} {one} {thing} {two} {low}"
    fix = Fix(span=expr.span, replacement=new, title=f"write {new}")
    return (f"turn the two bounds round: `{new}`",), (fix,)


def _bound_of(expr: nodes.Expr) -> nodes.Expr | None:
    """The number of a comparison with one."""
    if not isinstance(expr, nodes.Compare) or len(expr.operands) != 2:
        return None
    return next((o for o in expr.operands if isinstance(o, nodes.Number)), None)
