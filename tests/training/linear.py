"""Linear models under linear requirements, and the scaled augmented Lagrangian, in plain numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Array = np.ndarray[Any, Any]
D = torch.float64


def table(rows: int = 24, seed: int = 0) -> dict[str, Tensor]:
    """Three features, and a target that is no line of them."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 3, generator=draw, dtype=D) + 0.3
    noise = torch.randn(rows, generator=draw, dtype=D)
    return {"x": x, "y": 2 * x[:, 0] - x[:, 1] + 1 + 0.3 * noise}


def line(seed: int = 1) -> nn.Linear:
    """z = w x + b."""
    torch.manual_seed(seed)
    return nn.Linear(3, 1).double()


def point(model: nn.Module) -> Array:
    """All that moves, as one vector."""
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()]).numpy()


@dataclass(frozen=True)
class Requirement:
    """scale (E[z column] - bound) <= 0, or == 0; the column of 1 is E[z]."""

    bound: float
    feature: int | None = None
    equal: bool = False
    scale: float = 1.0


def features(x: Array) -> Array:
    """(B, 4): the features and 1."""
    return np.column_stack([x, np.ones(len(x))])


def objective(theta: Array, x: Array, y: Array) -> tuple[float, Array]:
    """E[(z - y)^2] and its gradient."""
    phi = features(x)
    error = phi @ theta - y
    return float((error**2).mean()), 2 * (error[:, None] * phi).mean(0)


def requirement(r: Requirement, theta: Array, x: Array) -> tuple[float, Array]:
    """g and its gradient."""
    phi = features(x)
    weight = np.ones(len(x)) if r.feature is None else x[:, r.feature]
    gradient = (weight[:, None] * phi).mean(0)
    return r.scale * (float(gradient @ theta) - r.bound), r.scale * gradient


@dataclass
class Loop:
    """The scaled augmented Lagrangian, a requirement at a time, as the documents print it."""

    requirements: Sequence[Requirement]
    theta: Array
    steps: int
    lr: float
    batches: Sequence[tuple[Array, Array]]
    """Of the steps; of an epoch as many as there are, then they come anew."""
    epoch: int = 1
    """Steps an epoch."""
    every: int = 1
    by_epoch: bool = False
    growth: float | None = None
    """Of a penalty, a move; left open, by as much as 1.5 in 17 steps, and never more."""
    decrease: float = 0.5
    dual_lr: float | None = None
    most: float | None = None
    cap: float = math.inf
    whole: tuple[Array, Array] | None = None
    multipliers: Array = field(init=False)
    penalties: Array = field(init=False)
    told: Array = field(init=False)

    def run(self, until: int | None = None) -> Loop:
        """Train `until` a step of the run."""
        count = len(self.requirements)
        self.multipliers, self.penalties = np.zeros(count), np.zeros(count)
        self._pull, self._slope, self._far = 0.0, np.zeros(count), np.zeros(count)
        self._large, self._before = np.zeros(count), np.full(count, math.inf)
        self._cap = np.zeros(count)
        self._since: list[Array] = []
        self._mean, self._times = np.zeros(count), 0
        late: list[Array] = []
        for step in range(1, (until or self.steps) + 1):
            x, y = self.batches[step - 1]
            _, pull = objective(self.theta, x, y)
            found = [requirement(r, self.theta, x) for r in self.requirements]
            g, slopes = np.array([v for v, _ in found]), np.array([d for _, d in found])
            if step <= max(1, min(50, round(0.1 * self.steps))):
                self._first_penalties(pull, g, slopes)
            seen = self._mean if self.epoch > 1 and self._times else g
            weights = self._projected(self.multipliers + self.penalties * seen)
            self.theta = self.theta - self.lr * (pull + weights @ slopes)
            self._since.append(g)
            self._mean = self._mean + max(1 / (self._times + 1), 0.2) * (g - self._mean)
            self._times += 1
            if not self.by_epoch and step % self.every == 0:
                self._move()
            if step > min(round(0.6 * self.steps), self.steps - 1):
                late.append(self._projected(self.multipliers + self.penalties * self._mean))
            if self.by_epoch and (step % (self.every * self.epoch) == 0 or step == self.steps):
                self._move()
        self.told = np.mean(late, 0) if late and self.epoch > 1 else self.multipliers
        return self

    def _projected(self, values: Array) -> Array:
        equal = np.array([r.equal for r in self.requirements])
        return np.where(equal, values, np.maximum(values, 0))

    def _first_penalties(self, pull: Array, g: Array, slopes: Array) -> None:
        self._pull = max(self._pull, float(np.linalg.norm(pull)))
        size = float(np.linalg.norm(self.theta))
        between = self.every * self.epoch if self.by_epoch else self.every
        for i, r in enumerate(self.requirements):
            self._slope[i] = max(self._slope[i], float(np.linalg.norm(slopes[i])))
            self._far[i] = max(self._far[i], abs(g[i]) if r.equal else max(g[i], 0))
            self._large[i] = max(self._large[i], abs(g[i]))
            slope = max(self._slope[i], 1e-3 * self._large[i] / max(size, 1))
            first = self._pull / (size + self._far[i] / slope) / slope**2
            fewer = float(f"{max(1.0, 60 * between / self.steps):.6g}")  # as it is printed
            # Plain gradient steps can stand so much.
            stable = (0.2 if self.epoch > 1 else 1.0) / (
                self.lr * len(self.requirements) * self._slope[i] ** 2
            )
            self.penalties[i] = min(fewer * first, stable)
            most = min(1e4 * self.penalties[i], stable)
            self._cap[i] = most if self.most is None else self.most
            self.penalties[i] = min(self.penalties[i], self._cap[i])

    def _move(self) -> None:
        values = np.array(self._since)
        if self.by_epoch:
            assert self.whole is not None
            g = np.array([requirement(r, self.theta, self.whole[0])[0] for r in self.requirements])
            values = np.array([g])
        growth = self.growth
        if growth is None:
            growth = round(1.5 ** min(1.0, self.every / 17), 4)
        for i, r in enumerate(self.requirements):
            mean, m, c = float(values[:, i].mean()), self.multipliers[i], self.penalties[i]
            slack = mean if r.equal else max(mean, -m / max(c, 1e-12))
            step = c * mean if self.dual_lr is None else self.dual_lr * slack
            moved = m + step if r.equal else max(0.0, m + step)
            self.multipliers[i] = min(max(moved, -self.cap), self.cap)
            error = float(values[:, i].std()) / math.sqrt(len(values))
            noise = 2.5 * error if self.epoch > 1 and not self.by_epoch else 0.0
            before = self._before[i]
            again = mean * before > 0 if r.equal else mean > 0 and before > 0
            stuck = again and abs(mean) > self.decrease * abs(before)
            if stuck and abs(mean) > 1e-4 * self._far[i] and abs(mean) > noise:
                self.penalties[i] = min(growth * c, self._cap[i])
            self._before[i] = mean
        self._since.clear()
