"""A bound on params alone: nothing that training does makes it hold.

param gamma = 3    gamma <= 2    ->   no such line, or `var gamma = 3`
"""

from __future__ import annotations

import re
from typing import Any

from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.diagnostic import Fix
from cspec.dsl.messages.wording import listing
from cspec.dsl.text.source import LABEL, Span, line_of
from cspec.dsl.tree.nodes import Compare, Expr, Name, Param
from cspec.dsl.tree.rebuild import names


def still_params(typer: Typer, relation: Expr) -> dict[str, Any] | None:
    """What is said of a relation where nothing but params has a name in it; None of others.

    The parts of a finding: its `message`, which `why` it holds or not ends, `helps` and `fixes`.
    """
    used = sorted(names(relation))
    items = [s.item for name in used if (s := typer.symbols.table.get(name)) is not None]
    params = [item for item in items if isinstance(item, Param)]
    if not params or len(params) < len(used):
        return None
    inside = {name for p in params if p.value is not None for name in names(p.value)}
    if any(typer.symbols.role(name) not in ("param", None) for name in inside):
        return None  # of something that moves: that is said where it is declared
    fixes = [*_left_out(typer, relation)]
    helps = [f"leave {typer.text(relation)} out"]
    if len(params) == 1:
        (param,) = params
        if (value := _bound_of(typer, relation)) is not None and not param.dimensions:
            helps.append(f"or give it another value: `param {param.name} = {value}`")
        text = typer.slice(param)
        if text.startswith("param") and param.value is not None:
            start = param.span.start
            place = Span(start, start + len("param"))
            moved = " ".join(f"var{text[len('param') :]}".split())
            helps.append(f"or let training choose it: `{moved}`")
            fixes.append(Fix(span=place, replacement="var", title=f"write {moved}"))
    shown = [p.name if p.value is None else f"{p.name} = {typer.slice(p.value)}" for p in params]
    verb = "is a param" if len(params) == 1 else "are params"
    return {
        "message": f"{listing(shown, 'and')} {verb}, which no training moves",
        "helps": tuple(helps),
        "fixes": tuple(fixes),
    }


def _bound_of(typer: Typer, relation: Expr) -> str | None:
    """The number that a lone param is compared with."""
    if not isinstance(relation, Compare) or len(relation.operands) != 2:
        return None
    left, right = relation.operands
    bound = right if isinstance(left, Name) else left if isinstance(right, Name) else None
    return None if bound is None or names(bound) else typer.slice(bound)


_NEXT = re.compile(r"\n[ \t]+(?=\w+:|\w)")


def _left_out(typer: Typer, relation: Expr) -> list[Fix]:
    """The edit that takes the line of a relation out, where nothing else stands on it."""
    text = typer.source.text
    start, end = line_of(text, relation.span.start)
    head = LABEL.match(text, start, end)
    if head is None or head.end() != relation.span.start or text[relation.span.end : end].strip():
        return []
    opens = "s.t." in head[0]
    following = _NEXT.match(text, end)
    if opens and following:
        first = text.index("s.t.", start) + len("s.t.")
        place, new = Span(first, following.end()), " "
    else:
        place, new = Span(start, min(end + 1, len(text))), ""
    return [Fix(span=place, replacement=new, title="leave it out")]
