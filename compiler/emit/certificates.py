"""The function of the module that measures what certificates rest on."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from cspec.compiler.emit.measures import MakeTranslator
from cspec.dsl.tree.nodes import Expr


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
