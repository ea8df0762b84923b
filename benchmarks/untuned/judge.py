"""One run of a spec, and its judgement by the plain form of the task."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

import cspec
from untuned.scaling import scaled
from untuned.task import Columns, Task, Variables, as_columns, outputs


@dataclass(frozen=True)
class Setup:
    """The axes: none of them is a setting of a method."""

    batch: str = "64"
    scale: float = 1.0
    seed: int = 0
    using: str = ""
    """A method by its name, for all that is stated of functions; left open by default."""


@dataclass(frozen=True)
class Measured:
    """A point, counted without cspec, in the units of scale 1."""

    met: bool
    violation: float
    """The largest, beyond nothing."""
    objective: float
    """As minimized."""
    quality: float
    """What is compared: the objective, or the error rate on the test data."""


@dataclass(frozen=True)
class Outcome:
    """What one run delivered."""

    task: Task
    setup: Setup
    measured: Measured | None
    multipliers: dict[str, float] = field(default_factory=dict)
    """By label, at scale 1, signs as in L = f + multiplier g."""
    gradients: int = 0
    seconds: float = 0.0
    early: bool = False
    """An iterate of the first half of the run was delivered, and nothing said so."""
    claimed: bool = False
    """Whether the run's own verdict is that everything is met."""
    note: str = ""


def measure(task: Task, point: nn.Module, columns: Columns) -> Measured:
    """Count the requirements and the objective over all data in double precision."""
    exact = copy.deepcopy(point).double().eval()
    with torch.no_grad():
        found = task.requirements(exact, columns, False)
        objective = task.objective(exact, columns, False).item()
    met, worst = True, 0.0
    for label, value in found.items():
        equal = label in task.equal
        size = (value.abs() if equal else value).max().item()
        met = met and size <= (task.allowed_equal if equal else task.allowed)
        worst = max(worst, size)
    quality = objective if task.test is None else errors(exact, as_columns(task.test()))
    return Measured(met and objective == objective, worst, objective, quality)


def errors(model: nn.Module, columns: Columns) -> float:
    """Share of examples whose class is not the one predicted."""
    with torch.no_grad():
        found = outputs(model, columns)
    two = found.dim() == 1 or found.shape[1] == 1
    chosen = (found.reshape(-1) > 0).long() if two else found.argmax(1)
    return (chosen != columns["y"]).double().mean().item()


def text_of(task: Task, setup: Setup) -> str:
    """The spec at a scale, with batch and method of the setup and nothing else."""
    text = scaled(task.path.read_text(), setup.scale)
    text += f"using {setup.using}\n" if setup.using else ""
    return f"{text}fit(batch_size={setup.batch})\n" if task.data() else text


def outcome(task: Task, setup: Setup) -> Outcome:
    """Run a spec once; what is refused or ends in an exception is not met and says why."""
    started = time.process_time()
    with counted() as gradients:
        try:
            result = cspec.run(text_of(task, setup), seed=setup.seed, train=task.data())
        except Exception as error:
            head = str(error).strip().splitlines() or [""]
            note = f"{type(error).__name__}: {head[0][:90]}"
            return Outcome(task, setup, None, seconds=time.process_time() - started, note=note)
    seconds = time.process_time() - started
    point = Variables(**result.vars) if task.variables else result.model
    return Outcome(
        task,
        setup,
        measure(task, point, task.columns()),
        multipliers(result, setup.scale),
        gradients[0],
        seconds,
        early(result),
        result.satisfied,
        result.status if not result.satisfied else "",
    )


def multipliers(result: cspec.Result, scale: float) -> dict[str, float]:
    """Those of the result at scale 1: scale times those of the requirement as multiplied."""
    return {c.name: c.multiplier * scale for c in result.constraints if c.multiplier is not None}


def early(result: cspec.Result) -> bool:
    """Whether an iterate of the first half is delivered, and neither report nor notes name it."""
    if result.best is None or result.best.step >= 0.5 * result.steps:
        return False
    said = str(result) + " ".join(result.notes)
    return f"step {result.best.step:,}" not in said


@contextmanager
def counted() -> Iterator[list[int]]:
    """Count the backward passes made inside: calls of `backward` and of `autograd.grad`."""
    total = [0]
    backward, grad = torch.autograd.backward, torch.autograd.grad

    def counting(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            total[0] += 1
            return function(*given, **named)

        return call

    torch.autograd.backward = counting(backward)
    torch.autograd.grad = counting(grad)
    try:
        yield total
    finally:
        torch.autograd.backward, torch.autograd.grad = backward, grad
