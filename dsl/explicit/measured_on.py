"""Which datasets an explicit expression is measured on, and whether the spec names them."""

from __future__ import annotations

from collections.abc import Iterator

from cspec.dsl.text.source import NOWHERE
from cspec.dsl.tree.nodes import Call, Expectation, Name, Node, walk

TAILS = frozenset({"cvar", "quantile"})
"""Statistics of examples that are written as functions: their data are a setting, `on=D`."""


def measured_on(expr: Node) -> Iterator[tuple[str, bool]]:
    """Each dataset of a mean, a fraction or a tail, in order, and whether it is written there.

    `E[ce on val]` and `on val` behind the constraint are written; `E[ce]` got its data from the
    rule "Which data".
    """
    for node in walk(expr):
        match node:
            case Expectation(dataset=str() as name, dataset_span=span):
                yield name, span != NOWHERE
            case Call(function=Name(id=word), keywords=keywords) if word in TAILS:
                for keyword in keywords:
                    if keyword.name == "on" and isinstance(keyword.value, Name):
                        # What elaboration adds has the span of the call.
                        yield keyword.value.id, keyword.value.span != node.span
