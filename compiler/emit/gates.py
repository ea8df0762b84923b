"""Gates in the emitted module: within their range after each step, and decided before the end."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple

from cspec.compiler.emit.expressions import Translator
from cspec.compiler.emit.measures import MakeTranslator
from cspec.compiler.gate_course import DECIDED
from cspec.compiler.ir import Constraint
from cspec.compiler.lower import Lowered
from cspec.compiler.rewrite import mentions


class Decision(NamedTuple):
    """Models whose gates are decided in one order, and the sizes that bound them."""

    models: tuple[str, ...]
    constraints: tuple[Constraint, ...]


def decisions(lowered: Lowered, gated: Sequence[str]) -> tuple[Decision, ...]:
    """Sizes on gates that are decided; those that share a model are decided together."""
    found: list[Decision] = []
    for c in lowered.problem.constraints:
        if not c.decides:
            continue
        names = {m for m in gated if any(mentions(p, frozenset({m})) for p in c.decides)}
        near = [d for d in found if names & set(d.models)]
        found = [d for d in found if d not in near]
        models = names.union(*(d.models for d in near))
        joined = (*(other for d in near for other in d.constraints), c)
        found.append(Decision(tuple(sorted(models)), joined))
    return tuple(found)


def write_decide(found: Sequence[Decision], make: MakeTranslator) -> None:
    """`sizes(primal)`, what each is over its bound as deployed, and `decide(primal)`."""
    if not found:
        return
    writer = make.writer
    with writer.function("sizes", ("primal",), ["Sizes on gates less their bounds, as deployed."]):
        translator = make()
        translator.used.add("vector")
        groups = []
        for decision in found:
            parts = [translator.translate(p) for c in decision.constraints for p in c.decides]
            call = ast.Call(func=ast.Name(id="vector"), args=parts, keywords=[])
            groups.append(ast.unparse(call))
        writer.line(f"return {', '.join(groups)}{',' if len(groups) == 1 else ''}")
    doc = ["The most open gates stay, as many as the bounds allow; the others shut for good."]
    with writer.function("decide", ("primal",), doc):
        make().used.add("decide_gates")
        for place, decision in enumerate(found):
            models = ", ".join(f'primal["{name}"]' for name in decision.models)
            writer.line(f"decide_gates([{models}], lambda: sizes(primal)[{place}])")


def write_gates(lowered: Lowered, gated: Sequence[str], translator: Translator) -> None:
    """After a step: gates stay in their range; those that are decided stay so."""
    found = decisions(lowered, gated)
    decided = {name for d in found for name in d.models}
    for name in (name for name in gated if name not in decided):
        _clamp(name, translator)
    if not found:
        return
    writer = translator.writer
    writer.line(f"if session.progress < {DECIDED!r}:")
    with writer.indented():
        for name in sorted(decided):
            _clamp(name, translator)
    writer.line("else:")
    with writer.indented():
        writer.line("decide(primal)")


def _clamp(name: str, translator: Translator) -> None:
    translator.used.add("clamp_gates")
    translator.writer.line(f"clamp_gates(primal[{name!r}])")
