"""Seeded random lines of a spec: objectives, metrics, and requirements that can be met."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from meaning.arithmetic import Arithmetic
from meaning.evaluator import Constraint, Members, Metric, Objective
from meaning.events import Both, Chain
from meaning.expressions import moves
from meaning.means import Mean, OfWeights
from meaning.outputs import Loss, OutputAt, Pred, Prob
from meaning.tree import Bound, Column, Level, Node, Number, number
from meaning.wholes import GROUPED, WholeWriter
from meaning.world import Scope

KEYWORDS = ("on", "by", "where", "soft", "with", "every", "within", "in", "or", "for", "metric")
"""Words of the language that may be labels."""


@dataclass
class RequirementWriter(WholeWriter):
    """Draws whole lines."""

    levels: int = 0
    required: set[str] = field(default_factory=set)
    """What requirements are about: two random bounds on one number may leave it no value."""

    def metric(self, name: str) -> Metric:
        self.smooth, self.anywhere, self.named = False, self.chance(0.7), None
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
        """Something that a step can move."""
        for _ in range(20):
            found = self.any_objective()
            if moves(found.body):
                return found
        raise AssertionError("no objective that moves")

    def any_objective(self) -> Objective:
        """One number an example, or of the data set."""
        self.smooth, self.anywhere, self.named = True, False, None
        loss = self.loss()
        choice = self.rng.randrange(6)
        if choice == 0:
            return Objective(loss, per_example=True)
        if choice == 1:
            weighted = Arithmetic(self.rng.choice([Column("w"), Number("2")]), "*", loss)
            return Objective(weighted, per_example=True)
        if choice == 2:
            return Objective(Mean("E", loss), per_example=False)
        if choice == 3:
            extra = Arithmetic(Number("0.01"), "*", OfWeights(self.rng.choice(["l2", "sumsq"])))
            return Objective(Arithmetic(Mean("E", loss), "+", extra), per_example=False)
        if choice == 4:
            extra = Arithmetic(Number("0.01"), "*", OfWeights("sumsq"))
            return Objective(Arithmetic(loss, "+", extra), per_example=True)
        return Objective(Arithmetic(loss, "+", self.number(2)), per_example=True)

    # ------------------------------------------------------------------------ requirements

    def constraint(self, label: str, verified: str | None) -> Constraint | None:
        """A requirement that a model can move, on something that no other one is about."""
        found = self.any_constraint(label, verified)
        sides = found.sides if found else ()
        texts = {side.text() for side in sides if not isinstance(side, Number)}
        if texts & self.required:
            return None
        self.required |= texts
        return found

    def any_constraint(self, label: str, verified: str | None) -> Constraint | None:
        """A requirement that a model can move, with a bound that another model attains."""
        self.smooth, self.anywhere = True, self.chance(0.15)
        self.named = self.rng.choice([None, None, None, *self.made.tables])
        if self.chance(0.1):
            label = self.rng.choice(KEYWORDS) if label == "c0" else label
        on = None
        if self.named and not self.anywhere and self.chance(0.4):
            on, self.named = self.named, None
        if self.anywhere and verified:
            return None
        choice = self.rng.random()
        if choice < 0.25:
            return self.of_members(label, on)
        if choice < 0.35:
            return self.of_classes(label, on)
        return self.of_one(label, on)

    def of_one(self, label: str, on: str | None) -> Constraint | None:
        """A requirement on one number."""
        bare = self.single and self.named is None
        body = self.one(
            self.whole,
            self.whole,
            self.mean,
            self.ratio,
            self.tail,
            lambda: replace(self.loss(), bare=True) if bare else None,
        )
        bound = self.bound(body, on)
        if not moves(body) or bound is None:
            return None
        return self.related(label, body, bound, on)

    def related(self, label: str, body: Node, bound: float, on: str | None) -> Constraint | None:
        """The number beside its bound: to its left or right, in a chain, beside another number."""
        written = Number(f"{bound:.9g}")
        relation = self.rng.choice(["<=", ">="])
        choice = self.rng.randrange(9)
        if choice == 0:
            return Constraint(label, (body, written), ("==",), on=on)
        if choice == 1:
            return Constraint(label, (written, body), (relation,), on=on)
        if choice == 2 and not isinstance(body, Loss):
            return self.beside(label, body, on)
        if choice == 3:
            value = self.value(body, on)
            if math.isfinite(value) and value != bound:
                other = Number(f"{(value + bound) / 2:.9g}")
                low, high = sorted((written, other), key=lambda n: float(n.written))
                if self.chance(0.3):
                    return Constraint(label, (high, body, low), (">=", ">="), on=on)
                return Constraint(label, (low, body, high), ("<=", "<="), on=on)
        modifier = self.rng.choice(["", "", "", " within 0.01", " soft(weight=0.5)", " soft"])
        return Constraint(label, (body, written), (relation,), on=on, modifier=modifier)

    def beside(self, label: str, body: Node, on: str | None) -> Constraint | None:
        """`body <= other + c`, with c so that another model has them equal."""
        other = self.mean(1)
        bound = self.bound(Arithmetic(body, "-", other), on)
        if bound is None:
            return None
        right = Arithmetic(other, "+", Number(f"{bound:.9g}"))
        return Constraint(label, (body, right), (self.rng.choice(["<=", ">="]),), on=on)

    def of_members(self, label: str, on: str | None) -> Constraint | None:
        """`forall g in values(s): E[.. | s == g] <= ..`, or over two columns."""
        members, inside = self.members()
        mean = self.mean(2)
        whole = inside if mean.condition is None else Both(inside, mean.condition)
        return self.quantified(label, members, replace(mean, condition=whole), on)

    def members(self) -> tuple[Members, Node]:
        """A quantifier over groups, and the event of being in the group."""
        if self.chance(0.6):
            column = self.rng.choice(GROUPED)
            same = Chain((Column(column), Bound("g")), ("==",))
            return Members(("g",), (column,)), same
        pair = tuple(self.rng.sample(GROUPED, 2))
        events = [Chain((Column(c), Bound(n)), ("==",)) for c, n in zip(pair, "gh", strict=True)]
        form = self.rng.choice(["cross", "cross", "comma", "nested"])
        least = self.rng.randint(1, 5) if form == "cross" else 0
        if form != "cross" and not self.crossed(pair):
            form, least = "cross", 1
        return Members(("g", "h"), pair, least, form=form), Both(*events)

    def of_classes(self, label: str, on: str | None) -> Constraint | None:
        """`forall j in {0, 1}: P[pred == j | y == j] >= ..`, `E[prob[j]]`, `E[f(x)[j]]`."""
        made = self.made
        if made.target not in ("classes", "gap", "log"):
            return None
        logits, bare, j = self.logits(), self.single, Bound("j")
        chosen = Chain((Pred(logits, bare), j), ("==",))
        own = Chain((Column("y"), j), ("==",))
        body = self.one(
            lambda: None if self.still else Mean("P", chosen, None, self.data()),
            lambda: None if self.still else Mean("P", chosen, own, self.data()),
            lambda: Mean("E", Prob(logits, j, bare), None, self.data()),
            lambda: Mean("E", OutputAt(logits, j), None, self.data()),
            lambda: Mean("E", OutputAt(logits, j), own, self.data()),
        )
        values = tuple(range(made.outputs)) if self.chance(0.5) else (0, made.outputs - 1)
        return self.quantified(label, Members(("j",), (), values=values), body, on)

    def quantified(
        self, label: str, members: Members, body: Mean, on: str | None
    ) -> Constraint | None:
        """A requirement on each member, with one bound or a table of them."""
        if not moves(body):
            return None
        scope = Scope(self.made.world, self.made.world.default)
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

    # ------------------------------------------------------------------------------ bounds

    def value(self, body: Node, on: str | None) -> float:
        """Its value on the default data."""
        scope = Scope(self.made.world, on or self.made.world.default)
        return number(Mean("E", body) if isinstance(body, Loss) else body, scope)

    def bound(self, body: Node, on: str | None, scope: Scope | None = None) -> float | None:
        """A number between the value and the value of another model, so that it can be attained;
        None where both models give the same."""
        scope = scope or Scope(self.made.world, self.made.world.default)
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
        """The constants of the run."""
        world = self.made.world
        return {"params": world.params, "vectors": world.vectors, "levels": world.levels}
