"""Columns that a spec itself shows to hold categories, before any data are seen.

gap(P[pred == 1 | sex])    values(sex)    sex == "F"    sex in {"F", "M"}       ->   sex

A column alone behind `|` makes groups if it holds categories, and is a condition if it holds true
and false: `E[ce | mask]`. Where the text does not tell, the data do when they are bound.
"""

from __future__ import annotations

from collections.abc import Iterator

from cspec.dsl.nodes import (
    Call,
    Compare,
    Expectation,
    FiniteSet,
    Membership,
    Name,
    Node,
    Spec,
    String,
    walk,
)

REDUCERS = frozenset({"gap", "ratio"})
"""Functions that take one number a group, and nothing else."""


def categories(spec: Spec) -> frozenset[str]:
    """Names of columns that are used as categories somewhere in a spec."""
    return frozenset(name for node in walk(spec) for name in _shown(node))


def _shown(node: Node) -> Iterator[str]:
    match node:
        case Call(function=Name(id="values" | "cross"), arguments=columns):
            yield from (column.id for column in columns if isinstance(column, Name))
        case Call(function=Name(id=word), arguments=(argument,)) if word in REDUCERS:
            for inner in walk(argument):
                if isinstance(inner, Expectation):
                    yield from (c.id for c in inner.conditions if isinstance(c, Name))
        case Compare(operands=operands) if any(isinstance(o, String) for o in operands):
            yield from (o.id for o in operands if isinstance(o, Name))
        case Membership(element=Name(id=name), set=FiniteSet(items=items)):
            if any(isinstance(item, String) for item in items):
                yield name
