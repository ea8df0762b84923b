"""Events and numbers of examples: their text, their value, and their mean, written out by hand.

The definition: a prediction of a model is a random class with the model's probabilities, the same
one wherever it stands; a comparison of numbers is a random truth value, true with probability
sigmoid(m), m = left - right in units of a quarter of its mean size. What the model's step sees is
the mean, here the sum over everything that may happen of its probability times its value.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from training.worlds import World


class Happened(NamedTuple):
    """One thing that may happen: a class of each model, a truth value of each comparison."""

    world: World
    classes: Mapping[str, Tensor]
    bits: Mapping[int, Tensor]


@dataclass(frozen=True)
class Term:
    """An event (0 or 1) or a number of each example."""

    text: str
    value: Callable[[Happened], Tensor]
    """(B,) float64."""
    models: frozenset[str] = frozenset()
    """Whose predictions count."""
    bits: tuple[tuple[int, Callable[[World], Tensor], Callable[[World], Tensor]], ...] = ()
    """Comparisons: a number of its own, the margin -> soft truth (B,), the exact truth (B,)."""
    event: bool = True

    def mean(self, world: World) -> Tensor:
        """(B,): the sum over all that may happen."""
        models = sorted(self.models)
        chances = {name: world.chances(name) for name in models}
        soft = {number: truth(world) for number, truth, _ in self.bits}
        total = torch.zeros(len(world.data["y"]), dtype=torch.float64)
        for classes in itertools.product(range(world.classes), repeat=len(models)):
            for bits in itertools.product((0, 1), repeat=len(soft)):
                weight = torch.ones_like(total)
                for name, k in zip(models, classes, strict=True):
                    weight = weight * chances[name][:, k]
                for p, bit in zip(soft.values(), bits, strict=True):
                    weight = weight * (p if bit else 1 - p)
                predicted = {
                    name: torch.full_like(world.data["y"], k)
                    for name, k in zip(models, classes, strict=True)
                }
                true = {
                    number: torch.tensor(float(bit), dtype=torch.float64)
                    for number, bit in zip(soft, bits, strict=True)
                }
                total = total + weight * self.value(Happened(world, predicted, true))
        return total

    def exact(self, world: World) -> Tensor:
        """(B,): the value of what is predicted."""
        classes = {name: world.predicted(name) for name in self.models}
        bits = {number: truth(world).double() for number, _, truth in self.bits}
        with torch.no_grad():
            return self.value(Happened(world, classes, bits)).expand(len(world.data["y"]))


_numbers: Iterator[int] = itertools.count()


def joined(text: str, value: Callable[..., Tensor], *terms: Term, event: bool = True) -> Term:
    """A term made of others: `value` gets their values."""
    return Term(
        text,
        lambda h: value(*(term.value(h) for term in terms)),
        frozenset().union(*(term.models for term in terms)),
        tuple(bit for term in terms for bit in term.bits),
        event,
    )


# --- atoms ---------------------------------------------------------------------------------------


def data(text: str, truth: Callable[[Mapping[str, Tensor]], Tensor]) -> Term:
    """An event of the data."""
    return Term(text, lambda h: truth(h.world.data).double())


def prediction(model: str, text: str, truth: Callable[[Happened, Tensor], Tensor]) -> Term:
    """An event of the predicted class."""
    return Term(text, lambda h: truth(h, h.classes[model]).double(), frozenset({model}))


def pair(text: str, truth: Callable[[Tensor, Tensor], Tensor]) -> Term:
    """An event of the classes that f and h predict."""
    return Term(
        text, lambda h: truth(h.classes["f"], h.classes["h"]).double(), frozenset({"f", "h"})
    )


def in_units(m: Tensor) -> Tensor:
    """m in units of a quarter of its mean size, which has no gradient."""
    return 4 * m / m.detach().abs().mean()


def above(text: str, margin: Callable[[World], Tensor]) -> Term:
    """`u > v` of numbers, by its margin u - v."""
    number = next(_numbers)
    bit = (number, lambda w: torch.sigmoid(in_units(margin(w))), lambda w: margin(w).detach() > 0)
    return Term(text, lambda h: h.bits[number], bits=(bit,))


def equal(text: str, difference: Callable[[World], Tensor]) -> Term:
    """`u == v` of numbers."""
    number = next(_numbers)
    bit = (
        number,
        lambda w: torch.exp(-(in_units(difference(w)) ** 2)),
        lambda w: difference(w) == 0,
    )
    return Term(text, lambda h: h.bits[number], bits=(bit,))


# --- connectives ---------------------------------------------------------------------------------


def both(left: Term, right: Term) -> Term:
    """`a and b`."""
    return joined(f"({left.text} and {right.text})", lambda a, b: a * b, left, right)


def either(left: Term, right: Term) -> Term:
    """`a or b`."""
    return joined(f"({left.text} or {right.text})", lambda a, b: 1 - (1 - a) * (1 - b), left, right)


def negation(term: Term) -> Term:
    """`not a`."""
    return joined(f"(not {term.text})", lambda a: 1 - a, term)


def implication(left: Term, right: Term) -> Term:
    """`a => b`."""
    return joined(f"({left.text} => {right.text})", lambda a, b: 1 - a * (1 - b), left, right)


def same_truth(left: Term, right: Term) -> Term:
    """`(a) == (b)`."""
    text = f"(({left.text}) == ({right.text}))"
    return joined(text, lambda a, b: (a == b).double(), left, right)
