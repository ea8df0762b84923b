"""Expressions: what every node has, and those that are read off an example.

Each node knows its text in a spec and its value, side by side, and shares no code with cspec. An
expression of examples is computed at one example: a number, a truth value, a label, or a list of
numbers (one a class, output or feature). Slow and obvious on purpose.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, ClassVar

from meaning.world import Plain, Scope

IMPLIES, OR, AND, NOT, COMPARISON, SUM, PRODUCT, SIGN, POWER, ATOM = range(10)
"""Precedence, low to high."""

Value = Plain | list[float]


class Node:
    """An expression: `text` as it is written, `value` where it stands."""

    level: ClassVar[int] = ATOM

    def text(self) -> str:
        raise NotImplementedError

    def value(self, scope: Scope) -> Value:
        raise NotImplementedError


def within(node: Node, level: int) -> str:
    """The text of a part, in parentheses where it binds less than its place asks."""
    return node.text() if node.level >= level else f"({node.text()})"


def number(node: Node, scope: Scope) -> float:
    """A value in arithmetic: an event counts 0 or 1, text has no arithmetic."""
    value = node.value(scope)
    assert isinstance(value, int | float), f"`{node.text()}` is no number"
    return float(value)


def vector(node: Node, scope: Scope) -> list[float]:
    """A value of one number a class, output, feature or entry."""
    value = node.value(scope)
    assert isinstance(value, list), f"`{node.text()}` is no vector"
    return value


def holds(node: Node | None, scope: Scope) -> bool:
    """Whether an event happens; no condition always holds."""
    return node is None or bool(node.value(scope))


def each(function: Callable[..., float], *values: Value) -> Value:
    """A function of numbers; entry by entry where an argument is a vector."""
    size = next((len(v) for v in values if isinstance(v, list)), None)
    if size is None:
        return function(*(float(v) for v in values))  # type: ignore[arg-type]
    columns = [v if isinstance(v, list) else [float(v)] * size for v in values]
    assert all(len(column) == size for column in columns), "vectors of different sizes"
    return [function(*row) for row in zip(*columns, strict=True)]


@dataclass(frozen=True)
class Number(Node):
    """Digits as typed: `0.5`, `30%`, `2k`, `1_000`, `pi`."""

    written: str

    @property
    def level(self) -> int:  # type: ignore[override]
        return SIGN if self.written.startswith("-") else ATOM

    def text(self) -> str:
        return self.written

    def value(self, scope: Scope) -> float:
        digits = self.written.replace("_", "")
        if digits == "pi":
            return math.pi
        if digits.endswith("%"):
            return float(digits[:-1]) / 100
        if digits.endswith("k"):
            return float(digits[:-1]) * 1000
        return float(digits)


@dataclass(frozen=True)
class Word(Node):
    """A piece of text, compared by value: `"dog"`."""

    written: str

    def text(self) -> str:
        return f'"{self.written}"'

    def value(self, scope: Scope) -> str:
        return self.written


@dataclass(frozen=True)
class Truth(Node):
    """`true` or `false`."""

    holds: bool

    def text(self) -> str:
        return str(self.holds).lower()

    def value(self, scope: Scope) -> bool:
        return self.holds


@dataclass(frozen=True)
class Vector(Node):
    """`[1, 0.5, 2]`."""

    entries: tuple[Node, ...]

    def text(self) -> str:
        return "[" + ", ".join(e.text() for e in self.entries) + "]"

    def value(self, scope: Scope) -> list[float]:
        return [number(e, scope) for e in self.entries]


@dataclass(frozen=True)
class Column(Node):
    """A column (or the target `y`): what this example holds in it."""

    name: str

    def text(self) -> str:
        return self.name

    def value(self, scope: Scope) -> Value:
        return scope.table.columns[self.name][scope.row]


@dataclass(frozen=True)
class ColumnEntry(Node):
    """`y[k]` of a target of several numbers."""

    name: str
    k: int

    def text(self) -> str:
        return f"{self.name}[{self.k}]"

    def value(self, scope: Scope) -> float:
        return scope.table.columns[self.name][scope.row][self.k]  # type: ignore[index, return-value]


@dataclass(frozen=True)
class Input(Node):
    """Bare `x`: the features of this example; one feature alone is a number."""

    def text(self) -> str:
        return "x"

    def value(self, scope: Scope) -> Value:
        features = list(scope.table.features[scope.row])
        return features[0] if len(features) == 1 else features


@dataclass(frozen=True)
class Feature(Node):
    """`x[k]`, `x.age` or `x["hours per week"]`."""

    key: int | str
    dotted: bool = False

    def text(self) -> str:
        if isinstance(self.key, int):
            return f"x[{self.key}]"
        return f"x.{self.key}" if self.dotted else f'x["{self.key}"]'

    def value(self, scope: Scope) -> float:
        table = scope.table
        k = self.key if isinstance(self.key, int) else table.feature_names.index(self.key)
        return table.features[scope.row][k]


@dataclass(frozen=True)
class Bound(Node):
    """A name of a quantifier or comprehension: the group in `forall g in values(s)`."""

    name: str

    def text(self) -> str:
        return self.name

    def value(self, scope: Scope) -> Plain:
        return scope.names[self.name]


@dataclass(frozen=True)
class Param(Node):
    """A constant of the run, set from outside or by its line."""

    name: str

    def text(self) -> str:
        return self.name

    def value(self, scope: Scope) -> Value:
        if self.name in scope.world.vectors:
            return list(scope.world.vectors[self.name])
        return scope.world.params[self.name]


@dataclass(frozen=True)
class ParamEntry(Node):
    """`mu[1]` of a vector param."""

    name: str
    k: int

    def text(self) -> str:
        return f"{self.name}[{self.k}]"

    def value(self, scope: Scope) -> float:
        return scope.world.vectors[self.name][self.k]


@dataclass(frozen=True)
class Level(Node):
    """`level[g]`: the entry of a table param for a group."""

    name: str
    group: Node

    def text(self) -> str:
        return f"{self.name}[{self.group.text()}]"

    def value(self, scope: Scope) -> float:
        return scope.world.levels[self.name][self.group.value(scope)]  # type: ignore[index]


@dataclass(frozen=True)
class Argument(Node):
    """A name between the parentheses of a `let` function, in its body."""

    name: str

    def text(self) -> str:
        return self.name


@dataclass(frozen=True)
class LetUse(Node):
    """`name` or `name(a, b)`: the body of the `let`, written out where it is used."""

    name: str
    arguments: tuple[str, ...]
    body: Node
    values: tuple[Node, ...] = ()

    def text(self) -> str:
        given = f"({', '.join(v.text() for v in self.values)})" if self.values else ""
        return f"{self.name}{given}"

    def line(self) -> str:
        """The line that defines it."""
        names = f"({', '.join(self.arguments)})" if self.arguments else ""
        return f"let {self.name}{names} = {self.body.text()}"

    def value(self, scope: Scope) -> Value:
        return substituted(self.body, dict(zip(self.arguments, self.values, strict=True))).value(
            scope
        )


def substituted(part: Any, values: dict[str, Node]) -> Any:
    """A tree with its arguments replaced."""
    if isinstance(part, Argument):
        return values[part.name]
    if isinstance(part, tuple):
        return tuple(substituted(p, values) for p in part)
    if isinstance(part, Node):
        names = [f.name for f in fields(part)]  # type: ignore[arg-type]
        return replace(part, **{n: substituted(getattr(part, n), values) for n in names})  # type: ignore[type-var]
    return part


def nodes(part: Any) -> Iterator[Node]:
    """Every node of a tree, also in the bodies of lets."""
    if isinstance(part, tuple):
        for p in part:
            yield from nodes(p)
    elif is_dataclass(part):
        if isinstance(part, Node):
            yield part
        for f in fields(part):  # type: ignore[arg-type]
            yield from nodes(getattr(part, f.name))
