"""Generated requirements on events, violated at the start, with what a step has to see of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from training.events import (
    Term,
    above,
    both,
    data,
    either,
    equal,
    implication,
    joined,
    negation,
    pair,
    prediction,
    same_truth,
)
from training.worlds import World, head, world

Numbers = Callable[[World], Tensor]
"""A statistic: one number, or one a group."""


ATOMS = (
    "is",
    "is_not",
    "label",
    "in",
    "more",
    "pair",
    "ref",
    "number",
    "between",
    "equal",
    "prob",
)
NUMBERS = ("scaled", "weighted", "sum", "less", "pred", "far", "max", "exp", "square")


@dataclass(frozen=True)
class Statistic:
    """A mean, or arithmetic on means: exact, and as the model's step sees it."""

    text: str
    exact: Numbers
    soft: Numbers
    models: frozenset[str]


@dataclass(frozen=True)
class Requirement:
    """One line, the canonical function that a step sees, and the true one."""

    seed: int
    world: World
    line: str
    soft: Numbers
    """Entries <= 0, in the order of the program."""
    exact: Numbers
    models: frozenset[str]

    def spec(self, method: str = "", fit: str = "") -> str:
        """The whole spec."""
        return f"{head(self.world.outputs)}s.t. a: {self.line}\n{method}\n{fit}"


class Writer:
    """Draws terms and statistics."""

    def __init__(self, rng: random.Random, world: World) -> None:
        self.rng = rng
        self.world = world

    # --- events ---

    def atom(self) -> Term:
        """An event that moves."""
        rng, z = self.rng, self.rng.choice(("f", "f", "h"))
        top = self.world.classes - 1
        k = rng.randint(0, top)
        drawn = rng.choice(ATOMS)
        match drawn:
            case "is":
                text = rng.choice((f"pred({z}(x)) == {k}", f"{k} == pred({z}(x))"))
                return prediction(z, text, lambda h, c: c == k)
            case "is_not":
                return prediction(z, f"pred({z}(x)) != {k}", lambda h, c: c != k)
            case "label":
                text = rng.choice((f"pred({z}(x)) == y", f"y == pred({z}(x))"))
                return prediction(z, text, lambda h, c: c == h.world.data["y"])
            case "in" if top > 1:
                other = (k + 1) % (top + 1)
                text = f"pred({z}(x)) in {{{k}, {other}}}"
                return prediction(z, text, lambda h, c: (c == k) | (c == other))
            case "more":
                limit = rng.randint(0, top - 1)
                text = rng.choice((f"pred({z}(x)) > {limit}", f"{limit} < pred({z}(x))"))
                return prediction(z, text, lambda h, c: c > limit)
            case "pair":
                return pair("pred(f(x)) == pred(h(x))", lambda a, b: a == b)
            case "ref":
                text = rng.choice(
                    (f"pred({z}(x)) == pred(ref(x))", f"pred(ref(x)) == pred({z}(x))")
                )
                return prediction(z, text, lambda h, c: c == h.world.predicted("ref"))
            case "between":
                return self._between()
            case "equal":
                text, u = self._number()
                return equal(f"{text} == 0.3", lambda w: u(w) - 0.3)
            case "prob":
                text, p = f"prob({z}(x))[1]", lambda w: w.chances(z)[:, 1]
                return above(f"{text} > 0.4", lambda w: p(w) - 0.4)
        text, u = self._number()
        return above(f"{text} > w", lambda w: u(w) - w.data["w"])

    def _number(self) -> tuple[str, Numbers]:
        z = self.rng.choice(("f", "f", "h"))
        if self.world.outputs == 1:
            return f"{z}(x)", lambda w: w.logits(z)
        k = self.rng.randint(0, self.world.outputs - 1)
        return f"{z}(x)[{k}]", lambda w: w.logits(z)[:, k]

    def _between(self) -> Term:
        text, u = self._number()
        low = above(f"{text} >= -0.5", lambda w: u(w) + 0.5)
        high = above(f"{text} <= 0.8", lambda w: 0.8 - u(w))
        inside = both(low, high)
        written = self.rng.choice((f"{text} in [-0.5, 0.8]", f"-0.5 <= {text} <= 0.8"))
        return Term(f"({written})", inside.value, inside.models, inside.bits)

    def known(self) -> Term:
        """An event of the data."""
        k = self.rng.randint(0, self.world.classes - 1)
        return self.rng.choice(
            (
                data(f"y == {k}", lambda d: d["y"] == k),
                data("g == 1", lambda d: d["g"] == 1),
                data("w > 0.5", lambda d: d["w"] > 0.5),
                data("x[0] > 0", lambda d: d["x"][:, 0] > 0),
            )
        )

    def event(self, depth: int = 2) -> Term:
        """An event that moves, made of others."""
        if depth == 0 or self.rng.random() < 0.35:
            return self.atom()
        left = self.event(depth - 1)
        right = self.known() if self.rng.random() < 0.5 else self.event(depth - 1)
        if self.rng.random() < 0.5:
            left, right = right, left
        make = self.rng.choice((both, either, implication, negation, same_truth))
        if make is negation:
            return negation(left if left.models or left.bits else right)
        if len(left.bits) + len(right.bits) > 4:
            return left if left.models or left.bits else right
        return make(left, right)

    # --- numbers ---

    def number(self) -> Term:
        """A number made of events and predictions."""
        event, z = self.event(1), self.rng.choice(("f", "h"))
        drawn = self.rng.choice(NUMBERS)
        weight = Term("w", lambda h: h.world.data["w"])
        match drawn:
            case "scaled":
                return joined(f"0.5*({event.text})", lambda a: 0.5 * a, event, event=False)
            case "weighted":
                return joined(f"w*({event.text})", lambda w, a: w * a, weight, event, event=False)
            case "sum":
                other = self.event(0)
                text = f"({event.text}) + ({other.text})"
                return joined(text, lambda a, b: a + b, event, other, event=False)
            case "less":
                return joined(f"1 - ({event.text})", lambda a: 1 - a, event, event=False)
            case "pred":
                made = prediction(z, f"pred({z}(x))", lambda h, c: c)
                return Term(made.text, made.value, made.models, event=False)
            case "far":
                made = prediction(
                    z, f"abs(pred({z}(x)) - y)", lambda h, c: (c - h.world.data["y"]).abs()
                )
                return Term(made.text, made.value, made.models, event=False)
            case "max":
                text = f"max({event.text}, w)"
                return joined(text, torch.maximum, event, weight, event=False)
            case "exp":
                text = f"expm1({event.text})/2"
                return joined(text, lambda a: torch.expm1(a) / 2, event, event=False)
        return joined(f"({event.text})^2", lambda a: a**2, event, event=False)

    # --- statistics ---

    def statistic(self, grouped: bool = False) -> Statistic:
        """A mean or a rate, under conditions that move or not."""
        body = self.event() if self.rng.random() < 0.6 else self.number()
        kind = "P" if body.event and self.rng.random() < 0.7 else "E"
        drawn = self.rng.random()
        condition = None
        if drawn < 0.25:
            condition = self.known()
        elif drawn < 0.45 and len(body.bits) < 3:
            condition = self.event(0)
        return mean(kind, body, condition, grouped)


def mean(kind: str, body: Term, condition: Term | None, grouped: bool) -> Statistic:
    """`E[body | condition]`, by group where that is asked for."""
    behind = ["g"] if grouped else []
    behind += [] if condition is None else [condition.text]
    text = f"{kind}[{body.text}{' | ' if behind else ''}{', '.join(behind)}]"
    every = data("", lambda d: torch.ones_like(d["w"]))
    selected = every if condition is None else condition
    joint = joined("", lambda a, b: a * b, body, selected)

    def value(of: Callable[[Term], Tensor], world: World) -> Tensor:
        masks = [world.data["g"] == k for k in range(3)] if grouped else [world.data["g"] >= 0]
        sums = [of(joint)[mask].sum() / of(selected)[mask].sum() for mask in masks]
        return torch.stack(sums) if grouped else sums[0]

    return Statistic(
        text,
        lambda w: value(lambda term: term.exact(w), w),
        lambda w: value(lambda term: term.mean(w).expand(len(w.data["y"])), w),
        joint.models | {f"{'bits'}" for _ in joint.bits[:1]},
    )


# --- requirements --------------------------------------------------------------------------------


def drawn(seed: int) -> Requirement | None:
    """A requirement that asks for a change of what the models predict; None where none is found."""
    rng = random.Random(seed)
    made = world(seed, rng.choice((1, 2, 3, 4)))
    writer = Writer(rng, made)
    for _ in range(30):
        found = _requirement(seed, writer)
        if found is not None:
            return found
    return None


def _requirement(seed: int, writer: Writer) -> Requirement | None:
    form = writer.rng.choice(["plain", "plain", "plain", "gap", "max", "difference", "double"])
    one = writer.statistic(grouped=form in ("gap", "max"))
    exact, soft, text = one.exact, one.soft, one.text
    match form:
        case "gap":
            exact, soft = _pairs(one.exact), _pairs(one.soft)
            text = f"gap({one.text})"
        case "max":
            text = f"max({one.text})"
        case "difference":
            other = writer.statistic()
            text = f"{one.text} - {other.text}"
            exact = lambda w: one.exact(w) - other.exact(w)  # noqa: E731
            soft = lambda w: one.soft(w) - other.soft(w)  # noqa: E731
        case "double":
            text = f"2*{one.text}"
            exact = lambda w: 2 * one.exact(w)  # noqa: E731
            soft = lambda w: 2 * one.soft(w)  # noqa: E731
    below = form in ("gap", "max") or writer.rng.random() < 0.5
    now = exact(writer.world)
    if bool(torch.isnan(now).any()):
        return None
    start = float(now.max()) if below else float(now.min())
    bound = round(start - 0.15 if below else start + 0.15, 3)
    if not _possible(bound, form):
        return None
    if below:
        return Requirement(
            seed, writer.world, f"{text} <= {bound}", _minus(soft, bound), _minus(exact, bound),
            one.models,
        )  # fmt: skip
    return Requirement(
        seed,
        writer.world,
        f"{text} >= {bound}",
        _less(bound, soft),
        _less(bound, exact),
        one.models,
    )


def _minus(value: Numbers, bound: float) -> Numbers:
    return lambda w: torch.atleast_1d(value(w) - bound)


def _less(bound: float, value: Numbers) -> Numbers:
    return lambda w: torch.atleast_1d(bound - value(w))


def _pairs(value: Numbers) -> Numbers:
    def differences(world: World) -> Tensor:
        v = value(world)
        return torch.stack([v[i] - v[j] for i in range(3) for j in range(3) if i != j])

    return differences


def _possible(bound: float, form: str) -> bool:
    """Whether a bound lies well inside of what rates and their differences can be."""
    low = -0.95 if form == "difference" else 0.05
    return low <= bound <= 0.95
