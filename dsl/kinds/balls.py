"""Balls of a worst case: max(ce(net(z), y) for z in ball(x, 0.1, norm=inf)) has a centre."""

from __future__ import annotations

import re

from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.diagnostic import writing
from cspec.dsl.text.source import line_of
from cspec.dsl.tree.nodes import Call, Name

_BOUND = re.compile(r"\bfor(?:all)?[ \t]+(\w+)[ \t]+in[ \t]*\Z")


def centre_left_out(typer: Typer, call: Call) -> str | None:
    """The column around which `ball(0.1)` lies, where its points are inputs of a model.

    None where it has a centre, or where a change is added to an input: `x + d for d in ball(r)`.
    """
    text = typer.source.text
    start, end = line_of(text, call.span.start)
    bound = _BOUND.search(text[start : call.span.start])
    columns = next(iter(typer.symbols.datasets().values()), ())
    sizes = (*call.arguments, *(k.value for k in call.keywords if k.name == "r"))
    if bound is None or not columns or len(sizes) != 1:
        return None
    given = sizes[0]
    if isinstance(given, Name) and given.id in typer.symbols.column_names:
        return None
    called = re.findall(rf"\b(\w+)\([ \t]*{re.escape(bound[1])}[ \t]*[,)]", text[start:end])
    models = typer.symbols.models()
    inputs = any(name in models and models[name].arguments is None for name in called)
    return columns[0].name if inputs else None


def with_centre(typer: Typer, call: Call, centre: str) -> str:
    """The ball with its centre: `ball(x, 0.1, norm=inf)`."""
    text = typer.slice(call)
    inner = re.sub(r"^\s*(?:r\s*=\s*)?", "", text[text.find("(") + 1 :])
    return f"ball({centre}, {inner}"


def check_centre(typer: Typer, call: Call) -> None:
    """Report `max(ce(net(z), y) for z in ball(8/255, norm=inf))`."""
    centre = centre_left_out(typer, call)
    if centre is None:
        return
    said = f"the ball of a worst case needs its centre: around `{centre}`"
    label = "around what?"
    typer.report(
        "CS301", said, call.span, label, **writing(call.span, with_centre(typer, call, centre))
    )
