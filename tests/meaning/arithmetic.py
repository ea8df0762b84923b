"""Arithmetic at one example: entry by entry for vectors, never over pairs of examples."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from meaning.outputs import sigmoid, softplus
from meaning.tree import (
    ATOM,
    POWER,
    PRODUCT,
    SIGN,
    SUM,
    Node,
    Value,
    each,
    holds,
    number,
    vector,
    within,
)
from meaning.world import NOT_MEASURED, Scope


def divide(a: float, b: float) -> float:
    """A ratio; over nothing it is not measured."""
    return a / b if b != 0 else NOT_MEASURED


def greatest(*values: float) -> float:
    """The largest; not measured where one is not."""
    return NOT_MEASURED if any(map(math.isnan, values)) else max(values)


def smallest(*values: float) -> float:
    """The smallest; not measured where one is not."""
    return NOT_MEASURED if any(map(math.isnan, values)) else min(values)


OPERATORS: dict[str, tuple[int, Callable[[float, float], float]]] = {
    "+": (SUM, lambda a, b: a + b),
    "-": (SUM, lambda a, b: a - b),
    "*": (PRODUCT, lambda a, b: a * b),
    "/": (PRODUCT, divide),
    "^": (POWER, lambda a, b: a**b),
}

FUNCTIONS: dict[str, Callable[..., float]] = {
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "tanh": math.tanh,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "arctan": math.atan,
    "arcsin": math.asin,
    "arccos": math.acos,
    "erf": math.erf,
    "expm1": math.expm1,
    "log1p": math.log1p,
    "abs": abs,
    "sign": lambda a: float((a > 0) - (a < 0)),
    "floor": math.floor,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "relu": lambda a: max(a, 0.0),
    "clip": lambda a, lo, hi: min(max(a, lo), hi),
    "pow": lambda a, p: a**p,
}


@dataclass(frozen=True)
class Arithmetic(Node):
    """`a + b`, `a - b`, `a * b`, `a / b`, `a ^ b`: example by example, entry by entry."""

    left: Node
    operator: str
    right: Node

    @property
    def level(self) -> int:  # type: ignore[override]
        return OPERATORS[self.operator][0]

    def text(self) -> str:
        level = self.level
        if self.operator == "^":
            return f"{within(self.left, ATOM)}^{within(self.right, POWER)}"
        gap = " " if self.operator in "+-" else ""
        right = within(self.right, level + 1)
        return f"{within(self.left, level)}{gap}{self.operator}{gap}{right}"

    def value(self, scope: Scope) -> Value:
        function = OPERATORS[self.operator][1]
        return each(function, self.left.value(scope), self.right.value(scope))


@dataclass(frozen=True)
class Negative(Node):
    """`-a`."""

    body: Node
    level: ClassVar[int] = SIGN

    def text(self) -> str:
        return f"-{within(self.body, POWER)}"

    def value(self, scope: Scope) -> Value:
        return each(lambda a: -a, self.body.value(scope))


@dataclass(frozen=True)
class Call(Node):
    """An elementary function: `exp(a)`, `clip(a, lo, hi)`."""

    word: str
    arguments: tuple[Node, ...]

    def text(self) -> str:
        return f"{self.word}({', '.join(a.text() for a in self.arguments)})"

    def value(self, scope: Scope) -> Value:
        return each(FUNCTIONS[self.word], *(a.value(scope) for a in self.arguments))


@dataclass(frozen=True)
class Where(Node):
    """`where(event, a, b)`: a where the event happens, else b."""

    event: Node
    then: Node
    otherwise: Node

    def text(self) -> str:
        return f"where({self.event.text()}, {self.then.text()}, {self.otherwise.text()})"

    def value(self, scope: Scope) -> float:
        return number(self.then if holds(self.event, scope) else self.otherwise, scope)


def norm(values: Sequence[float], p: float) -> float:
    """The entry-wise p-norm."""
    if p == math.inf:
        return max(abs(v) for v in values)
    return float(sum(abs(v) ** p for v in values) ** (1 / p))


REDUCTIONS: dict[str, Callable[[Sequence[float]], float]] = {
    "sumsq": lambda v: sum(a * a for a in v),
    "l1": lambda v: norm(v, 1),
    "l2": lambda v: norm(v, 2),
    "sum": sum,
    "max": lambda v: greatest(*v),
    "min": lambda v: smallest(*v),
}


@dataclass(frozen=True)
class Reduce(Node):
    """One number of a vector: `sumsq(f(x))`, `l1(x)`, `max(prob)`, `norm(x, 2)`."""

    word: str
    body: Node
    power: Node | None = None

    def text(self) -> str:
        power = "" if self.power is None else f", {self.power.text()}"
        return f"{self.word}({self.body.text()}{power})"

    def value(self, scope: Scope) -> float:
        found = self.body.value(scope)
        entries = found if isinstance(found, list) else [float(found)]
        if self.power is not None:
            return norm(
                entries, math.inf if self.power.text() == "inf" else number(self.power, scope)
            )
        return REDUCTIONS[self.word](entries)


@dataclass(frozen=True)
class Extreme(Node):
    """`max(a, b)`, `min(a, b, c)` of numbers."""

    word: str
    arguments: tuple[Node, ...]

    def text(self) -> str:
        return f"{self.word}({', '.join(a.text() for a in self.arguments)})"

    def value(self, scope: Scope) -> Value:
        function = greatest if self.word == "max" else smallest
        return each(function, *(a.value(scope) for a in self.arguments))


@dataclass(frozen=True)
class Inner(Node):
    """`a @ b` of two vectors."""

    left: Node
    right: Node
    level: ClassVar[int] = PRODUCT

    def text(self) -> str:
        return f"{within(self.left, PRODUCT)} @ {within(self.right, SIGN)}"

    def value(self, scope: Scope) -> float:
        pairs = zip(vector(self.left, scope), vector(self.right, scope), strict=True)
        return sum(a * b for a, b in pairs)
