"""Metrics as functions of the emitted module: one each, so that one that fails leaves the others.

What certificates rest on is measured beside them.

def metric_acc(primal, data):
    ...

metrics = {"acc": metric_acc}
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from cspec.compiler.emit.measures import MakeTranslator
from cspec.compiler.records.problem import Initial
from cspec.dsl.tree.nodes import Expr, walk


def write_metrics(metrics: Sequence[tuple[str, Expr]], make: MakeTranslator) -> None:
    """Every metric, and what they compare with: values before the first step."""
    nodes = [node for _, value in metrics for node in walk(value)]
    bodies = {node.text: node.body for node in nodes if isinstance(node, Initial)}
    _write_table("metrics", "metric", dict(metrics), "Recorded, never optimized.", make)
    if bodies:
        _write_table("initial", "initial", bodies, "Measured before the first step.", make)


def _write_table(
    name: str, prefix: str, values: Mapping[str, Expr], doc: str, make: MakeTranslator
) -> None:
    """A function for each value, and a dictionary of them by the names that people know."""
    writer = make.writer
    if not values:
        return
    functions = {}
    for called, expr in values.items():
        function = functions[called] = make.names.fresh(f"{prefix}_{called[:_LONGEST]}")
        with writer.function(function, ("primal", "data"), [doc]):
            value = make("data", strict=True).translate(expr)
            writer.give(value)
    writer.line()
    writer.line()
    with writer.block(f"{name} = {{", "}"):
        for called, function in functions.items():
            writer.line(f"{called!r}: {function},")


_LONGEST = 40
"""Characters of an expression that its function is named by."""


def write_leaves(certified: Sequence[tuple[str, Sequence[Expr]]], make: MakeTranslator) -> None:
    """`leaves(primal, data) -> {label: [mean]}`: the means of each requirement, each alone."""
    doc = ["The means that a certificate of each requirement rests on, as deployed."]
    with make.writer.function("leaves", ("primal", "data"), doc):
        translator = make("data", strict=True, noted=True)
        pairs = [
            (label, ", ".join(ast.unparse(translator.translate(leaf)) for leaf in leaves))
            for label, leaves in certified
        ]
        with make.writer.block("return {", "}"):
            for label, values in pairs:
                make.writer.line(f"{label!r}: [{values}],")
