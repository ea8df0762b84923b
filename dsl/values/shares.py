"""What holds of shares whatever is trained, as facts beside those that constraints state.

    P[pred == 0] + P[pred == 1] <= 1                     events that exclude each other
    P[pred == y] + P[pred != y] >= 1                     an event and its complement
    P[pred == 1 and sex == "F"] - P[pred == 1] <= 0      an event that implies another

Shares are over the same examples: the same data, conditions and quantifiers. By group each holds in
every group; so the first holds of two least shares, and of a least and a largest one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations, permutations
from typing import NamedTuple

from cspec.dsl.tree.constants import Values
from cspec.dsl.tree.nodes import (
    And,
    Call,
    Compare,
    Constraint,
    Expectation,
    Expr,
    Membership,
    Name,
    Not,
    Or,
    shape,
)
from cspec.dsl.values.regions import Event, complements, event_of, exclude, includes
from cspec.dsl.values.sums import Atom, Fact

MOST = 60
"""Shares of the same examples that are compared with each other."""
_NOBODY = Constraint(relation=Name(id=""))


class Share(NamedTuple):
    """The share of examples at which an event holds."""

    atom: Atom
    expr: Expr
    event: Event
    reduced: str
    """`min` or `max` over groups; empty for one share, or one a group."""


def laws(
    atoms: Mapping[Atom, Expr], values: Values, text: Callable[[Expr], str]
) -> tuple[Fact, ...]:
    """What holds of the shares among `atoms`; `text` gives an expression as it was written."""
    found: list[Fact] = []
    for shares in _same_examples(atoms, values):
        found += _exclusive(shares[:MOST], text)
        found += _exhaustive(shares[:MOST], text)
        found += _implied(shares[:MOST], text)
    return tuple(found)


def _same_examples(atoms: Mapping[Atom, Expr], values: Values) -> Iterator[list[Share]]:
    groups: dict[object, list[Share]] = defaultdict(list)
    for atom, expr in atoms.items():
        seen = _share(expr)
        if seen is None or not isinstance(atom, tuple):
            continue
        mean, reduced = seen
        conditions = frozenset(shape(condition) for condition in mean.conditions)
        key = (atom[0], conditions, mean.dataset)
        groups[key].append(Share(atom, expr, event_of(mean.body, values), reduced))
    yield from (shares for shares in groups.values() if len(shares) > 1)


def _share(expr: Expr) -> tuple[Expectation, str] | None:
    match expr:
        case Expectation(kind=kind, body=body, binders=()):
            events = isinstance(body, Compare | Membership | And | Or | Not)
            return (expr, "") if kind == "P" or events else None
        case Call(function=Name(id="min" | "max" as word), arguments=(inner,), keywords=()):
            found = _share(inner)
            return None if found is None or found[1] else (found[0], word)
    return None


def _exclusive(shares: list[Share], text: Callable[[Expr], str]) -> Iterator[Fact]:
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


def _exhaustive(shares: list[Share], text: Callable[[Expr], str]) -> Iterator[Fact]:
    for pair in combinations(shares, 2):
        words = {share.reduced for share in pair}
        if words in ({""}, {"max"}, {"min", "max"}) and complements(pair[0].event, pair[1].event):
            said = "are shares of an event and its complement: together they are at least 1"
            yield _law(pair, (1.0, 1.0), False, 1.0, _listed(pair, text, said))


def _implied(shares: list[Share], text: Callable[[Expr], str]) -> Iterator[Fact]:
    for inner, outer in permutations(shares, 2):
        if inner.reduced == outer.reduced and includes(outer.event, inner.event):
            said = "are shares of which the first is of fewer examples: it is at most the second"
            pair = (inner, outer)
            yield _law(pair, (1.0, -1.0), True, 0.0, _listed(pair, text, said))


def _listed(shares: list[Share] | tuple[Share, ...], text: Callable[[Expr], str], said: str) -> str:
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
