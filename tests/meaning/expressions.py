"""Seeded random expressions, each one that the language promises."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from meaning.arithmetic import Arithmetic, Call, Extreme, Inner, Negative, Reduce, Where
from meaning.events import Among, Between, Both, Chain, Either, Implies, Not
from meaning.made import LABELS, LOSSES, Made
from meaning.outputs import Logits, Loss, OutputAt, Pred, Prob
from meaning.tree import (
    Argument,
    Column,
    ColumnEntry,
    Feature,
    Input,
    LetUse,
    Node,
    Number,
    Param,
    ParamEntry,
    Truth,
    Vector,
    Word,
    holds,
    nodes,
    number,
)
from meaning.world import Scope

CLASSES = ("classes", "gap", "text", "log", "binary", "bool", "text2")
TEXTS = {"s": ("a", "b", "c"), "t": ("b", "c", "d")}
WHOLE = {"k": ("1", "2", "5")}
LARGEST = 1e5
"""An expression whose values grow beyond this is drawn again."""

EVENTS = (Among, Between, Both, Chain, Either, Implies, Not)
"""Nodes that are true or false."""

T = TypeVar("T")


@dataclass
class Writer:
    """Draws expressions of one example over made data.

    `smooth` leaves out what has no gradient and no surrogate; `still` all events that move with a
    model, so that everything has a gradient.
    """

    rng: random.Random
    made: Made
    smooth: bool = False
    still: bool = False
    lets: list[LetUse] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)

    # ------------------------------------------------------------------------------ choices

    def one(self, *choices: Callable[[], T | None]) -> T:
        """One of the choices that apply, drawn by chance."""
        order = list(choices)
        self.rng.shuffle(order)
        return next(found for choice in order if (found := choice()) is not None)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    @property
    def single(self) -> bool:
        """Whether bare losses, `prob` and `pred` say which outputs are meant."""
        return len(self.made.models) == 1 and self.made.parts is None

    def logits(self) -> Logits:
        """The outputs of one of the models."""
        part = self.made.parts[0] if self.made.parts else None
        return Logits(self.rng.choice(self.made.models), part)

    # ---------------------------------------------------------------------- numbers, an example

    def number(self, depth: int) -> Node:
        """One number an example, whose values can be compared to nine digits."""
        for _ in range(20):
            node = self.leaf() if depth <= 0 or self.chance(0.2) else self.compound(depth)
            if self.moderate(node):
                return node
        return Column("w")

    def moderate(self, node: Node) -> bool:
        """Whether all values are finite and neither lost nor blown up."""
        try:
            for table in self.made.tables:
                for scope in Scope(self.made.world, table).examples(table):
                    value = number(node, scope)
                    if not math.isfinite(value) or abs(value) > LARGEST:
                        return False
        except (OverflowError, ValueError, ZeroDivisionError):
            return False
        return True

    def constant(self) -> Number:
        words = ["0.5", "2", "30%", "1", "3", "1.25", "0.1", "2.5e-1", "1_0", "pi", "7.5"]
        return Number(self.rng.choice(words))

    def leaf(self) -> Node:
        return self.one(
            self.constant,
            lambda: Column(self.rng.choice(["w", "a"])),
            lambda: Column(self.rng.choice(["w", "k"])),
            self.target,
            self.feature,
            self.feature,
            self.output,
            self.output,
            self.probability,
            self.probability,
            self.predicted,
            self.loss,
            self.loss,
            self.param,
            self.let,
        )

    def target(self) -> Node | None:
        kind = self.made.target
        if kind == "reals":
            return ColumnEntry("y", self.rng.randrange(2))
        return Column("y") if kind not in ("text", "text2", "bool") else None

    def feature(self) -> Node:
        names = self.made.feature_names
        if self.made.flat or (self.made.features == 1 and self.chance(0.5)):
            return Input()
        k = self.rng.randrange(self.made.features)
        if names and self.chance(0.7):
            return Feature(names[k], dotted=names[k].isidentifier() and self.chance(0.5))
        return Feature(k)

    def output(self) -> Node:
        logits = self.logits()
        if self.made.parts and self.chance(0.3):
            return Logits(logits.model, self.made.parts[1])
        if self.made.outputs == 1:
            return logits if self.chance(0.6) else OutputAt(logits, 0)
        if self.made.target in ("classes", "gap", "text", "log") and self.chance(0.3):
            return OutputAt(logits, Column("y"))
        return OutputAt(logits, self.rng.randrange(self.made.outputs))

    def probability(self) -> Node | None:
        made = self.made
        if made.target not in CLASSES:
            return None
        bare = self.single and self.chance(0.8)
        options: list[int | str | Column | None] = [0, 1, *range(made.outputs), Column("y")]
        if made.outputs == 1:
            options.append(None)
        options += list(made.world.classes or ())
        return Prob(self.logits(), self.rng.choice(options), bare)

    def predicted(self) -> Node | None:
        known = self.made.world.classes
        if self.made.target not in CLASSES or known is not None or self.still:
            return None
        return Pred(self.logits(), self.single and self.chance(0.8))

    def loss(self) -> Node:
        word = self.rng.choice(LOSSES[self.made.target])
        return Loss(word, self.logits(), bare=self.single and self.chance(0.5))

    def param(self) -> Node:
        name = f"p{len(self.params)}"
        known = [n for n, kind in self.params.items() if kind in ("number", "vector")]
        if known and self.chance(0.5):
            return self.param_of(self.rng.choice(known))
        if self.chance(0.5):
            self.params[name] = "vector"
            size = self.rng.randint(2, 3)
            self.made.world.vectors[name] = [self.rng.uniform(-2, 2) for _ in range(size)]  # type: ignore[index]
        else:
            self.params[name] = "number"
            self.made.world.params[name] = round(self.rng.uniform(-2, 2), 3)  # type: ignore[index]
        return self.param_of(name)

    def param_of(self, name: str) -> Node:
        if self.params[name] == "number":
            return Param(name)
        return ParamEntry(name, self.rng.randrange(len(self.made.world.vectors[name])))

    def let(self) -> Node | None:
        """Use a `let` again, or define one: a name, or a function of one or two arguments."""
        if self.lets and self.chance(0.5):
            let = self.rng.choice(self.lets)
            return LetUse(let.name, let.arguments, let.body, self.given(let.arguments))
        if len(self.lets) >= 3:
            return None
        name, names = f"v{len(self.lets)}", ("u", "v")[: self.rng.randint(0, 2)]
        body = self.let_body(names)
        found = LetUse(name, names, body, self.given(names))
        self.lets.append(found)
        return found

    def let_body(self, names: tuple[str, ...]) -> Node:
        other = self.one(self.feature, self.output, self.loss, lambda: Column("w"))
        if not names:
            return Arithmetic(other, self.rng.choice("+-*"), self.constant())
        body: Node = Arithmetic(Argument(names[0]), self.rng.choice("+-*"), other)
        if len(names) == 2:
            body = Arithmetic(body, self.rng.choice("+-"), Call("tanh", (Argument(names[1]),)))
        return body

    def given(self, names: tuple[str, ...]) -> tuple[Node, ...]:
        return tuple(
            self.one(self.feature, self.output, self.constant, lambda: Column("a")) for _ in names
        )

    def compound(self, depth: int) -> Node:
        return self.one(
            lambda: self.arithmetic(depth),
            lambda: self.arithmetic(depth),
            lambda: self.function(depth),
            lambda: self.function(depth),
            lambda: self.reduced(depth),
            lambda: self.reduced(depth),
            lambda: self.inner(),
            lambda: self.event(depth - 1),
            lambda: self.weighted_event(depth),
            lambda: Where(self.event(depth - 1), self.number(depth - 1), self.number(depth - 1)),
            lambda: Negative(self.number(depth - 1)),
        )

    def arithmetic(self, depth: int) -> Node:
        left = self.number(depth - 1)
        if self.chance(0.2):
            return Arithmetic(left, "/", self.positive(depth - 1))
        if self.chance(0.2):
            return Arithmetic(left, "^", Number(self.rng.choice(["2", "3"])))
        return Arithmetic(left, self.rng.choice("+-**"), self.number(depth - 1))

    def positive(self, depth: int) -> Node:
        return self.one(
            lambda: Column("w"),
            lambda: Arithmetic(Number("1"), "+", Call("abs", (self.number(depth),))),
            lambda: Arithmetic(Number("2"), "+", Call("sin", (self.number(depth),))),
            lambda: Call("exp", (Call("tanh", (self.number(depth),)),)),
        )

    def weighted_event(self, depth: int) -> Node:
        """Events in arithmetic: `w*(pred == y)`, `1 - (a > 0)`, `(y == 1) + (k == 2)`."""
        event = self.event(depth - 1)
        other = self.one(lambda: self.event(depth - 1), lambda: self.number(0), lambda: Number("1"))
        return Arithmetic(other, self.rng.choice("+-*"), event)

    def function(self, depth: int) -> Node:
        body = self.number(depth - 1)
        return self.one(
            lambda: Call(self.rng.choice(["tanh", "sin", "cos", "arctan", "erf"]), (body,)),
            lambda: Call(self.rng.choice(["abs", "sigmoid", "relu", "softplus"]), (body,)),
            lambda: Call(self.rng.choice(["exp", "expm1", "cosh"]), (Call("tanh", (body,)),)),
            lambda: Call(self.rng.choice(["log", "sqrt"]), (self.positive(depth - 1),)),
            lambda: Call("log1p", (Call("abs", (body,)),)),
            lambda: Call("clip", (body, Number("-0.5"), Number("1.5"))),
            lambda: Extreme(self.rng.choice(["max", "min"]), (body, self.number(depth - 1))),
            lambda: Extreme("max", (body, Number("0"), self.number(depth - 1))),
            lambda: None if self.smooth else Call(self.rng.choice(["floor", "sign"]), (body,)),
        )

    # ------------------------------------------------------------------------------ vectors

    def vector(self) -> Node | None:
        """One number a class, output or feature."""
        made = self.made
        choices: list[Callable[[], Node | None]] = []
        if made.outputs > 1:
            choices.append(self.logits)
            if made.target in CLASSES:
                choices.append(lambda: Prob(self.logits(), None, self.single and self.chance(0.8)))
            if made.target == "reals":
                choices.append(lambda: Arithmetic(self.logits(), "-", Column("y")))
            if len(made.models) == 2:
                part = made.parts[0] if made.parts else None
                pair = [Logits(m, part) for m in made.models]
                choices.append(lambda: Arithmetic(pair[0], "-", pair[1]))
        if made.features > 1:
            choices.append(Input)
        if not choices:
            return None
        found = self.one(*choices)
        return self.one(
            lambda: found,
            lambda: found,
            lambda: Call(self.rng.choice(["tanh", "abs", "sigmoid"]), (found,)),
            lambda: Arithmetic(Column("w"), "*", found),
            lambda: Arithmetic(found, "-", self.constant()),
        )

    def reduced(self, depth: int) -> Node | None:
        body = self.vector()
        if body is None:
            body = self.one(self.logits, lambda: Column(self.rng.choice(["w", "a"])), Input)
            return Reduce(self.rng.choice(["sumsq", "l1", "l2"]), body)
        if self.chance(0.3):
            return Reduce("norm", body, Number(self.rng.choice(["1", "2", "3", "inf"])))
        return Reduce(self.rng.choice(["sumsq", "l1", "l2", "max", "min", "sum"]), body)

    def inner(self) -> Node | None:
        """`prob @ costs`, `f(x) @ [1, 0, 2]`, `f(x) @ g(x)`."""
        if self.made.outputs == 1:
            return None
        logits, size = self.logits(), self.made.outputs
        body: Node = logits
        if self.made.target in CLASSES and self.chance(0.5):
            body = Prob(logits, None, self.single)
        if self.chance(0.3):
            return Inner(body, self.logits())
        if self.chance(0.5):
            return Inner(
                body, Vector(tuple(Number(str(self.rng.randint(0, 9))) for _ in range(size)))
            )
        name = f"p{len(self.params)}"
        self.params[name] = "vector"
        self.made.world.vectors[name] = [round(self.rng.uniform(-2, 2), 2) for _ in range(size)]  # type: ignore[index]
        return Inner(body, Param(name))

    # ------------------------------------------------------------------------------- events

    def event(self, depth: int) -> Node:
        """True or false at each example."""
        for _ in range(20):
            found = self.any_event(depth)
            if not self.still or not moves(found):
                return found
        return Column("q")

    def any_event(self, depth: int) -> Node:
        if depth <= 0 or self.chance(0.4):
            return self.one(
                self.compared,
                self.compared,
                self.labels,
                self.labels,
                self.predictions,
                self.predictions,
                self.texts,
                lambda: Column("q"),
                lambda: Chain(
                    (Column("q"), Truth(self.chance(0.5))), (self.rng.choice(["==", "!="]),)
                ),
            )
        left, right = self.event(depth - 1), self.event(depth - 1)
        return self.one(
            lambda: Both(left, right),
            lambda: Both(left, right),
            lambda: Either(left, right),
            lambda: Not(left),
            lambda: Implies(left, right),
        )

    def threshold(self, node: Node) -> Number:
        """A number well between two values of an expression."""
        world = self.made.world
        scopes = [s for t in self.made.tables for s in Scope(world, t).examples(t)]
        values = sorted({number(node, s) for s in scopes})
        gaps = [(b - a, (a + b) / 2) for a, b in itertools.pairwise(values)]
        wide = [middle for width, middle in gaps if width > 1e-4 * max(abs(middle), 1e-9)]
        if not wide:
            return Number(f"{values[0] + max(1.0, abs(values[0])):.9g}")
        return Number(f"{self.rng.choice(wide):.9g}")

    def compared(self) -> Node:
        body = self.number(1)
        if self.chance(0.2):
            return Chain((body, self.number(1)), (self.rng.choice("<>"),))
        low, high = sorted(
            (self.threshold(body), self.threshold(body)), key=lambda n: float(n.written)
        )
        relation = self.rng.choice(["<", "<=", ">", ">="])
        return self.one(
            lambda: Chain((body, low), (relation,)),
            lambda: Chain((low, body), (relation,)),
            lambda: Chain((low, body, high), ("<", "<=")) if low != high else None,
            lambda: Between(body, low, high) if low != high else None,
        )

    def labels(self) -> Node:
        """Whole numbers: groups, and the target where it has classes."""
        kind = self.made.target
        values = {"classes": "012", "gap": "0235", "log": "012", "binary": "01"}.get(kind)
        name, of = ("k", "125") if values is None or self.chance(0.4) else ("y", values)
        if self.chance(0.3):
            return Among(Column(name), tuple(map(Number, self.rng.sample(of, 2))))
        pair = (Column(name), Number(self.rng.choice(of)))
        return Chain(pair, (self.rng.choice(["==", "!=", "==", "<", ">="]),))

    def predictions(self) -> Node | None:
        made = self.made
        if made.target not in CLASSES:
            return None
        pred = Pred(self.logits(), self.single and self.chance(0.8))
        known = made.world.classes
        named: Node = Word(self.rng.choice(known)) if known else Number(str(self.rng.randrange(2)))
        relation = self.rng.choice(["==", "==", "!="])
        return self.one(
            lambda: Chain((pred, Column("y")), (relation,)),
            lambda: Chain((pred, named), (relation,)),
            lambda: Chain((named, pred), ("==",)),
            lambda: Among(pred, (Number("0"), Number("1"))) if known is None else None,
            lambda: Chain((pred, Number("0")), (">",)) if known is None else None,
            lambda: Chain((pred, Column("rater")), (relation,)) if known else None,
            lambda: self.churn(relation),
        )

    def churn(self, relation: str) -> Node | None:
        if len(self.made.models) < 2:
            return None
        part = self.made.parts[0] if self.made.parts else None
        pair = [Pred(Logits(m, part), bare=False) for m in self.made.models]
        return Chain((pair[0], pair[1]), (relation,))

    def texts(self) -> Node:
        name = self.rng.choice(list(TEXTS))
        relation = self.rng.choice(["==", "!="])
        known = self.made.world.classes
        return self.one(
            lambda: Chain((Column(name), Word(self.rng.choice(TEXTS[name]))), (relation,)),
            lambda: Chain((Column("s"), Column("t")), (relation,)),
            lambda: Among(Column(name), tuple(map(Word, self.rng.sample(TEXTS[name], 2)))),
            lambda: Chain((Column("y"), Column("rater")), (relation,)) if known else None,
            lambda: (
                Chain((Column("y"), Word(self.rng.choice(known))), (relation,)) if known else None
            ),
            lambda: (
                Among(Column("y"), (Word(LABELS[0]), Word(LABELS[2]))) if known == LABELS else None
            ),
        )

    def occurs(self, event: Node, table: str) -> bool:
        """Whether an event happens at all in a data set."""
        return any(holds(event, s) for s in Scope(self.made.world, table).examples(table))


def moves(part: Node) -> bool:
    """Whether a value depends on a model that is trained."""
    return any(isinstance(n, Logits) and n.model != "ref" for n in nodes(part))
