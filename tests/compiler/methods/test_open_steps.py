"""Dual optimizers whose steps a spec leaves open, step by step in plain numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from training.linear import Requirement, line, objective, point, requirement, table

STEPS, LR = 32, 1e-3
SPEC = f"""
data train(x, y)
model f
minimize E[(f(x)[0] - y)^2]
s.t. a: E[f(x)[0]*x[0]] {{relation}} {{bound}}
using lagrangian(dual={{dual}})
fit(optimizer=sgd(lr={LR}), steps={STEPS}, batch_size={{size}}, precision=float64)
"""
Dual = Callable[[float], float]
Make = Callable[["Units"], Iterator[float]]


class Units:
    """What the first steps tell: the first penalty c and |grad f| / |grad g|."""

    def __init__(self, equal: bool) -> None:
        self.equal, self.pull, self.slope, self.far = equal, 0.0, 0.0, 0.0
        self.large = self.c = self.price = 0.0

    def see(self, theta: Any, pull: Any, g: float, slope: Any) -> None:
        self.pull = max(self.pull, float(np.linalg.norm(pull)))
        self.slope = max(self.slope, float(np.linalg.norm(slope)))
        self.far = max(self.far, abs(g) if self.equal else max(0.0, g))
        size = float(np.linalg.norm(theta))
        self.c = self.pull / (size + self.far / self.slope) / self.slope**2
        self.price = self.pull / self.slope


class Sgd:
    """m <- [m + lr g]+ with lr = 60 c / T."""

    def __init__(self, units: Units, noisy: bool) -> None:
        self.units, self.m = units, 0.0

    def clip(self, value: float) -> float:
        return value if self.units.equal else max(0.0, value)

    def move(self, g: float) -> None:
        self.m = self.clip(self.m + 60 / STEPS * self.units.c * g)


class Nupi(Sgd):
    """m <- [m + lr (g + kp (xi - xi before))]+ with kp = T / 60."""

    def __init__(self, units: Units, noisy: bool) -> None:
        super().__init__(units, noisy)
        self.nu, self.xi = 0.8 if noisy else 0.0, math.nan

    def move(self, g: float) -> None:
        before = g if math.isnan(self.xi) else self.xi
        self.xi = self.nu * before + (1 - self.nu) * g
        step = 60 / STEPS * self.units.c * (g + STEPS / 60 * (self.xi - before))
        self.m = self.clip(self.m + step)


class Pid(Sgd):
    """m = [kp smoothed g + I]+, I <- [I + ki g]+ with kp = c, ki = 60 c / T."""

    def __init__(self, units: Units, noisy: bool) -> None:
        super().__init__(units, noisy)
        self.decay, self.integral, self.average = 0.8 if noisy else 0.0, 0.0, math.nan

    def move(self, g: float) -> None:
        before = g if math.isnan(self.average) else self.average
        self.average = self.decay * before + (1 - self.decay) * g
        self.integral = self.clip(self.integral + 60 / STEPS * self.units.c * g)
        self.m = self.clip(self.units.c * self.average + self.integral)


class Adam(Sgd):
    """m <- [m + lr g / sqrt(second moment)]+ with lr = 10 |grad f| / |grad g| / T."""

    def __init__(self, units: Units, noisy: bool) -> None:
        super().__init__(units, noisy)
        self.square, self.count = 0.0, 0

    def move(self, g: float) -> None:
        self.count += 1
        self.square = 0.999 * self.square + 0.001 * g * g
        size = math.sqrt(self.square / (1 - 0.999**self.count)) + 1e-8
        self.m = self.clip(self.m + 10 * self.units.price / STEPS * g / size)


def by_hand(dual: type[Sgd], batches: Sequence[Any], equal: bool, bound: float) -> tuple[Any, Any]:
    """The parameters, and the multiplier that is told: its mean over the last 40% of batches."""
    r = Requirement(bound, feature=0, equal=equal)
    units, theta, path = Units(equal), point(line()), []
    ascent = dual(units, len(batches[0][0]) < len(table()["y"]))
    for step, (x, y) in enumerate(batches, 1):
        _, pull = objective(theta, x, y)
        g, slope = requirement(r, theta, x)
        if step <= 3:
            units.see(theta, pull, g, slope)
        ascent.move(g)
        theta = theta - LR * (pull + ascent.m * slope)
        if step > 19:
            path.append(ascent.m)
    return theta, np.mean(path)


def emitted(session: Any, dual: str, size: str, relation: str, bound: float) -> Any:
    text = SPEC.format(dual=dual, size=size, relation=relation, bound=bound)
    batches = [
        (batch["train"]["x"].numpy(), batch["train"]["y"].numpy())
        for batch in session(text, train=table(), f=line()).batches()
    ]
    run = session(text, train=table(), f=line())
    run.module["restore"] = lambda _: None
    run.module["train"](run)
    return run, batches


@pytest.mark.parametrize(("relation", "bound"), [("<=", 0.1), ("==", 0.7), ("==", -0.5)])
@pytest.mark.parametrize("size", ["full", "8"])
@pytest.mark.parametrize(
    ("dual", "hand"), [("sgd", Sgd), ("nupi", Nupi), ("pid", Pid), ("adam", Adam)]
)
def test_a_step_that_is_open_is_in_the_units_of_the_problem(
    session: Any, dual: str, hand: type[Sgd], size: str, relation: str, bound: float
) -> None:
    run, batches = emitted(session, dual, size, relation, bound)
    theta, told = by_hand(hand, batches, relation == "==", bound)
    assert point(run.primal["f"]) == pytest.approx(theta, rel=1e-9)
    assert run.told.item() == pytest.approx(told, rel=1e-9) and told != 0


@pytest.mark.parametrize(
    ("dual", "step"),
    [
        ("sgd(lr=0.3)", lambda g: 0.3 * g),
        ("nupi(lr=0.3, kp=2, ki=0.5)", lambda g: 0.15 * g),  # xi starts at g
        ("pid(kp=0.4)", lambda g: 0.41 * g),  # ki is 0.01 where nothing is said
        ("pid(ki=0.2)", lambda g: 0.2 * g),
        ("adam(lr=0.07)", lambda g: 0.07 if g > 0 else -0.07),
    ],
)
def test_steps_that_are_given_act_as_written(session: Any, dual: str, step: Dual) -> None:
    text = SPEC.format(dual=dual, size="full", relation="==", bound=0.7)
    run = session(text, train=table(), f=line())
    g, _ = requirement(Requirement(0.7, feature=0, equal=True), point(line()), table()["x"].numpy())
    run.total_steps = 1
    run.module["train"](run)
    assert run.state["multipliers"].item() == pytest.approx(step(g), rel=1e-6)
    assert "restore" not in run.module and "slope" not in run.state
