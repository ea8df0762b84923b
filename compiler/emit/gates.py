"""Gates in the emitted module: within their range after each step, and decided before the end."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from cspec.compiler.emit.measures import MakeTranslator
from cspec.compiler.emit.writer import Writer
from cspec.compiler.methods.gate_decisions import DECIDED, Decision


def write_decide(found: Sequence[Decision], make: MakeTranslator) -> None:
    """`sizes(primal)`, what each is over its bound as deployed, and `decide(primal)`."""
    if not found:
        return
    writer = make.writer
    with writer.function("sizes", ("primal",), ["Sizes on gates less their bounds, as deployed."]):
        translator = make()
        groups = []
        for decision in found:
            parts = [translator.translate(part) for part in decision.parts]
            groups.append(ast.unparse(translator.call("vector", *parts)))
        with writer.block("return (", ")"):
            for group in groups:
                writer.line(f"{group},")
    doc = [
        "Once sizes are at their bounds, or late in the run, gates are decided: the most open",
        "stay, as many as the bounds allow, the others shut for good.",
    ]
    with writer.function("decide", ("primal", "progress"), doc):
        writer.line(f"late = progress >= {DECIDED!r}")
        for place, decision in enumerate(found):
            models = ", ".join(f"primal[{name!r}]" for name in decision.models)
            writer.line(f"decide_gates([{models}], lambda: sizes(primal)[{place}], late)")


def write_gates(found: Sequence[Decision], gated: Sequence[str], writer: Writer) -> None:
    """After a step: gates stay in their range; those that are decided stay so."""
    decided = {name for d in found for name in d.models}
    for name in (name for name in gated if name not in decided):
        writer.line(f"clamp_gates(primal[{name!r}])")
    if found:
        writer.line("decide(primal, session.progress)")


def undecided(found: Sequence[Decision]) -> list[str]:
    """Calls at the start of a run: gates that another run has decided may move again."""
    return [f"clamp_gates(primal[{name!r}])" for decision in found for name in decision.models]
