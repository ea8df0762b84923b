"""Gates in the emitted module: within their range after each step, and decided before the end."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from cspec.compiler.emit.expressions import Translator
from cspec.compiler.emit.measures import MakeTranslator
from cspec.compiler.gate_decisions import DECIDED, Decision


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
        writer.line("return (")
        with writer.indented():
            for group in groups:
                writer.line(f"{group},")
        writer.line(")")
    doc = ["The most open gates stay, as many as the bounds allow; the others shut for good."]
    with writer.function("decide", ("primal",), doc):
        make().used.add("decide_gates")
        for place, decision in enumerate(found):
            models = ", ".join(f"primal[{name!r}]" for name in decision.models)
            writer.line(f"decide_gates([{models}], lambda: sizes(primal)[{place}])")


def write_gates(found: Sequence[Decision], gated: Sequence[str], translator: Translator) -> None:
    """After a step: gates stay in their range; those that are decided stay so."""
    decided = {name for d in found for name in d.models}
    for name in (name for name in gated if name not in decided):
        _clamp(name, translator)
    if not found:
        return
    writer = translator.writer
    writer.line(f"if session.progress < {DECIDED!r}:")
    with writer.indented():
        for name in (name for name in gated if name in decided):
            _clamp(name, translator)
    writer.line("else:")
    with writer.indented():
        writer.line("decide(primal)")


def _clamp(name: str, translator: Translator) -> None:
    translator.used.add("clamp_gates")
    translator.writer.line(f"clamp_gates(primal[{name!r}])")
