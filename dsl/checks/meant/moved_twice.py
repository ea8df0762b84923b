"""A point around an input that is added to the input: `f(x + z) for z in ball(x, r, norm=2)`."""

from __future__ import annotations

from collections.abc import Iterator

from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.diagnostic import edit
from cspec.dsl.text.source import Span
from cspec.dsl.tree.nodes import Call, Comprehension, Item, Name, Sum, walk
from cspec.dsl.tree.rebuild import function_name
from cspec.dsl.words.sets import BALL


def check_moved_twice(typer: Typer, items: tuple[Item, ...]) -> None:
    """Warn of `x + z` where z lies around x already: 2 x and a change."""
    told: set[Span] = set()
    for item in items:
        for node in walk(item):
            if isinstance(node, Comprehension):
                for sum_, point, ball in _added(node):
                    if sum_.span not in told:
                        told.add(sum_.span)
                        _report(typer, sum_, point, ball)


def _added(node: Comprehension) -> Iterator[tuple[Sum, str, Call]]:
    """Sums of a point and what it lies around."""
    for binder in node.binders:
        match binder.domain:
            case Call(arguments=(Name(id=center), _)) as ball if function_name(ball) == BALL:
                pair = {center, *binder.names}
            case _:
                continue
        for part in walk(node.body):
            if isinstance(part, Sum) and part.operators == ("+",):
                terms = [o.id for o in part.operands if isinstance(o, Name)]
                if len(terms) == len(pair) == 2 and set(terms) == pair:
                    yield part, binder.names[0], ball


def _report(typer: Typer, sum_: Sum, point: str, ball: Call) -> None:
    center = ball.arguments[0]
    change = Span(center.span.start, ball.arguments[1].span.start)
    written, around = typer.slice(sum_), typer.slice(center)
    said = f"`{point}` lies around `{around}` already: `{written}` is `2*{around}` and a change"
    label = f"`{point}` is the moved `{around}`"
    helps = (f"did you mean `{point}`?", "or a change that is added: `ball` without its middle")
    fixes = edit(sum_.span, point, f"write {point}") + edit(change, "", "a change that is added")
    typer.warn("CS203", said, sum_.span, label, helps=helps, fixes=fixes)
