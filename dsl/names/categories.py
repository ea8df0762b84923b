"""Columns that a spec itself shows to hold categories, before any data are seen.

sex == "F"    sex in {"F", "M"}       ->   sex

A column alone behind `|` makes groups if it holds categories, and is a condition if it holds true
and false: `E[ce | mask]`. Where the text does not tell, the data do when they are bound: true and
false have groups, too, where those are asked for, `gap(P[.. | mask])`, `values(mask)`.
"""

from __future__ import annotations

from collections.abc import Iterator

from cspec.dsl.tree.nodes import (
    Compare,
    FiniteSet,
    Membership,
    Name,
    Node,
    Spec,
    String,
    walk,
)


def categories(spec: Spec) -> frozenset[str]:
    """Names of columns that are used as categories somewhere in a spec."""
    return frozenset(name for node in walk(spec) for name in _shown(node))


def _shown(node: Node) -> Iterator[str]:
    match node:
        case Compare(operands=operands) if any(isinstance(o, String) for o in operands):
            yield from (o.id for o in operands if isinstance(o, Name))
        case Membership(element=Name(id=name), set=FiniteSet(items=items)):
            if any(isinstance(item, String) for item in items):
                yield name
