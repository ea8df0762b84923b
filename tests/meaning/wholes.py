"""Seeded random numbers of data sets: means, fractions, groups, tails, and their arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from meaning.arithmetic import Arithmetic, Call, Extreme
from meaning.events import Both, Chain, Not
from meaning.expressions import TEXTS, Writer
from meaning.means import Groups, Mean, OfGroups, OverValues, Tail
from meaning.tree import Bound, Column, Node, Number, Truth, Word
from meaning.world import Scope

GROUPED = ("s", "t", "k")
"""Columns with groups."""


def compared(node: Node) -> Node:
    """The same with `q == true` for a bool column alone behind a bar, which `max` and `min` would
    take for groups."""
    if isinstance(node, Mean) and isinstance(node.condition, Column):
        return replace(node, condition=Chain((node.condition, Truth(True)), ("==",)))
    if isinstance(node, Arithmetic):
        return replace(node, left=compared(node.left), right=compared(node.right))
    return node


@dataclass
class WholeWriter(Writer):
    """Draws numbers of data sets.

    `named` is the data set that every mean names; `anywhere` lets each choose its own.
    """

    named: str | None = None
    anywhere: bool = False

    def data(self) -> str | None:
        """The data set that a mean names."""
        if self.anywhere:
            return self.rng.choice([*self.made.tables, None])
        return self.named

    def condition(self) -> Node:
        """A condition; now and then one that never holds."""
        if self.chance(0.05):
            return Chain((Column("w"), Number("-1")), ("<",))
        return self.event(2)

    def mean(self, depth: int = 3) -> Mean:
        """A mean of numbers, or a fraction of events (also written as a mean)."""
        body, word = (self.number(depth), "E") if self.chance(0.5) else (self.event(depth), "P")
        if word == "P" and self.chance(0.2):
            word = "E"
        return Mean(word, body, self.condition() if self.chance(0.5) else None, self.data())

    def groups(self) -> Groups:
        """One number a group, of one column or two."""
        columns = tuple(self.rng.sample(GROUPED, self.rng.choice([1, 1, 2])))
        if len(columns) == 2 and not self.crossed(columns):
            columns = columns[:1]
        mean = self.mean(2)
        if isinstance(mean.condition, Column):
            mean = replace(mean, condition=Not(mean.condition))  # a column would be a group
        found = Groups(mean.word, mean.body, columns, mean.condition, mean.data)
        return found if self.all_or_none(found) else replace(found, condition=None)

    def all_or_none(self, groups: Groups) -> bool:
        """Whether the condition leaves examples in every group of the default data, or in none:
        what a condition that takes a group away means is not settled."""
        world = self.made.world
        scope = Scope(world, world.default)
        counts = replace(groups, word="E", body=Number("1"), data=None).cells(scope).values()
        return len({math.isnan(c) for c in counts}) == 1

    def crossed(self, columns: tuple[str, ...]) -> bool:
        """Whether every combination of groups occurs in the default data."""
        train = self.made.world.tables[self.made.world.default].columns
        seen = set(zip(*(train[c] for c in columns), strict=True))
        return len(seen) == math.prod(len(self.made.world.groups(c)) for c in columns)

    def of_groups(self) -> Node:
        """`gap`, `ratio` and other numbers of groups."""
        groups = self.groups()
        word = self.rng.choice(["gap", "gap", "ratio", "max", "min", "sum"])
        if word == "ratio" and groups.word == "E":
            groups = replace(groups, body=Call("abs", (groups.body,)))
        return OfGroups(word, groups)

    def over_values(self) -> Node:
        """`max(P[.. | s == g] for g in values(s))`."""
        column = self.rng.choice(GROUPED)
        mean = self.mean(2)
        same: Node = Chain((Column(column), Bound("g")), ("==",))
        both = same if mean.condition is None else Both(same, mean.condition)
        where = None
        if self.chance(0.3):
            value: Node = Word(self.rng.choice(TEXTS[column])) if column in TEXTS else Number("2")
            where = Chain((Bound("g"), value), ("!=",))
        word = self.rng.choice(["sum", "max", "min"])
        return OverValues(word, replace(mean, condition=both), "g", column, where)

    def tail(self) -> Node | None:
        """`cvar` or `quantile`, which name no data themselves."""
        if self.anywhere or self.named:
            return None
        return Tail(
            self.rng.choice(["cvar", "quantile"]),
            self.number(2),
            Number(self.rng.choice(["0.9", "0.5", "75%", "0.8"])),
        )

    def ratio(self) -> Node:
        """`P[a and b] / P[b]`, `E[a] / E[non-negative]`."""
        data, event = self.data(), self.event(2)
        if self.chance(0.6):
            top = Mean("P", Both(self.event(1), event), None, data)
            return Arithmetic(top, "/", Mean("P", event, None, data))
        top, bottom = Mean("E", self.number(2), None, data), Call("abs", (self.positive(1),))
        return Arithmetic(top, "/", Mean("E", bottom, None, data))

    def centered(self) -> Node | None:
        """`E[(a - E[a])*b]`: a mean within a mean."""
        if self.anywhere:
            return None
        a, b = self.number(1), self.number(1)
        inner = Mean("E", a, None, self.named)
        body = Arithmetic(Arithmetic(a, "-", inner), "*", b)
        return Mean("E", body, None, self.named)

    def whole(self, depth: int = 2) -> Node:
        """A number of data sets."""
        if depth <= 0 or self.chance(0.6):
            return self.one(
                self.mean,
                self.mean,
                self.mean,
                self.of_groups,
                self.of_groups,
                self.over_values,
                self.tail,
                self.centered,
            )
        a, b = self.whole(depth - 1), self.whole(depth - 1)
        return self.one(
            lambda: Arithmetic(a, self.rng.choice("+-*"), b),
            lambda: Arithmetic(self.rng.choice([self.constant(), self.param()]), "*", a),
            lambda: Arithmetic(a, "-", self.constant()),
            lambda: Call("abs", (Arithmetic(a, "-", b),)),
            lambda: Extreme(self.rng.choice(["max", "min"]), (compared(a), compared(b))),
            self.ratio,
        )
