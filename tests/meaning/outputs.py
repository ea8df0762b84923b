"""Outputs of models, classes and losses at one example."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meaning.tree import Bound, Column, Node, Value
from meaning.world import Plain, Scope


@dataclass(frozen=True)
class Logits(Node):
    """`f(x)`; `f(x)[0]` or `f(x).logits` where the model returns a tuple or a mapping."""

    model: str = "f"
    part: int | str | None = None

    def text(self) -> str:
        part = self.part
        named = "" if part is None else f"[{part}]" if isinstance(part, int) else f".{part}"
        return f"{self.model}(x){named}"

    def outputs(self, scope: Scope) -> list[float]:
        """All outputs for this example."""
        return list(scope.table.outputs[self.model][self.part][scope.row])

    def value(self, scope: Scope) -> Value:
        outputs = self.outputs(scope)
        return outputs[0] if len(outputs) == 1 else outputs


def sigmoid(a: float) -> float:
    """1 / (1 + exp(-a)), without overflow."""
    return 1 / (1 + math.exp(-a)) if a >= 0 else math.exp(a) / (1 + math.exp(a))


def softplus(a: float) -> float:
    """log(1 + exp(a)), without overflow."""
    return max(a, 0.0) + math.log1p(math.exp(-abs(a)))


def class_number(label: Plain | list[float], scope: Scope) -> int:
    """The position of a class: text labels are numbered in sorted order, numbers are their own."""
    assert not isinstance(label, list)
    if isinstance(label, str):
        assert scope.world.classes is not None
        return scope.world.classes.index(label)
    return int(label)


@dataclass(frozen=True)
class OutputAt(Node):
    """`f(x)[k]`: output k; `f(x)[y]`: each example's own entry."""

    logits: Logits
    index: int | Column | Bound

    def text(self) -> str:
        index = self.index if isinstance(self.index, int) else self.index.text()
        return f"{self.logits.text()}[{index}]"

    def value(self, scope: Scope) -> float:
        index = self.index
        k = index if isinstance(index, int) else class_number(index.value(scope), scope)
        return self.logits.outputs(scope)[k]


def probabilities(outputs: Sequence[float]) -> list[float]:
    """Of the classes: softmax of the outputs; one output is the logit of class 1 of two."""
    if len(outputs) == 1:
        return [sigmoid(-outputs[0]), sigmoid(outputs[0])]
    top = max(outputs)
    powers = [math.exp(o - top) for o in outputs]
    return [p / sum(powers) for p in powers]


@dataclass(frozen=True)
class Prob(Node):
    """`prob[k]`, `prob.rain`, `prob[y]`; `prob` alone: of class 1 (one output), else all."""

    logits: Logits
    index: int | str | Column | Bound | None = None
    bare: bool = True

    def text(self) -> str:
        index = self.index
        word = "prob" if self.bare else f"prob({self.logits.text()})"
        if index is None:
            return word
        if isinstance(index, str):
            return f"{word}.{index}"
        return f"{word}[{index if isinstance(index, int) else index.text()}]"

    def value(self, scope: Scope) -> Value:
        outputs = self.logits.outputs(scope)
        found = probabilities(outputs)
        if self.index is None:
            return found[1] if len(outputs) == 1 else found
        index = self.index
        label = index if isinstance(index, int | str) else index.value(scope)
        return found[class_number(label, scope)]


@dataclass(frozen=True)
class Pred(Node):
    """The class with the largest output; one output: class 1 where it is above 0."""

    logits: Logits
    bare: bool = True

    def text(self) -> str:
        return "pred" if self.bare else f"pred({self.logits.text()})"

    def value(self, scope: Scope) -> Plain:
        outputs = self.logits.outputs(scope)
        k = int(outputs[0] > 0) if len(outputs) == 1 else outputs.index(max(outputs))
        classes = scope.world.classes
        return k if classes is None else classes[k]


def huber(error: float) -> float:
    """Huber's error with threshold 1."""
    return error * error / 2 if abs(error) <= 1 else abs(error) - 0.5


def class_loss(word: str, outputs: Sequence[float], k: int) -> float:
    """Losses of outputs and a class number."""
    if word == "ce":
        return -math.log(probabilities(outputs)[k])
    if word == "nll":
        return -outputs[k]
    raise AssertionError(word)


def binary_loss(word: str, logit: float, label: float) -> float:
    """Losses of one logit and a label: 0/1 (bce, hinge), or -1/1 (hinge)."""
    if word == "bce":
        return softplus(logit) - label * logit
    return max(0.0, 1 - (1 if label > 0 else -1) * logit)


ERRORS: dict[str, Callable[[float], float]] = {
    "mse": lambda e: e * e,
    "mae": abs,
    "huber": huber,
}


TARGET = Column("y")


@dataclass(frozen=True)
class Loss(Node):
    """One number an example: `ce(f(x), y)`; bare `ce` is that of the only model and `y`."""

    word: str
    logits: Logits
    target: Node = TARGET
    bare: bool = False

    def text(self) -> str:
        return (
            self.word if self.bare else f"{self.word}({self.logits.text()}, {self.target.text()})"
        )

    def value(self, scope: Scope) -> float:
        outputs, target = self.logits.outputs(scope), self.target.value(scope)
        if self.word in ERRORS:
            targets = target if isinstance(target, list) else [float(target)]
            errors = [ERRORS[self.word](o - t) for o, t in zip(outputs, targets, strict=True)]
            return sum(errors) / len(errors)
        if self.word in ("bce", "hinge"):
            label = class_number(target, scope) if isinstance(target, str) else float(target)  # type: ignore[arg-type]
            return binary_loss(self.word, outputs[0], label)
        return class_loss(self.word, outputs, class_number(target, scope))
