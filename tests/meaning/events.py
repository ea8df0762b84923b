"""Events: true or false at one example; 1 or 0 in arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from meaning.tree import AND, COMPARISON, IMPLIES, NOT, OR, SUM, Node, holds, number, within
from meaning.world import Scope

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


@dataclass(frozen=True)
class Chain(Node):
    """`a < b`, `a <= b < c`: each neighbors' relation holds. Text compares by value."""

    terms: tuple[Node, ...]
    relations: tuple[str, ...]
    level: ClassVar[int] = COMPARISON

    def text(self) -> str:
        out = within(self.terms[0], SUM)
        for relation, term in zip(self.relations, self.terms[1:], strict=True):
            out += f" {relation} {within(term, SUM)}"
        return out

    def value(self, scope: Scope) -> bool:
        values = [t.value(scope) for t in self.terms]
        links = zip(self.relations, values, values[1:], strict=False)
        return all(COMPARISONS[relation](a, b) for relation, a, b in links)


@dataclass(frozen=True)
class Among(Node):
    """`a in {1, 2}`: a is one of them."""

    body: Node
    values: tuple[Node, ...]
    level: ClassVar[int] = COMPARISON

    def text(self) -> str:
        return f"{within(self.body, SUM)} in {{{', '.join(v.text() for v in self.values)}}}"

    def value(self, scope: Scope) -> bool:
        return self.body.value(scope) in [v.value(scope) for v in self.values]


@dataclass(frozen=True)
class Between(Node):
    """`a in [lo, hi]`, both ends included."""

    body: Node
    low: Node
    high: Node
    level: ClassVar[int] = COMPARISON

    def text(self) -> str:
        return f"{within(self.body, SUM)} in [{self.low.text()}, {self.high.text()}]"

    def value(self, scope: Scope) -> bool:
        return number(self.low, scope) <= number(self.body, scope) <= number(self.high, scope)


@dataclass(frozen=True)
class Both(Node):
    """`a and b`."""

    left: Node
    right: Node
    level: ClassVar[int] = AND

    def text(self) -> str:
        return f"{within(self.left, AND)} and {within(self.right, NOT)}"

    def value(self, scope: Scope) -> bool:
        return holds(self.left, scope) and holds(self.right, scope)


@dataclass(frozen=True)
class Either(Node):
    """`a or b`."""

    left: Node
    right: Node
    level: ClassVar[int] = OR

    def text(self) -> str:
        return f"{within(self.left, OR)} or {within(self.right, AND)}"

    def value(self, scope: Scope) -> bool:
        return holds(self.left, scope) or holds(self.right, scope)


@dataclass(frozen=True)
class Not(Node):
    """`not a`."""

    body: Node
    level: ClassVar[int] = NOT

    def text(self) -> str:
        return f"not {within(self.body, COMPARISON)}"

    def value(self, scope: Scope) -> bool:
        return not holds(self.body, scope)


@dataclass(frozen=True)
class Implies(Node):
    """`a => b`: false only where a happens and b does not."""

    left: Node
    right: Node
    level: ClassVar[int] = IMPLIES

    def text(self) -> str:
        return f"{within(self.left, OR)} => {within(self.right, IMPLIES)}"

    def value(self, scope: Scope) -> bool:
        return not holds(self.left, scope) or holds(self.right, scope)
