"""Operations of a built-in model without gates: no step can move them, and its line tells so."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.diagnostic import replacing
from cspec.dsl.settings.base import Settings
from cspec.dsl.tree.nodes import Call, Compare, Constraint, Item, Model, Name, walk

_GATES = "gates=hard_concrete"
_NO_GATES = re.compile(r"\bgates[ \t]*=[ \t]*none\b")
_OTHER_GATES = re.compile(r"\bgates[ \t]*=[ \t]*(?!none\b)")


def check_gates(typer: Typer, items: tuple[Item, ...], models: Mapping[str, Settings]) -> None:
    """Report `flops(f) <= 100k` of `model f = mlp`; findings go to the typer."""
    plain = {
        item.name: item
        for item in items
        if isinstance(item, Model)
        and item.source is not None
        and getattr(models.get(item.name), "gates", "") == "none"
    }
    for item in items if plain else ():
        for node in walk(item):
            relation = node.relation if isinstance(node, Constraint) else None
            if isinstance(relation, Compare) and relation.operators[0] != ">=":
                _flops(typer, relation, plain)


def _flops(typer: Typer, relation: Compare, plain: Mapping[str, Model]) -> None:
    for call in (node for node in walk(relation) if isinstance(node, Call)):
        word, subject = call.function, call.arguments[0] if call.arguments else None
        if not isinstance(word, Name) or word.id != "flops" or not isinstance(subject, Name):
            continue
        model = plain.get(subject.id)
        if model is None or model.source is None:
            continue
        text = typer.slice(model.source)
        if _OTHER_GATES.search(text):
            continue  # said where they are written
        bare = text[:-1] if text.endswith(")") else f"{text}("
        joint = "" if bare.endswith("(") else ", "
        meant = f"{bare}{joint}{_GATES})"
        if _NO_GATES.search(text):
            meant = _NO_GATES.sub(_GATES, text)
        said = f"{typer.text(call)} has no gradient: `{subject.id}` has no gates"
        label = "counts weights that are exactly zero"
        gated = f"give the model gates: `model {subject.id} = {meant}`"
        helps = (gated, f"or bound what a projection keeps: `density({subject.id}) <= 10%`")
        notes = ("no step could move a weight to zero for it",)
        told = {"notes": notes, "helps": helps, "fixes": replacing(model.source.span, meant)}
        typer.report("CS522", said, call.span, label, **told)
