"""The update graph as a Mermaid flowchart."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from cspec.compiler.expressions.mathematics import Explanation, OperationRecord


def as_mermaid(page: Explanation) -> str:
    """`flowchart TD`: the operations of a step in a circle, what comes by the epoch beside it."""
    steps = [(i, op) for i, op in enumerate(page.operations) if "epoch" not in op.trigger]
    epochs = [(i, op) for i, op in enumerate(page.operations) if "epoch" in op.trigger]
    lines = ["flowchart TD"]
    lines += _group("step", "every step", steps)
    lines += _group("epoch", "at the end of an epoch", epochs)
    if steps and epochs:
        lines.append(f"  n{steps[-1][0]} -. epoch ended .-> n{epochs[0][0]}")
        lines.append(f"  n{epochs[-1][0]} -. next batch .-> n{steps[0][0]}")
    if steps:
        lines.append(f"  n{steps[-1][0]} -- next batch --> n{steps[0][0]}")
    return "\n".join(lines) + "\n"


def _group(name: str, title: str, operations: list[tuple[int, OperationRecord]]) -> Iterator[str]:
    if not operations:
        return
    yield f'  subgraph {name}["{title}"]'
    for index, op in operations:
        yield f'    n{index}["{_label(op)}"]'
    for (before, _), (after, _) in pairwise(operations):
        yield f"    n{before} --> n{after}"
    yield "  end"


def _label(op: OperationRecord) -> str:
    """Kind and formulas; what Mermaid reads as markup is written as entities."""
    lines = [op.kind, *(update.text for update in op.updates)]
    if not op.updates:
        lines.append(" ".join([op.meaning, *(f"of {target}" for target in op.targets)]))
    if op.trigger not in ("every step", "every epoch"):
        lines.append(op.trigger)
    if op.condition:
        lines.append(op.condition)
    escaped = (
        line.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
        for line in lines
    )
    return "<br/>".join(escaped)
