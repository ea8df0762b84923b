"""Numbers of a whole data set: means, fractions, groups, tails, and sizes of weights."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meaning.arithmetic import REDUCTIONS, divide, greatest, smallest
from meaning.tree import OR, Node, holds, number, within
from meaning.world import NOT_MEASURED, Plain, Scope


def behind_bar(conditions: Sequence[str], data: str | None) -> str:
    """What stands in the brackets behind the expression."""
    bar = f" | {', '.join(conditions)}" if conditions else ""
    return bar + (f" on {data}" if data else "")


def mean(values: Sequence[float]) -> float:
    """The mean; over nothing it is not measured."""
    return sum(values) / len(values) if values else NOT_MEASURED


def rounded(values: Sequence[float], off: float) -> float:
    """The mean, off by so much of the mean size of the values."""
    return mean(values) + (off * mean([abs(v) for v in values]) if off else 0.0)


def standard_error(values: Sequence[float]) -> float:
    """s / sqrt(n) of a mean, with s the standard deviation of the sample (n - 1)."""
    if len(values) < 2:
        return NOT_MEASURED
    center = mean(values)
    variance = sum((v - center) ** 2 for v in values) / (len(values) - 1)
    return math.sqrt(variance / len(values))


@dataclass(frozen=True)
class Mean(Node):
    """`E[body | condition on data]`, `P[event | condition on data]`: the mean of the body, or the
    fraction of the examples where the event happens, among the examples where the condition holds.
    """

    word: str
    body: Node
    condition: Node | None = None
    data: str | None = None

    def text(self) -> str:
        conditions = [] if self.condition is None else [within(self.condition, OR)]
        return f"{self.word}[{self.body.text()}{behind_bar(conditions, self.data)}]"

    def values(self, scope: Scope) -> list[float]:
        """What is averaged: one number for each example that counts."""
        counted = (s for s in scope.examples(self.data) if holds(self.condition, s))
        return [number(self.body, s) for s in counted]

    def value(self, scope: Scope) -> float:
        return rounded(self.values(scope), scope.world.rounding)


@dataclass(frozen=True)
class Groups(Node):
    """`P[event | s, t, condition on data]`: one number for each combination of the values."""

    word: str
    body: Node
    columns: tuple[str, ...]
    condition: Node | None = None
    data: str | None = None

    def text(self) -> str:
        conditions = [*self.columns]
        if self.condition is not None:
            conditions.append(within(self.condition, OR))
        return f"{self.word}[{self.body.text()}{behind_bar(conditions, self.data)}]"

    def cells(self, scope: Scope) -> dict[tuple[Plain, ...], float]:
        """The number of each group; a group without examples here is not measured."""
        groups = itertools.product(*(scope.world.groups(c) for c in self.columns))
        off = scope.world.rounding
        return {
            group: rounded(self.values(scope, group), off * (-1) ** i)
            for i, group in enumerate(groups)
        }

    def values(self, scope: Scope, group: tuple[Plain, ...]) -> list[float]:
        """What is averaged in a group."""
        return [
            number(self.body, s)
            for s in scope.examples(self.data)
            if holds(self.condition, s)
            and all(
                s.table.columns[c][s.row] == v for c, v in zip(self.columns, group, strict=True)
            )
        ]

    def value(self, scope: Scope) -> list[float]:
        return list(self.cells(scope).values())


OF_GROUPS: dict[str, Callable[[Sequence[float]], float]] = {
    "gap": lambda v: greatest(*v) - smallest(*v),
    "ratio": lambda v: divide(smallest(*v), greatest(*v)),
    "max": lambda v: greatest(*v),
    "min": lambda v: smallest(*v),
    "sum": sum,
}


@dataclass(frozen=True)
class OfGroups(Node):
    """`gap(v)` = max - min, `ratio(v)` = min / max, `max(v)`, `min(v)`, `sum(v)` over groups."""

    word: str
    groups: Groups

    def text(self) -> str:
        return f"{self.word}({self.groups.text()})"

    def value(self, scope: Scope) -> float:
        return OF_GROUPS[self.word](self.groups.value(scope))


@dataclass(frozen=True)
class OverValues(Node):
    """`max(body for g in values(s) where g != "a")`: over the groups of the default data set."""

    word: str
    body: Node
    name: str
    column: str
    where: Node | None = None

    def text(self) -> str:
        condition = "" if self.where is None else f" where {within(self.where, OR)}"
        groups = f"{self.name} in values({self.column}){condition}"
        return f"{self.word}({self.body.text()} for {groups})"

    def value(self, scope: Scope) -> float:
        inner = [scope.bind(**{self.name: g}) for g in scope.world.groups(self.column)]
        return REDUCTIONS[self.word]([number(self.body, s) for s in inner if holds(self.where, s)])


def quantile(values: Sequence[float], q: float) -> float:
    """The q-quantile, linear between neighbors: place q (n - 1) of the sorted values."""
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    low = math.floor(place + 1e-12)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def tail_mean(values: Sequence[float], level: float) -> float:
    """The mean of the worst (largest) share 1 - level; an example on the edge counts in part."""
    share = (1 - level) * len(values)
    total, left = 0.0, share
    for value in sorted(values, reverse=True):
        part = min(1.0, left)
        total, left = total + part * value, left - part
        if left <= 1e-9:
            break
    return total / share


@dataclass(frozen=True)
class Tail(Node):
    """`cvar(expr, 0.9)`, `quantile(expr, 0.5)` over the examples."""

    word: str
    body: Node
    share: Node

    def text(self) -> str:
        return f"{self.word}({self.body.text()}, {self.share.text()})"

    def value(self, scope: Scope) -> float:
        values = [number(self.body, s) for s in scope.examples(None)]
        share = number(self.share, scope)
        return tail_mean(values, share) if self.word == "cvar" else quantile(values, share)


@dataclass(frozen=True)
class OfWeights(Node):
    """`l2(f.weights)`, `sumsq(f.weights)`, `density(f)`: of all weights as one vector."""

    word: str
    model: str = "f"

    def text(self) -> str:
        return (
            f"density({self.model})"
            if self.word == "density"
            else f"{self.word}({self.model}.weights)"
        )

    def value(self, scope: Scope) -> float:
        entries = [w for weight in scope.world.weights[self.model] for w in weight]
        if self.word == "density":
            return sum(w != 0 for w in entries) / len(entries)
        return REDUCTIONS[self.word](entries)
