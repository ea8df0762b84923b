"""The forward passes of the emitted module: one function each, whatever is measured with it."""

from __future__ import annotations

from collections.abc import Mapping

from cspec.compiler.emit.expressions.locals import Forward
from cspec.compiler.emit.writer import Writer


def write_forwards(forwards: Mapping[Forward, str], writer: Writer, used: set[str]) -> None:
    """`outputs(primal, rows)`: what a model gives on the rows of a batch, or of whole data."""
    for found, name in forwards.items():
        doc = [f"{found.model}({', '.join(found.columns)}), on rows of any dataset."]
        with writer.function(name, ("primal", "rows"), doc):
            columns = ", ".join(f"rows[{column!r}]" for column in found.columns)
            call = f"primal[{found.model!r}]({columns})"
            if found.row:
                used.add("per_example")
                call = f"per_example({call})"
            writer.line(f"return {call}")
