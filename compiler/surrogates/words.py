"""The stand-ins by name: how each sees `u > v`, `u == v`, a class, `and`, `or`.

With m = u - v, the margin, and T the temperature or width:

    sigmoid, product   sigmoid(m/T)                              and: a b, or: a + b - a b
    ramp               clip(0.5 + m/T, 0, 1)                     and, or: the same
    hinge              [1 + m]+ where it raises g,               and: min, or: max
                       1 - [1 - m]+ where it lowers g
    logistic           log2(1 + e^m) where it raises g,          the same
                       1 - log2(1 + e^-m) where it lowers g
    dl2                [m]+ where it raises g,                   and: a b, or: a + b
                       1 - [-m]+ where it lowers g               and: a + b - 1, or: a + b - a b

`hinge`, `logistic` and `dl2` bound the event from the side on which a requirement g <= 0 is safe:
Eban et al. 2017, "Scalable learning of non-decomposable objectives" (section 3); Cotter et al.
2019, "Two-player games for efficient non-convex constrained optimization" (section 2); DL2: Fischer
et al. 2019, "DL2: training and querying neural networks with logic" (section 3). Where the side is
not known, or both are at work, the sigmoid is taken. `u == v` is exp(-(m/T)^2), of the one-sided
the margin -|m|. A class has the probability prob(z/T)[k], of the others the margin z[k] minus the
largest other output.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from cspec.compiler.expressions.rewrite import call, function_name, number, rewrite
from cspec.compiler.surrogates.arithmetic import (
    ONE,
    ZERO,
    complement,
    less,
    over,
    plus,
    times,
    total,
)
from cspec.dsl.text.source import NOWHERE
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import Call, Expr, Index, Keyword, Name, Negate, Node, Power, Product

ONE_SIDED = frozenset({"hinge", "logistic", "dl2"})
HINGED = frozenset({"hinge", "logistic"})
"""Those whose `and` is the smallest, whose `or` the largest."""
LOG_2 = round(math.log(2), 6)


class Word(NamedTuple):
    """A stand-in by name, with its temperature or width."""

    name: str = "sigmoid"
    scale: float | Expr = 1.0
    """A number, or one that falls along the run: `ramp(1, 0.25, steps=1800)`."""
    open: bool = False
    """Whether nobody wrote the temperature: it suits logits, and `in_units` brings others there."""
    loss: str = ""
    """Of `logistic`: the loss of outputs and labels, in nats, in the place of an error."""

    @property
    def one_sided(self) -> bool:
        """Whether it needs to know if an event raises what must be <= 0, or lowers it."""
        return self.name in ONE_SIDED

    @property
    def margins(self) -> bool:
        """Whether it sees a class by its margin, and not by its probability."""
        return self.name not in ("sigmoid", "product")

    @property
    def text(self) -> str:
        """What stands in for events, for people."""
        if isinstance(self.scale, Expr):
            return f"{self.name} of temperature 1, which falls to {SHARP:g} along the run"
        if self.name in HINGED:
            return self.name
        return f"{self.name} of temperature {self.scale:g}"

    # --- atoms ---

    def above(self, margin: Expr, sign: int) -> Expr:
        """The truth of `margin > 0`; `sign`: 1 where it raises g, -1 where it lowers it."""
        if self.name == "ramp":
            raised = plus(number(0.5), over(margin, self.scale))
            return call("max", call("min", raised, ONE), number(0))
        if not self.one_sided:
            return call("sigmoid", over(margin, self.scale))
        if sign <= 0:
            return complement(self.above(less(ZERO, margin), 1))
        match self.name:
            case "hinge":
                return call("relu", plus(ONE, margin))
            case "logistic":
                return over(call("softplus", margin), LOG_2)
        return call("relu", margin)

    def equal(self, difference: Expr, sign: int) -> Expr:
        """The truth of `difference == 0`."""
        if self.one_sided:
            return self.above(Negate(operand=call("abs", difference)), sign)
        squared = Power(base=over(difference, self.scale), exponent=number(2))
        return call("exp", Negate(operand=squared))

    def chances(self, prediction: Call) -> Expr:
        """The probabilities of the classes: `prob(z/T)`."""
        word = "prob" if function_name(prediction) == "pred" else "softmax"
        return call(word, over(prediction.arguments[0], self.scale))

    def classes(self, prediction: Call, places: Sequence[Expr], sign: int) -> Expr:
        """The truth of `prediction in places`, places of the last axis: classes, or a label."""
        if self.loss and sign < 0 and len(places) == 1:
            outputs = prediction.arguments[0]
            return complement(call(self.loss, outputs, places[0]))
        if self.margins:
            return self.above(call("margin", prediction.arguments[0], *places), sign)
        chances, span = self.chances(prediction), prediction.span
        return plus(*(Index(value=chances, indices=(place,), span=span) for place in places))

    # --- connectives ---

    def both(self, left: Expr, right: Expr, sign: int, moving: bool) -> Expr:
        """The truth of `left and right`; `moving`: both move (else one is data)."""
        if moving and self.name in HINGED:
            return call("min", left, right)
        if moving and self.name == "dl2" and sign < 0:
            return total([("+", left), ("+", right), ("-", ONE)])
        return times(left, right)

    def either(self, left: Expr, right: Expr, sign: int, moving: bool) -> Expr:
        """The truth of `left or right`."""
        if moving and self.name in HINGED:
            return call("max", left, right)
        if moving and self.name == "dl2":
            both = times(complement(left), complement(right))
            return plus(left, right) if sign > 0 else complement(both)
        return total([("+", left), ("+", right), ("-", times(left, right))])


SIGMOID = Word(open=True)
LOGISTIC = Word("logistic")
SHARP = 0.25
"""Where a temperature that falls ends ..."""
LED = 0.07
"""Share of the loss that leads the errors a model is to make as few of as it can."""
FALLS = 0.6
"""... after this share of the run."""


def sharpening(steps: int) -> Word:
    """A sigmoid that comes closer to the step it stands for as the run goes on.

    A blunt one pulls from far away, and its minimum is another: it moves examples that are long
    on the right side. On a linear model with a recall of 90% the loss ends at 0.66 with temperature
    1 and at 0.59 with one that falls to 0.25.
    """
    last = Keyword(name="steps", value=number(round(FALLS * steps)))
    falls = call("ramp", ONE, number(SHARP)).model_copy(update={"keywords": (last,)})
    return Word("sigmoid", falls, open=True)


def is_temperature(node: Node) -> bool:
    """Whether a ramp is one that `sharpening` made: a bound that moves was written somewhere."""
    if not isinstance(node, Call) or function_name(node) != "ramp" or node.span != NOWHERE:
        return False
    return [value_or_none(end, {}) for end in node.arguments] == [1.0, SHARP]


def as_at_first(expr: Expr) -> Expr:
    """A surrogate with the temperature that its run starts with, 1: as one would type it."""

    def step(node: Expr) -> Expr:
        match node:
            case Product(operands=(inner, below), operators=("/",)) if is_temperature(below):
                return inner
        return node

    return rewrite(expr, step)


WORDS = ("sigmoid", "hinge", "logistic", "ramp", "product", "dl2")
"""Surrogates by name; anything else behind `with surrogate` is an expression."""


def named(surrogate: Expr, params: Values) -> Word | None:
    """The stand-in that is named behind `with surrogate`; None for an expression."""
    match surrogate:
        case Name(id=name) if name in WORDS:
            return Word(name)
        case Call(function=Name(id=name), arguments=(), keywords=keywords) if name in WORDS:
            given = [value_or_none(keyword.value, params) for keyword in keywords]
            return Word(name, next((value for value in given if value is not None), 1.0))
    return None
