"""Names of quantifiers that nothing uses: then every member says the same.

forall g in values(sex): P[pred == 1] >= 20%     `| sex == g` is missing
forall W in f.weights: l2(f.weights) <= 3        `l2(W)` was meant
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cspec.dsl.explicit.parameters import LISTS
from cspec.dsl.kinds.typer import Typer
from cspec.dsl.text.source import Span
from cspec.dsl.tree.nodes import (
    Attribute,
    Binder,
    Call,
    Comprehension,
    Constraint,
    Expectation,
    Expr,
    FiniteSet,
    Group,
    Name,
    Node,
    Spec,
    walk,
)

_SETS = frozenset({"values", "cross", "range"})


def check_unused(typer: Typer, spec: Spec) -> None:
    """Warn about names of quantifiers and comprehensions that what they hold over never uses.

    Points and examples are left out: models read them without being told.
    """
    for item in spec.items:
        if any(isinstance(node, Binder) for node in walk(item)):
            _used(typer, item)


def _used(typer: Typer, root: Node) -> None:
    """One walk, parents first; names count as used where they are read, up to their binder."""
    open_names: dict[str, list[_Bound]] = {}
    stack: list[tuple[Node, bool]] = [(root, False)]
    found: list[_Bound] = []
    while stack:
        node, done = stack.pop()
        if done:
            for bound in _bound(node):
                open_names[bound.name].pop()
            continue
        if isinstance(node, Name):
            # `x_i` may be meant for `x[i]`: that it is unknown is said by itself.
            for word in (node.id, node.id.rpartition("_")[2]):
                if open_names.get(word):
                    open_names[word][-1].used = True
        bounds = list(_bound(node))
        if not bounds:
            stack.extend((child, False) for child in node.children())
            continue
        stack.append((node, True))
        stack.extend((child, False) for child in _holds(node))
        for bound in bounds:
            _reads(bound.binder.domain, open_names)
            open_names.setdefault(bound.name, []).append(bound)
        found += bounds
    for bound in found:
        if not bound.used and _counts(bound.binder.domain):
            _report(typer, bound)


class _Bound:
    """A name that a binder holds, and whether it was read."""

    def __init__(self, name: str, binder: Binder) -> None:
        self.name = name
        self.binder = binder
        self.used = False


def _bound(node: Node) -> Iterator[_Bound]:
    if isinstance(node, Constraint | Group | Comprehension | Expectation):
        for binder in node.binders:
            for name in binder.names:
                yield _Bound(name, binder)


def _holds(node: Node) -> Iterator[Node]:
    """What is below a node but its binders."""
    return (child for child in node.children() if not isinstance(child, Binder))


def _reads(domain: Expr, open_names: dict[str, list[_Bound]]) -> None:
    """Names that the set of another binder reads: `j in range(i)`."""
    for node in walk(domain):
        if isinstance(node, Name) and open_names.get(node.id):
            open_names[node.id][-1].used = True


def _counts(domain: Expr) -> bool:
    """Whether a set has members that are named: values, indices, weights."""
    match domain:
        case FiniteSet():
            return True
        case Call(function=Name(id=word)):
            return word in _SETS
        case Attribute(name=word) | Call(function=Attribute(name=word)):
            return word in LISTS
    return False


def _report(typer: Typer, bound: _Bound) -> None:
    span = bound.binder.span
    typer.report(
        "CS203",
        f"`{bound.name}` of the quantifier is never used",
        Span(span.start, span.start + len(bound.name))
        if typer.source.text.startswith(bound.name, span.start)
        else span,
        "each member says the same",
        helps=(_instead(typer, bound),),
        severity="warning",
    )


_LINE = re.compile(r"[^\n]*")
_CONDITION = re.compile(r"\b[EP]\[[^\]|]*\|([^\]|]*?)(?:\bon\b[^\]]*)?\]")


def _instead(typer: Typer, bound: _Bound) -> str:
    match bound.binder.domain:
        case Call(function=Name(id="values"), arguments=(column,)):
            own = f"{typer.slice(column)} == {bound.name}"
            line = _LINE.match(typer.source.text, bound.binder.span.end)
            there = _CONDITION.search(line[0]) if line else None
            if there is not None:
                return f"say which examples count: `| {there[1].strip()} and {own}`"
            return f"say which examples count: `| {own}`"
        case Attribute(name="weights" | "params") | Call(function=Attribute()):
            return f"write `{bound.name}` for each weight, or leave the quantifier out"
    return f"use `{bound.name}`, or leave the quantifier out"
