"""The best that plain methods reach on a task with twenty settings: nothing here uses cspec.

Gradient descent-ascent on the Lagrangian (five dual steps), nuPI (five gains), the augmented
Lagrangian (five penalties), and a fixed penalty by bisection (five coefficients). Each run is Adam
with lr = 0.01 (times the largest decision variable at the start) that falls along a cosine; sets
that are pruned to (densities, ranks, grids) are projected onto, with four steps and from five times
on. Twenty-five snapshots are counted exactly, and the best of
those that meet the requirement stands for the setting.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from untuned.judge import Measured, measure
from untuned.task import Columns, Task

STEPS = 1500
SNAPSHOTS = 25


class Pressure(Protocol):
    """How violations g (<= 0, or == 0 where `equal`) weigh in the loss, and what moves after."""

    def term(self, g: Tensor, equal: Tensor) -> Tensor:
        """What is added to the objective; `g` has a gradient."""

    def update(self, g: Tensor, equal: Tensor) -> None:
        """Move the multipliers by the exact violations."""


@dataclass
class Penalty:
    """c times the sum of max(g, 0), or |g|."""

    coefficient: float

    def term(self, g: Tensor, equal: Tensor) -> Tensor:
        return self.coefficient * torch.where(equal, g.abs(), g.relu()).sum()

    def update(self, g: Tensor, equal: Tensor) -> None:
        """Nothing moves."""


@dataclass
class Lagrangian:
    """Multipliers climb: m + lr g, at least 0 for inequalities."""

    lr: float
    multipliers: Tensor | float = 0.0

    def term(self, g: Tensor, equal: Tensor) -> Tensor:
        return (self.multipliers * g).sum()

    def update(self, g: Tensor, equal: Tensor) -> None:
        moved = self.multipliers + self.lr * g
        self.multipliers = torch.where(equal, moved, moved.relu())


@dataclass
class NuPI:
    """Sohrabi et al., 2024, with nu = 0: multipliers are an integral plus gain times g."""

    lr: float
    gain: float
    integral: Tensor | float = 0.0
    multipliers: Tensor | float = 0.0

    def term(self, g: Tensor, equal: Tensor) -> Tensor:
        return (self.multipliers * g).sum()

    def update(self, g: Tensor, equal: Tensor) -> None:
        moved = self.integral + self.lr * g
        self.integral = torch.where(equal, moved, moved.relu())
        total = self.integral + self.gain * g
        self.multipliers = torch.where(equal, total, total.relu())


@dataclass
class Augmented:
    """Hestenes, Powell, Rockafellar: m moves by the penalty times g every 50 steps."""

    penalty: float
    multipliers: Tensor | float = 0.0
    seen: list[Tensor] = field(default_factory=list)

    def term(self, g: Tensor, equal: Tensor) -> Tensor:
        shifted = self.multipliers + self.penalty * g
        active = torch.where(equal, shifted, shifted.relu())
        return active.square().sum() / (2 * self.penalty)

    def update(self, g: Tensor, equal: Tensor) -> None:
        self.seen.append(g)
        if len(self.seen) == 50:
            moved = self.multipliers + self.penalty * torch.stack(self.seen).mean(0)
            self.multipliers = torch.where(equal, moved, moved.relu())
            self.seen.clear()


class Found(NamedTuple):
    """The best of a search."""

    method: str
    met: bool
    violation: float
    quality: float
    gradients: int
    seconds: float


def search(task: Task, optimum: float | None = None) -> Found:
    """Twenty settings; among those that meet the requirement the best quality.

    Where the optimum is known the search ends with the first setting within 0.5% of it.
    """
    found: list[Found] = []
    for item in hardened(task) if task.prune is not None else pressed(task):
        found.append(item)
        if optimum is not None and item.met and item.quality - optimum <= 5e-3 * abs(optimum):
            break
    return best(found)


def pressed(task: Task) -> Iterator[Found]:
    """Five settings of each of four methods."""
    yield from bisected(task)
    for power in (0, 1, -1, 2, -2):
        size = 10.0**power
        yield run(task, f"augmented(penalty={10 * size:g})", Augmented(10 * size))
        yield run(task, f"lagrangian(lr={size / 10:g})", Lagrangian(size / 10))
        yield run(task, f"nupi(lr={size / 100:g}, gain={size:g})", NuPI(size / 100, size))


def hardened(task: Task) -> Iterator[Found]:
    """Retraining in the set: projected after each step from a share of the run on; four steps."""
    assert task.prune is not None
    for lr in (0.003, 0.01, 0.03, 0.1):
        for start in (0.0, 0.2, 0.4, 0.6, 0.8):
            name = f"projected(lr={lr:g}, from={start:.0%})"
            yield run(task, name, Penalty(0.0), lr, (start, task.prune))


def bisected(task: Task) -> Iterator[Found]:
    """Five fixed penalties between 1e-2 and 1e4: smaller where it was met, else larger."""
    low, high = -2.0, 4.0
    for _ in range(5):
        middle = (low + high) / 2
        name = f"penalty({10**middle:.3g})"
        found = run(task, name, Penalty(10**middle))
        low, high = (low, middle) if found.met else (middle, high)
        yield found


def best(found: Iterable[Found]) -> Found:
    """Met first, then quality; without any the smallest violation."""
    return min(found, key=lambda f: (not f.met, f.quality if f.met else f.violation))


def run(
    task: Task,
    name: str,
    pressure: Pressure,
    lr: float = 0.01,
    inside: tuple[float, Callable[[nn.Module], None]] | None = None,
) -> Found:
    """One setting; `inside`: from which share of the run on what is applied after each step."""
    started = time.process_time()
    columns = task.columns(torch.float32)
    exact = task.columns()
    point = initial(task)
    largest = max(p.abs().max().item() for p in point.parameters()) if task.variables else 1.0
    optimizer = torch.optim.Adam(point.parameters(), lr=lr * max(1.0, largest))
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    seen: list[Measured] = []
    measuring = 0.0
    for step, batch in enumerate(batches(columns)):
        optimizer.zero_grad()
        _loss(task, point, batch, pressure).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        falling.step()
        if inside is not None and step + 1 >= inside[0] * STEPS:
            inside[1](point)
        if (step + 1) % (STEPS // SNAPSHOTS) == 0:
            before = time.process_time()
            seen.append(measure(task, point, exact))
            measuring += time.process_time() - before
    seconds = time.process_time() - started - measuring
    ends = [Found(name, m.met, m.violation, m.quality, STEPS, seconds) for m in seen]
    return best(f for f in ends if not math.isnan(f.quality))


def initial(task: Task) -> nn.Module:
    """What moves, in single precision, at its start."""
    torch.manual_seed(0)
    return copy.deepcopy(task.start()).float()


def batches(columns: Mapping[str, Tensor], size: int = 64) -> Iterable[Columns]:
    """Whole data where they are few; else batches, another order each epoch."""
    count = len(next(iter(columns.values()))) if columns else 0
    draw = torch.Generator().manual_seed(0)
    order, at = torch.empty(0, dtype=torch.int64), 0
    for _ in range(STEPS):
        if count <= 600:
            yield columns
            continue
        if at + size > len(order):
            order, at = torch.randperm(count, generator=draw), 0
        part = order[at : at + size]
        at += size
        yield {name: column[part] for name, column in columns.items()}


def _loss(task: Task, point: nn.Module, batch: Columns, pressure: Pressure) -> Tensor:
    if task.prune is not None:
        return task.objective(point, batch, True)
    soft = task.requirements(point, batch, True)
    g = torch.cat([value.reshape(-1) for value in soft.values()])
    sizes = [(label in task.equal, value.numel()) for label, value in soft.items()]
    equal = torch.cat([torch.full((n,), is_equal) for is_equal, n in sizes])
    loss = task.objective(point, batch, True) + pressure.term(g, equal)
    pressure.update(_exact(task, point, batch) if task.counted else g.detach(), equal)
    return loss


def _exact(task: Task, point: nn.Module, batch: Columns) -> Tensor:
    with torch.no_grad():
        true = task.requirements(point, batch, False)
    return torch.cat([value.reshape(-1) for value in true.values()]).float()
