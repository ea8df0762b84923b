"""What a spec measures: its objective, metrics and requirements, by loops over examples."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass

from meaning.means import Groups, Mean, OfGroups, OverValues, Tail, mean, standard_error
from meaning.outputs import Loss
from meaning.tree import OR, Node, holds, nodes, number, within
from meaning.world import Plain, Scope, World

OF_DATA = (Mean, Loss, Tail, OfGroups, OverValues)
"""What is measured on data: a requirement with a bound of data rests on all of them."""

FLIPPED = {"<=": ">=", ">=": "<=", "==": "=="}


def alone(node: Node, scope: Scope) -> float:
    """The value of a metric, an objective or a side; a bare loss alone is its mean."""
    if isinstance(node, Loss):
        return Mean("E", node).value(scope)
    return number(node, scope)


@dataclass(frozen=True)
class Metric:
    """`metric name = body`; by group one number a group, `name[a]`, `name[a, b]`."""

    name: str
    body: Node

    def text(self) -> str:
        return f"metric {self.name} = {self.body.text()}"

    def expected(self, world: World) -> dict[str, float]:
        """Name to value."""
        scope = Scope(world, world.default)
        if isinstance(self.body, Groups):
            cells = self.body.cells(scope)
            return {f"{self.name}[{', '.join(map(str, g))}]": v for g, v in cells.items()}
        return {self.name: alone(self.body, scope)}


@dataclass(frozen=True)
class Objective:
    """`minimize body`; a body of one number an example means its mean over the default data."""

    body: Node
    per_example: bool
    sense: str = "minimize"

    def text(self) -> str:
        return f"{self.sense} {self.body.text()}"

    def expected(self, world: World) -> float:
        """Its value as written."""
        scope = Scope(world, world.default)
        if self.per_example:
            return mean([number(self.body, s) for s in scope.examples(None)])
        return number(self.body, scope)


@dataclass(frozen=True)
class Judged:
    """What is to be reported of one requirement; `n` and `standard_error` only of plain means."""

    name: str
    left: float
    relation: str
    right: float
    split: str
    n: int | None = None
    standard_error: float | None = None
    soft: bool = False
    tolerance: float | None = None

    @property
    def violation(self) -> float:
        """How far the relation is from holding; not measured stays not measured."""
        difference = self.left - self.right
        if math.isnan(difference):
            return difference
        if self.relation == "==":
            return abs(difference)
        return max(0.0, difference if self.relation == "<=" else -difference)


@dataclass(frozen=True)
class Members:
    """`forall g in values(s) where ...`, `forall (g, h) in cross(s, t) where count >= k`."""

    names: tuple[str, ...]
    columns: tuple[str, ...]
    at_least: int = 0
    where: Node | None = None
    form: str = "cross"
    values: tuple[int, ...] = ()

    def text(self) -> str:
        if self.values:
            listed = ", ".join(map(str, self.values))
            if self.values == tuple(range(len(self.values))) and len(self.values) > 2:
                return f"forall {self.names[0]} in range({len(self.values)}): "
            return f"forall {self.names[0]} in {{{listed}}}: "
        if len(self.names) == 1:
            condition = "" if self.where is None else f" where {within(self.where, OR)}"
            return f"forall {self.names[0]} in values({self.columns[0]}){condition}: "
        parts = [f"{n} in values({c})" for n, c in zip(self.names, self.columns, strict=True)]
        if self.form == "comma":
            return f"forall {', '.join(parts)}: "
        if self.form == "nested":
            return "".join(f"forall {part}: " for part in parts)
        over = f"({', '.join(self.names)}) in cross({', '.join(self.columns)})"
        return f"forall {over}{f' where count >= {self.at_least}' if self.at_least else ''}: "

    def scopes(self, scope: Scope) -> list[tuple[str, Scope]]:
        """Name of each member, and the scope it is measured in; groups are counted in the default
        data set."""
        if self.values:
            return [(str(v), scope.bind(**{self.names[0]: v})) for v in self.values]
        world, found = scope.world, []
        rows = list(
            zip(*(world.tables[world.default].columns[c] for c in self.columns), strict=True)
        )
        for group in itertools.product(*(world.groups(c) for c in self.columns)):
            inner = scope.bind(**dict(zip(self.names, group, strict=True)))
            if rows.count(group) >= max(self.at_least, 1) and holds(self.where, inner):
                found.append((member_name(group), inner))
        return found


def member_name(group: tuple[Plain, ...]) -> str:
    """`a`, or `a, b`."""
    return ", ".join(map(str, group))


@dataclass(frozen=True)
class Constraint:
    """`label: forall ...: left <= right on data`, or a chain `low <= middle <= high`."""

    label: str
    sides: tuple[Node, ...]
    relations: tuple[str, ...]
    members: Members | None = None
    on: str | None = None
    modifier: str = ""

    def text(self) -> str:
        out = f"{self.label}: {self.members.text() if self.members else ''}{self.sides[0].text()}"
        for relation, side in zip(self.relations, self.sides[1:], strict=True):
            out += f" {relation} {side.text()}"
        return out + (f" on {self.on}" if self.on else "") + self.modifier

    def expected(self, world: World, verified: str) -> list[Judged]:
        """Each member and each relation, measured on the data of `verify` unless data are named."""
        scope = Scope(world, self.on or verified)
        if self.members is None:
            return self.judged(self.label, scope)
        inner = self.members.scopes(scope)
        return [j for name, s in inner for j in self.judged(self.label, s, f"[{name}]")]

    def judged(self, name: str, scope: Scope, member: str = "") -> list[Judged]:
        """The relations of one member."""
        links = list(zip(self.sides, self.relations, self.sides[1:], strict=False))
        return [
            self.link(name + self.suffix(i, len(links)) + member, scope, *link)
            for i, link in enumerate(links)
        ]

    def suffix(self, i: int, links: int) -> str:
        """`.lo` and `.hi` of a chain of two, `.1`, `.2` of equalities."""
        if links == 1:
            return ""
        if self.relations[0] == "==":
            return f".{i + 1}"
        return ".lo" if (i == 0) == (self.relations[0] == "<=") else ".hi"

    def link(self, name: str, scope: Scope, left: Node, relation: str, right: Node) -> Judged:
        """One relation."""
        plain = [s for s in (left, right) if isinstance(s, Mean | Loss)]
        beside = tuple(s for s in (left, right) if not isinstance(s, Mean | Loss))
        values: list[float] | None = None
        split = scope.over
        if len(plain) == 1 and not any(isinstance(n, OF_DATA) for n in nodes(beside)):
            body = plain[0] if isinstance(plain[0], Mean) else Mean("E", plain[0])
            values, split = body.values(scope), body.data or scope.over
        within_given = re.fullmatch(r" within (.*)", self.modifier)
        return Judged(
            name=name,
            soft=self.modifier.startswith(" soft"),
            tolerance=float(within_given[1]) if within_given else None,
            left=alone(left, scope),
            relation=relation,
            right=alone(right, scope),
            split=split,
            n=None if values is None else len(values),
            standard_error=None if values is None else standard_error(values),
        )
