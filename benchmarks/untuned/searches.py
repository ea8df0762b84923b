"""The best that plain methods reach on a task with twenty settings: nothing here uses cspec.

Gradient descent-ascent on the Lagrangian (five dual steps), nuPI (five gains), the augmented
Lagrangian (five penalties), and fixed penalties (0.1, 10, 1000, then two between the largest that
fails and the least that does not). Each is Adam with lr = 0.01 (times the largest decision variable
at the start) that falls along a cosine. Sets that are pruned to (densities, ranks, grids) are
projected onto, with four steps and from five times on. Twenty-five snapshots are counted exactly,
and the best of those that meet the requirement stands for the setting. All settings move side by
side on the same batches, each as it would alone.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call

from untuned.judge import Measured, measure
from untuned.task import Columns, Task

STEPS = 3000
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


class Setting(NamedTuple):
    """One run of a search."""

    name: str
    pressure: Pressure
    lr: float = 0.01
    inside: float = math.inf
    """From which share of the run on the point is pruned after each step."""


def search(task: Task) -> Found:
    """Twenty settings; among those that meet the requirement the best quality, timed alone."""
    if task.prune is not None:
        return _timed(task, best(together(task, hardened())), hardened())
    found = together(task, pressed())
    low, high = (math.log10(c) for c in _bracket(found[-3:]))
    between = [penalty(low + (high - low) * share / 3) for share in (1, 2)]
    fresh = pressed() + [penalty(low + (high - low) * share / 3) for share in (1, 2)]
    return _timed(task, best([*found, *together(task, between)]), fresh)


def _timed(task: Task, winner: Found, fresh: list[Setting]) -> Found:
    """The winner, with the CPU seconds of its setting alone."""
    setting = next(item for item in fresh if item.name == winner.method)
    started = time.process_time()
    together(task, [setting], measured=False)
    return winner._replace(seconds=time.process_time() - started)


def pressed() -> list[Setting]:
    """Five settings of each method with multipliers, then three fixed penalties."""
    found = []
    for power in (-2, -1, 0, 1, 2):
        size = 10.0**power
        found.append(Setting(f"augmented(penalty={10 * size:g})", Augmented(10 * size)))
        found.append(Setting(f"lagrangian(lr={size / 10:g})", Lagrangian(size / 10)))
        found.append(Setting(f"nupi(lr={size / 100:g}, gain={size:g})", NuPI(size / 100, size)))
    return [*found, penalty(-1), penalty(1), penalty(3)]


def penalty(power: float) -> Setting:
    """A fixed penalty of 10^power."""
    return Setting(f"penalty({10**power:.3g})", Penalty(10**power))


def _bracket(found: list[Found]) -> tuple[float, float]:
    """The largest of the penalties 0.1, 10, 1000 that does not meet it, and the next one."""
    met = [item.met for item in found]
    brackets = [(1e-3, 1e-1), (1e-1, 1e1), (1e1, 1e3), (1e3, 1e5)]
    return brackets[met.index(True) if True in met else 3]


def hardened() -> list[Setting]:
    """Retraining in the set: projected after each step from a share of the run on; four steps."""
    return [
        Setting(f"projected(lr={lr:g}, from={start:.0%})", Penalty(0.0), lr, start)
        for lr in (0.003, 0.01, 0.03, 0.1)
        for start in (0.0, 0.2, 0.4, 0.6, 0.8)
    ]


def best(found: Iterable[Found]) -> Found:
    """Met first, then quality; without any the smallest violation."""
    return min(found, key=lambda f: (not f.met, f.quality if f.met else f.violation))


class _Whole(nn.Module):
    """Objective and requirements of a point on a batch, as one function of the parameters."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task, self.point = task, initial(task)

    def forward(self, batch: Columns, soft: bool) -> tuple[Tensor, Tensor]:
        value = self.task.objective(self.point, batch, True)
        if self.task.prune is not None:
            return value, torch.zeros(1)
        found = self.task.requirements(self.point, batch, soft).values()
        return value, torch.cat([each.reshape(-1).float() for each in found])


class _Rows:
    """One copy of the parameters a setting, in one tensor each; Adam with a step a row."""

    def __init__(self, task: Task, settings: list[Setting]) -> None:
        self.task, self.settings, self.whole = task, settings, _Whole(task)
        start = dict(self.whole.named_parameters())
        count = len(settings)
        self.rows = {k: p.detach().expand(count, *p.shape).clone() for k, p in start.items()}
        largest = max(p.abs().max().item() for p in start.values()) if task.variables else 1.0
        self.lr = torch.tensor([max(1.0, largest) * setting.lr for setting in settings])
        for row in self.rows.values():
            row.requires_grad_()
        self.optimizer = torch.optim.Adam(list(self.rows.values()), lr=1.0)
        self.equal = self._equal()

    def _equal(self) -> Tensor:
        if self.task.prune is not None:
            return torch.zeros(1, dtype=torch.bool)
        found = self.task.requirements(self.whole.point, self.task.columns(torch.float32), True)
        flags = [torch.full((v.numel(),), k in self.task.equal) for k, v in found.items()]
        return torch.cat(flags)

    def values(self, batch: Columns, soft: bool) -> tuple[Tensor, Tensor]:
        def one(row: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
            found: tuple[Tensor, Tensor] = functional_call(self.whole, row, (batch, soft))
            return found

        found: tuple[Tensor, Tensor] = torch.vmap(one)(self.rows)
        return found

    def step(self, batch: Columns, share: float) -> None:
        """One step of every row, along the cosine, and of its multipliers."""
        self.optimizer.zero_grad()
        objective, g = self.values(batch, True)
        terms = [s.pressure.term(g[k], self.equal) for k, s in enumerate(self.settings)]
        (objective.sum() + torch.stack(terms).sum()).backward()  # type: ignore[no-untyped-call]
        true = g.detach()
        if self.task.counted and self.task.prune is None:
            with torch.no_grad():
                true = self.values(batch, False)[1]
        self._moved((1 + math.cos(math.pi * share)) / 2)
        for k, setting in enumerate(self.settings):
            setting.pressure.update(true[k], self.equal)
            if share >= setting.inside:
                self._pruned(k)

    def _moved(self, falling: float) -> None:
        before = {k: row.detach().clone() for k, row in self.rows.items()}
        self.optimizer.step()
        with torch.no_grad():
            for k, row in self.rows.items():
                size = falling * self.lr.reshape(-1, *[1] * (row.dim() - 1))
                row.copy_(before[k] + size * (row - before[k]))

    def point(self, k: int) -> nn.Module:
        """The point of a setting, in a module that all share."""
        with torch.no_grad():
            for name, parameter in self.whole.named_parameters():
                parameter.copy_(self.rows[name][k])
        return self.whole.point

    def _pruned(self, k: int) -> None:
        assert self.task.prune is not None
        self.task.prune(self.point(k))
        with torch.no_grad():
            for name, parameter in self.whole.named_parameters():
                self.rows[name][k].copy_(parameter)


def together(task: Task, settings: list[Setting], measured: bool = True) -> list[Found]:
    """Settings side by side on the same batches; the best snapshot of each."""
    rows, exact = _Rows(task, settings), task.columns()
    seen: list[list[Found]] = [[] for _ in settings]
    for step, batch in enumerate(batches(task.columns(torch.float32))):
        rows.step(batch, step / STEPS)
        if measured and (step + 1) % (STEPS // SNAPSHOTS) == 0:
            for k, setting in enumerate(settings):
                m = measure(task, rows.point(k), exact)
                if not math.isnan(m.quality):
                    seen[k].append(_found(setting.name, m))
    return [best(each) if each else Found("", False, math.inf, 0, 0, 0.0) for each in seen]


def _found(name: str, m: Measured) -> Found:
    return Found(name, m.met, m.violation, m.quality, STEPS, 0.0)


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
