"""Known optima: scipy's SLSQP, or projected gradients, on the plain form of a task.

Multipliers are those of least squares on the gradients of what binds.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from untuned.task import Columns, Task

Floats = NDArray[np.float64]


class Known(NamedTuple):
    """The optimum of a task."""

    objective: float
    multipliers: dict[str, float]
    """By label, at scale 1, where they are known."""


def known(task: Task) -> Known | None:
    """The optimum, where there is a way to it."""
    columns = task.columns()
    if task.optimum is None:
        return None
    if callable(task.optimum):
        return Known(task.optimum(columns), {})
    if task.optimum == "projected":
        return Known(_projected(task, columns), {})
    return _programmed(task, columns)


class _Flat:
    """A task as functions of one vector."""

    def __init__(self, task: Task, columns: Columns) -> None:
        self.task, self.columns = task, columns
        self.module = task.start().double()
        self.start = parameters_to_vector(self.module.parameters()).detach().numpy().copy()

    def at(self, vector: Floats) -> nn.Module:
        values = torch.tensor(vector, dtype=torch.float64)
        vector_to_parameters(values, self.module.parameters())
        return self.module

    def gradient(self, value: Tensor) -> Floats:
        parameters = list(self.module.parameters())
        found = torch.autograd.grad(value, parameters, allow_unused=True)
        pairs = zip(found, parameters, strict=True)
        parts = [torch.zeros_like(p) if g is None else g for g, p in pairs]
        return np.asarray(torch.cat([part.reshape(-1) for part in parts]).numpy())

    def objective(self, vector: Floats) -> tuple[float, Floats]:
        value = self.task.objective(self.at(vector), self.columns, False)
        return value.item(), self.gradient(value)

    def requirements(self, vector: Floats) -> dict[str, Tensor]:
        found = self.task.requirements(self.at(vector), self.columns, False)
        return {label: value.reshape(-1) for label, value in found.items()}


def _programmed(task: Task, columns: Columns) -> Known:
    """SLSQP from a few starts; the best end that is feasible."""
    flat = _Flat(task, columns)
    draw = np.random.default_rng(0)
    starts = [flat.start, *(flat.start + draw.normal(size=flat.start.size) for _ in range(5))]
    best: tuple[float, Floats] | None = None
    for start in starts:
        end = _slsqp(flat, start)
        value = flat.objective(end)[0]
        if _violation(task, flat.requirements(end)) < 1e-6 and (best is None or value < best[0]):
            best = (value, end)
    if best is None:
        raise ArithmeticError(f"{task.name}: no start led to a feasible point")
    return Known(best[0], _multipliers(flat, best[1]))


def _slsqp(flat: _Flat, start: Floats) -> Floats:
    constraints = []
    for label in flat.requirements(start):
        equal = label in flat.task.equal
        sign = 1.0 if equal else -1.0
        constraints.append(
            {
                "type": "eq" if equal else "ineq",
                "fun": _value_of(flat, label, sign),
                "jac": _jacobian_of(flat, label, sign),
            }
        )
    settings = {"ftol": 1e-14, "maxiter": 1000}
    end = minimize(
        flat.objective, start, jac=True, method="SLSQP", constraints=constraints, options=settings
    )
    return np.asarray(end.x)


def _value_of(flat: _Flat, label: str, sign: float) -> Callable[[Floats], Floats]:
    def value(vector: Floats) -> Floats:
        return np.asarray(sign * flat.requirements(vector)[label].detach().numpy())

    return value


def _jacobian_of(flat: _Flat, label: str, sign: float) -> Callable[[Floats], Floats]:
    def jacobian(vector: Floats) -> Floats:
        count = len(flat.requirements(vector)[label])
        rows = [flat.gradient(flat.requirements(vector)[label][k]) for k in range(count)]
        return np.asarray(sign * np.stack(rows))

    return jacobian


def _violation(task: Task, found: dict[str, Tensor]) -> float:
    worst = 0.0
    for label, value in found.items():
        size = value.abs() if label in task.equal else value
        worst = max(worst, size.max().item())
    return worst


def _multipliers(flat: _Flat, vector: Floats) -> dict[str, float]:
    """grad f + sum of multiplier times grad g = 0 by least squares, for requirements of one number.

    A kink (max, abs at 0) has no gradient to compare with: what the residual shows gives none.
    """
    found = flat.requirements(vector)
    if any(len(value) > 1 for value in found.values()):
        return {}
    binding = [k for k, v in found.items() if k in flat.task.equal or v.item() > -1e-6]
    result = dict.fromkeys(found, 0.0)
    if not binding:
        return result
    rows = np.stack([flat.gradient(flat.requirements(vector)[label]) for label in binding])
    slope = flat.objective(vector)[1]
    solved = np.linalg.lstsq(rows.T, -slope, rcond=None)[0]
    if np.linalg.norm(rows.T @ solved + slope) > 1e-3 * max(1e-9, float(np.linalg.norm(slope))):
        return {}
    return result | {label: float(v) for label, v in zip(binding, solved, strict=True)}


def _projected(task: Task, columns: Columns, steps: int = 3000, starts: int = 6) -> float:
    """The least objective of projected gradient descent with halved steps, from a few starts."""
    draw = torch.Generator().manual_seed(1)
    found = []
    for _ in range(starts):
        module = task.start().double()
        for parameter in module.parameters():
            parameter.data += torch.randn(parameter.shape, generator=draw)
        found.append(_descended(task, columns, module, steps))
    return min(found)


def _descended(task: Task, columns: Columns, module: nn.Module, steps: int) -> float:
    assert task.project is not None
    task.project(module)
    value, size = task.objective(module, columns, False).item(), 1.0
    for _ in range(steps):
        trial = copy.deepcopy(module)
        slope = torch.autograd.grad(
            task.objective(module, columns, False), list(module.parameters())
        )
        for parameter, g in zip(trial.parameters(), slope, strict=True):
            parameter.data -= size * g
        task.project(trial)
        new = task.objective(trial, columns, False).item()
        if new <= value:
            module, value, size = trial, new, 1.2 * size
        else:
            size *= 0.5
        if size < 1e-12:
            break
    return value
