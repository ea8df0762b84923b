"""What holds of shares whatever is trained, as facts beside those that constraints state.

    P[pred == 0] + P[pred == 1] <= 1                     events that exclude each other
    P[pred == y] + P[pred != y] >= 1                     an event and its complement
    P[pred == 1 and sex == "F"] - P[pred == 1] <= 0      an event that implies another

Shares are over the same examples: the same data, conditions and quantifiers. By group each holds in
every group; so the first holds of two least shares, and of a least and a largest one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations, permutations
from typing import NamedTuple

from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.values.sums import Atom, Fact

MOST = 60
"""Shares of the same examples that are compared with each other."""
_NOBODY = nodes.Constraint(relation=nodes.Name(id=""))


class Share(NamedTuple):
    """The share of examples at which an event holds."""

    atom: Atom
    expr: nodes.Expr
    event: Event
    reduced: str
    """`min` or `max` over groups; empty for one share, or one a group."""


def laws(
    atoms: Mapping[Atom, nodes.Expr], values: Values, text: Callable[[nodes.Expr], str]
) -> tuple[Fact, ...]:
    """What holds of the shares among `atoms`; `text` gives an expression as it was written."""
    found: list[Fact] = []
    for shares in _same_examples(atoms, values):
        found += _exclusive(shares[:MOST], text)
        found += _exhaustive(shares[:MOST], text)
        found += _implied(shares[:MOST], text)
    return tuple(found)


def _same_examples(atoms: Mapping[Atom, nodes.Expr], values: Values) -> Iterator[list[Share]]:
    groups: dict[object, list[Share]] = defaultdict(list)
    for atom, expr in atoms.items():
        seen = _share(expr)
        if seen is None or not isinstance(atom, tuple):
            continue
        mean, reduced = seen
        conditions = frozenset(nodes.shape(condition) for condition in mean.conditions)
        key = (atom[0], conditions, mean.dataset)
        groups[key].append(Share(atom, expr, event_of(mean.body, values), reduced))
    yield from (shares for shares in groups.values() if len(shares) > 1)


def _share(expr: nodes.Expr) -> tuple[nodes.Expectation, str] | None:
    match expr:
        case nodes.Expectation(kind=kind, body=body, binders=()):
            events = isinstance(
                body, nodes.Compare | nodes.Membership | nodes.And | nodes.Or | nodes.Not
            )
            return (expr, "") if kind == "P" or events else None
        case nodes.Call(
            function=nodes.Name(id="min" | "max" as word), arguments=(inner,), keywords=()
        ):
            found = _share(inner)
            return None if found is None or found[1] else (found[0], word)
    return None


def _exclusive(shares: list[Share], text: Callable[[nodes.Expr], str]) -> Iterator[Fact]:
    """Sets of events that exclude each other, grown from each share in turn."""
    seen: set[frozenset[Atom]] = set()
    for first in shares:
        chosen = [first]
        for share in shares:
            if all(_never_both(share, other) for other in chosen):
                chosen.append(share)
        members = frozenset(share.atom for share in chosen)
        if len(chosen) > 1 and members not in seen:
            seen.add(members)
            said = "are shares of events that exclude each other: together they are at most 1"
            yield _law(chosen, (1.0,) * len(chosen), True, 1.0, _listed(chosen, text, said))


def _never_both(a: Share, b: Share) -> bool:
    words = {a.reduced, b.reduced}
    alike = words in ({""}, {"min"}) or (words == {"min", "max"})
    return a.atom != b.atom and alike and exclude(a.event, b.event)


def _exhaustive(shares: list[Share], text: Callable[[nodes.Expr], str]) -> Iterator[Fact]:
    for pair in combinations(shares, 2):
        words = {share.reduced for share in pair}
        if words in ({""}, {"max"}, {"min", "max"}) and complements(pair[0].event, pair[1].event):
            said = "are shares of an event and its complement: together they are at least 1"
            yield _law(pair, (1.0, 1.0), False, 1.0, _listed(pair, text, said))


def _implied(shares: list[Share], text: Callable[[nodes.Expr], str]) -> Iterator[Fact]:
    for inner, outer in permutations(shares, 2):
        if inner.reduced == outer.reduced and includes(outer.event, inner.event):
            said = "are shares of which the first is of fewer examples: it is at most the second"
            pair = (inner, outer)
            yield _law(pair, (1.0, -1.0), True, 0.0, _listed(pair, text, said))


def _listed(
    shares: list[Share] | tuple[Share, ...], text: Callable[[nodes.Expr], str], said: str
) -> str:
    named = [f"`{text(share.expr)}`" for share in shares]
    return f"{', '.join(named[:-1])} and {named[-1]} {said}"


def _law(
    shares: list[Share] | tuple[Share, ...],
    coefficients: tuple[float, ...],
    upper: bool,
    value: float,
    law: str,
) -> Fact:
    atoms = tuple(share.atom for share in shares)
    form = tuple(zip(atoms, coefficients, strict=True))
    return Fact(form, upper, value, _NOBODY, shares[0].expr, law=law)


Value = float | str
_TRUE: frozenset[Value] = frozenset({1.0})


class Region(NamedTuple):
    """Values of a quantity: some points, all but some points, or what lies between two ends."""

    quantity: object
    points: frozenset[Value] | None = None
    outside: bool = False
    """Whether it is all but the points."""
    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def holds(self, value: Value) -> bool | None:
        """Whether a value is in the region; None where that is not known."""
        if self.points is None:
            if isinstance(value, str):
                return None
            above = value > self.low or (value == self.low and not self.open_low)
            return above and (value < self.high or (value == self.high and not self.open_high))
        if any(type(point) is not type(value) for point in self.points):
            return None
        return (value in self.points) is not self.outside


Event = tuple[Region, ...]
"""Regions whose quantities are all in them, wherever the event holds."""


def event_of(expr: nodes.Expr, values: Values) -> Event:
    """The regions of an event, as far as the text tells.

        pred == 1                pred in {1}
        not (pred == 1)          pred outside {1}
        0.2 < p and y == 0       p in (0.2, inf), y in {0}
        pred != y                pred - y outside {0}

    Anything else is a quantity of its own, which is 1 where the event holds. What is compared with
    text is told apart by the text; whether a text and a number mean the same value is not known.
    """
    match expr:
        case nodes.And(operands=operands):
            return tuple(region for part in operands for region in event_of(part, values))
        case nodes.Not(operand=operand):
            inner = event_of(operand, values)
            if len(inner) == 1 and inner[0].points is not None:
                return (inner[0]._replace(outside=not inner[0].outside),)
            return (Region(nodes.shape(operand), _TRUE, outside=True),)
        case nodes.Compare(operands=operands, operators=operators):
            links = zip(operands, operators, operands[1:], strict=False)
            return tuple(_link(left, mark, right, values) for left, mark, right in links)
        case nodes.Membership(element=element, set=nodes.FiniteSet(items=items)):
            points = [_value(item, values) for item in items]
            if all(point is not None for point in points):
                known = frozenset(point for point in points if point is not None)
                return (Region(nodes.shape(element), known),)
        case nodes.Membership(element=element, set=nodes.Interval(lower=lower, upper=upper)):
            low, high = value_or_none(lower, values), value_or_none(upper, values)
            if low is not None and high is not None:
                return (Region(nodes.shape(element), low=low, high=high),)
    return (Region(nodes.shape(expr), _TRUE),)


def _link(left: nodes.Expr, mark: str, right: nodes.Expr, values: Values) -> Region:
    value = _value(right, values)
    if value is None and _value(left, values) is not None:
        return _link(right, nodes.TURNED[mark], left, values)
    if value is not None:
        return _compared(nodes.shape(left), mark, value)
    sides = [nodes.shape(left), nodes.shape(right)]
    if repr(sides[0]) > repr(sides[1]):
        sides, mark = sides[::-1], nodes.TURNED[mark]
    return _compared(("difference", *sides), mark, 0.0)


def _compared(quantity: object, mark: str, value: Value) -> Region:
    if mark in ("==", "!="):
        return Region(quantity, frozenset({value}), outside=mark == "!=")
    if isinstance(value, str):
        return Region((quantity, mark, value), _TRUE)
    if mark in ("<", "<="):
        return Region(quantity, high=value, open_high=mark == "<")
    return Region(quantity, low=value, open_low=mark == ">")


def _value(expr: nodes.Expr, values: Values) -> Value | None:
    if not isinstance(expr, nodes.String):
        return value_or_none(expr, values)
    text = expr.value.strip().casefold()
    # "1" and "1.0" may be one value of a column.
    return None if any(mark.isdigit() for mark in text) else text


def exclude(first: Event, second: Event) -> bool:
    """Whether two events never hold together."""
    return any(_apart(a, b) for a in first for b in second if a.quantity == b.quantity)


def includes(outer: Event, inner: Event) -> bool:
    """Whether an event holds wherever another one does."""
    return all(any(_within(a, b) for a in inner if a.quantity == b.quantity) for b in outer)


def complements(first: Event, second: Event) -> bool:
    """Whether always exactly one of two events holds, also of what is no number."""
    if len(first) != 1 or len(second) != 1:
        return False
    a, b = first[0], second[0]
    same = a.quantity == b.quantity and a.points is not None and a.points == b.points
    return same and a.outside is not b.outside


def _apart(a: Region, b: Region) -> bool:
    if a.points is not None and not a.outside:
        return all(b.holds(point) is False for point in a.points)
    if b.points is not None and not b.outside:
        return _apart(b, a)
    if a.points is not None or b.points is not None:
        return False
    low, high = max(a.low, b.low), min(a.high, b.high)
    met = low == high and all(region.holds(low) for region in (a, b))
    return low >= high and not met


def _within(a: Region, b: Region) -> bool:
    if a.points is not None and not a.outside:
        return all(b.holds(point) is True for point in a.points)
    if a.points is not None or b.points is not None:
        same = a.points is not None and b.points is not None and a.outside and b.outside
        return same and b.points <= a.points if same and b.points and a.points else False
    low = a.low > b.low or (a.low == b.low and (a.open_low or not b.open_low))
    return low and (a.high < b.high or (a.high == b.high and (a.open_high or not b.open_high)))
