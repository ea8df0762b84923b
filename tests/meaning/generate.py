"""Seeded random specs over made data, with what each of their numbers should be."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from meaning.arithmetic import Arithmetic, Call, Extreme
from meaning.evaluator import Constraint, Judged, Members, Metric, Objective
from meaning.events import Both, Chain
from meaning.expressions import TEXTS, Writer, moves
from meaning.made import Made, make
from meaning.means import Groups, Mean, OfGroups, OfWeights, OverValues, Tail
from meaning.outputs import Loss
from meaning.tree import Bound, Column, Level, Node, Number, Word, nodes, number
from meaning.world import Scope

FIT = "fit(optimizer=sgd(lr=1e-30), steps=1, batch_size=full{precision})"
"""One step that moves nothing: values can be recomputed from the given model."""

GROUPED = ("s", "t", "k")


@dataclass(frozen=True)
class Written:
    """A spec in parts, so that each part can also be run alone."""

    seed: int
    made: Made
    defined: tuple[str, ...]
    objective: Objective
    constraints: tuple[Constraint, ...]
    metrics: tuple[Metric, ...]
    verified: str | None
    double: bool
    params: Mapping[str, Any]

    @property
    def text(self) -> str:
        parts = (self.objective, self.constraints, self.metrics)
        lines = [self.made.header.rstrip("\n"), *self.used(parts), self.objective.text()]
        for i, constraint in enumerate(self.constraints):
            lines.append(("     " if i else "s.t. ") + constraint.text())
        lines += [m.text() for m in self.metrics]
        if self.verified:
            lines.append(f"verify all on {self.verified}")
        return "\n".join(
            [*lines, FIT.format(precision=", precision=float64" if self.double else "")]
        )

    def used(self, parts: object) -> list[str]:
        """The lines of params and lets that anything refers to."""
        names = {getattr(n, "name", None) for n in nodes(parts)}
        return [line for line in self.defined if re.split(r"[\s\[(]+", line)[1] in names]

    @property
    def names(self) -> dict[str, Any]:
        """Everything that the spec is bound to."""
        text = self.text
        given = {n: v for n, v in self.params.items() if f"param {n}" in text}
        return {**self.made.names, **given}

    def judged(self) -> list[Judged]:
        """Every requirement, as it should be reported."""
        world = self.made.world
        return [j for c in self.constraints for j in c.expected(world, self.verified or "train")]


@dataclass
class SpecWriter(Writer):
    """Draws numbers of whole data sets, metrics and requirements.

    `named` is the data set that every mean names; `anywhere` lets each choose its own.
    """

    named: str | None = None
    anywhere: bool = False
    levels: int = 0

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
        body, word = (self.number(depth), "E") if self.chance(0.5) else (self.event(depth), "P")
        if word == "P" and self.chance(0.2):
            word = "E"
        return Mean(word, body, self.condition() if self.chance(0.5) else None, self.data())

    def groups(self) -> Groups:
        columns = tuple(self.rng.sample(GROUPED, self.rng.choice([1, 1, 2])))
        if len(columns) == 2 and not self.crossed(columns):
            columns = columns[:1]
        mean = self.mean(2)
        return Groups(mean.word, mean.body, columns, mean.condition, mean.data)

    def crossed(self, columns: tuple[str, ...]) -> bool:
        """Whether every combination of groups occurs in the default data."""
        train = self.made.world.tables["train"].columns
        seen = set(zip(*(train[c] for c in columns), strict=True))
        return len(seen) == math.prod(len(self.made.world.groups(c)) for c in columns)

    def of_groups(self) -> Node:
        groups = self.groups()
        word = self.rng.choice(["gap", "gap", "ratio", "max", "min", "sum"])
        if word == "ratio" and groups.word == "E":
            groups = replace(groups, body=Call("abs", (groups.body,)))
        return OfGroups(word, groups)

    def over_values(self) -> Node:
        column = self.rng.choice(GROUPED)
        mean = self.mean(2)
        same: Node = Chain((Column(column), Bound("g")), ("==",))
        mean = replace(
            mean, condition=same if mean.condition is None else Both(same, mean.condition)
        )
        where = None
        if self.chance(0.3):
            value: Node = Word(self.rng.choice(TEXTS[column])) if column in TEXTS else Number("2")
            where = Chain((Bound("g"), value), ("!=",))
        return OverValues(self.rng.choice(["sum", "max", "min"]), mean, "g", column, where)

    def tail(self) -> Node | None:
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

    def whole(self, depth: int = 2) -> Node:
        """A number of data sets."""
        if depth <= 0 or self.chance(0.6):
            return self.one(self.mean, self.mean, self.of_groups, self.over_values, self.tail)
        a, b = self.whole(depth - 1), self.whole(depth - 1)
        return self.one(
            lambda: Arithmetic(a, self.rng.choice("+-*"), b),
            lambda: Arithmetic(self.rng.choice([self.constant(), self.param()]), "*", a),
            lambda: Arithmetic(a, "-", self.constant()),
            lambda: Call("abs", (Arithmetic(a, "-", b),)),
            lambda: Extreme(self.rng.choice(["max", "min"]), (a, b)),
            self.ratio,
        )

    # ------------------------------------------------------------------------- whole lines

    def metric(self, name: str) -> Metric:
        self.smooth, self.anywhere, self.named = False, True, None
        body = self.one(
            self.whole,
            self.whole,
            self.whole,
            self.groups,
            lambda: self.loss() if self.single and self.chance(0.2) else None,
            lambda: OfWeights(self.rng.choice(["l1", "l2", "sumsq", "density"])),
        )
        if isinstance(body, Loss) and not body.bare:
            body = Mean("E", body)
        return Metric(name, body)

    def objective(self) -> Objective:
        """One number an example, or of the data set; something that a step can move."""
        self.smooth, self.anywhere, self.named = True, False, None
        loss = self.loss()
        choice = self.rng.randrange(5)
        if choice == 0:
            return Objective(loss, per_example=True)
        if choice == 1:
            weighted = Arithmetic(self.rng.choice([Column("w"), Number("2")]), "*", loss)
            return Objective(weighted, per_example=True)
        if choice == 2:
            return Objective(Mean("E", loss), per_example=False)
        if choice == 3:
            extra = Arithmetic(Number("0.01"), "*", OfWeights("l2"))
            return Objective(Arithmetic(Mean("E", loss), "+", extra), per_example=False)
        return Objective(Arithmetic(loss, "+", self.number(2)), per_example=True)

    def members(self) -> tuple[Members, Node]:
        """A quantifier over groups, and the event of being in the group."""
        if self.chance(0.6):
            column = self.rng.choice(GROUPED)
            same = Chain((Column(column), Bound("g")), ("==",))
            return Members(("g",), (column,)), same
        pair = tuple(self.rng.sample(GROUPED, 2))
        events = [Chain((Column(c), Bound(n)), ("==",)) for c, n in zip(pair, "gh", strict=True)]
        return Members(("g", "h"), pair, at_least=self.rng.randint(1, 5)), Both(*events)

    def constraint(self, label: str, verified: str | None) -> Constraint | None:
        """A requirement that a model can move, with a bound that another model attains."""
        self.smooth, self.anywhere = True, self.chance(0.15)
        self.named = self.rng.choice([None, None, None, *self.made.tables])
        on = None
        if self.named and not self.anywhere and self.chance(0.4):
            on, self.named = self.named, None
        if self.anywhere and verified:
            return None
        if self.chance(0.3):
            return self.quantified(label, on)
        body = self.one(
            self.whole,
            self.whole,
            self.mean,
            self.ratio,
            self.tail,
            lambda: replace(self.loss(), bare=True) if self.single and self.named is None else None,
        )
        bound = self.bound(body, on)
        if not moves(body) or bound is None:
            return None
        return self.related(label, body, bound, on)

    def related(self, label: str, body: Node, bound: float, on: str | None) -> Constraint:
        written = Number(f"{bound:.9g}")
        relation = self.rng.choice(["<=", ">="])
        choice = self.rng.randrange(8)
        if choice == 0:
            return Constraint(label, (body, written), ("==",), on=on)
        if choice == 1:
            return Constraint(label, (written, body), (relation,), on=on)
        if choice == 2 and not isinstance(body, Loss):
            moved = Arithmetic(self.mean(1), "+", written)
            return Constraint(label, (body, moved), (relation,), on=on)
        if choice == 3:
            value = self.value(body, on)
            if math.isfinite(value) and value != bound:
                other = Number(f"{(value + bound) / 2:.9g}")
                low, high = sorted((written, other), key=lambda n: float(n.written))
                return Constraint(label, (low, body, high), ("<=", "<="), on=on)
        return Constraint(label, (body, written), (relation,), on=on)

    def quantified(self, label: str, on: str | None) -> Constraint | None:
        members, inside = self.members()
        mean = self.mean(2)
        whole = inside if mean.condition is None else Both(inside, mean.condition)
        body = replace(mean, condition=whole)
        if not moves(body):
            return None
        scope = Scope(self.made.world, "train")
        found = [self.bound(body, on, s) for _, s in members.scopes(scope)]
        known = [b for b in found if b is not None]
        if not known:
            return None
        written: Node = Number(f"{self.rng.choice(known):.9g}")
        if len(members.columns) == 1 and len(known) == len(found) and self.chance(0.3):
            written = self.level(members, known)
        return Constraint(label, (body, written), (self.rng.choice(["<=", ">="]),), members, on)

    def level(self, members: Members, bounds: list[float]) -> Node:
        """A table param with one bound a group."""
        name, column = f"level{self.levels}", members.columns[0]
        self.levels += 1
        groups = self.made.world.groups(column)
        self.made.world.levels[name] = dict(zip(groups, bounds, strict=True))  # type: ignore[index]
        self.params[name] = f"table over {column}"
        return Level(name, Bound("g"))

    def value(self, body: Node, on: str | None) -> float:
        scope = Scope(self.made.world, on or "train")
        return (Mean("E", body) if isinstance(body, Loss) else body).value(scope)  # type: ignore[return-value]

    def bound(self, body: Node, on: str | None, scope: Scope | None = None) -> float | None:
        """A number between the value and the value of another model, so that it can be attained;
        None where both models give the same."""
        scope = scope or Scope(self.made.world, on or "train")
        scope = replace(scope, over=on or scope.over)
        node = Mean("E", body) if isinstance(body, Loss) else body
        value = number(node, scope)
        other = number(node, replace(scope, world=replace(self.made.other, **self.shared())))
        if not math.isfinite(value) or not math.isfinite(other):
            return 0.5 if isinstance(node, Mean) and node.word == "P" else None
        if abs(other - value) < 1e-4 * max(abs(value), 1e-6):
            return None
        return value + self.rng.uniform(0.2, 0.9) * (other - value)

    def shared(self) -> dict[str, Any]:
        world = self.made.world
        return {"params": world.params, "vectors": world.vectors, "levels": world.levels}


def param_lines(writer: SpecWriter) -> tuple[list[str], dict[str, Any]]:
    """The lines of params, and the values of those that are set from outside."""
    lines, outside = [], {}
    world = writer.made.world
    for name, kind in writer.params.items():
        value: Any = world.params.get(name, world.vectors.get(name, world.levels.get(name)))
        if kind.startswith("table"):
            lines.append(f"param {name}[{kind.split()[-1]}]")
            outside[name] = dict(value)
            continue
        size = f"[{len(value)}]" if kind == "vector" else ""
        if writer.chance(0.5):
            lines.append(f"param {name}{size} = {value}")
        else:
            lines.append(f"param {name}{size}")
            outside[name] = value
    return lines, outside


def generate(seed: int, metrics: int = 8, constraints: int = 4, simple: bool = False) -> Written:
    """The spec of a seed."""
    rng = random.Random(seed)
    made = make(rng, simple=simple)
    writer = SpecWriter(rng, made)
    verified = rng.choice([None, "val"]) if "val" in made.tables else None
    objective = writer.objective()
    required: list[Constraint] = []
    for i in range(3 * constraints):
        found = writer.constraint(f"c{i}", verified)
        if found is not None and len(required) < constraints:
            required.append(found)
    recorded = [writer.metric(f"m{i}") for i in range(metrics)]
    lines, outside = param_lines(writer)
    lets = [let.line() for let in writer.lets]
    return Written(
        seed=seed,
        made=made,
        defined=(*lines, *lets),
        objective=objective,
        constraints=tuple(required),
        metrics=tuple(recorded),
        verified=verified,
        double=rng.random() < 0.85,
        params=outside,
    )
