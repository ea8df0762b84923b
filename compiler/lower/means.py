"""The means of a constraint in the order in which they are measured: what may be missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cspec.compiler.axes.inference import Inference
from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.expressions.text import text
from cspec.compiler.records.program import MeanFacts
from cspec.dsl.explicit.measured_on import TAILS
from cspec.dsl.tree.nodes import Call, Expectation, Expr, Node, Product


def means_of(sides: Sequence[Expr], inference: Inference) -> tuple[MeanFacts, ...]:
    """One record a mean; none at all where there is nothing that could be missing."""
    found = [mean for side in sides for mean in _means(side, inference, "")]
    return tuple(found) if any(mean != MeanFacts() for mean in found) else ()


def _means(node: Node, inference: Inference, denominator: str) -> Iterator[MeanFacts]:
    match node:
        case Expectation():
            yield _facts(node, inference, denominator)
        case Call() if function_name(node) in TAILS:
            yield MeanFacts(denominator=denominator)
        case Product(operands=(first, *others), operators=operators):
            yield from _means(first, inference, "")
            for operator, operand in zip(operators, others, strict=True):
                divides = operator == "/" and isinstance(operand, Expectation)
                yield from _means(operand, inference, text(operand) if divides else "")
        case _:
            for child in node.children():
                yield from _means(child, inference, "")


def _facts(mean: Expectation, inference: Inference, denominator: str) -> MeanFacts:
    found = inference.grouping(mean)
    if found.columns:
        condition = ", ".join(text(part) for part in (*found.columns, *found.events))
        groups = tuple(group.text for group in found.groups)
        return MeanFacts(condition=condition, groups=groups, denominator=denominator)
    condition = " and ".join(text(event) for event in found.events)
    return MeanFacts(condition=condition, denominator=denominator)
