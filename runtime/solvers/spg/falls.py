"""Whether an objective over sets falls without end: far away, or toward a point without a value."""

import numpy as np
import torch
from torch import Tensor

from cspec.runtime.solvers.nlp.problem import Vector
from cspec.runtime.solvers.nlp.starts import point
from cspec.runtime.solvers.spg.problem import SetProblem
from cspec.runtime.task import Task
from cspec.runtime.verdict.why.endless import Function, coordinates, fall, unbounded
from cspec.runtime.verdict.why.poles import pole, pole_toward

ROUNDS = 8
"""Steps that put a point onto functions beside the sets."""


def endless(
    problem: SetProblem,
    ends: tuple[Tensor, Tensor, Tensor | None],
    task: Task,
    feasible: float,
    converged: bool,
) -> str:
    """What is said where the objective falls without end; empty where it does not.

    `ends` are the point that was found, the start, and a lower point that does not meet the
    functions beside the sets, if there is one. `feasible` is the violation up to which these count
    as met. Where a descent `converged`, and nothing lower was seen, there is no pole beside it.
    """

    def at(x: Vector) -> tuple[Vector, float, bool]:
        place = restored(problem, torch.as_tensor(x).to(problem.multipliers))
        size = max(1.0, 1e-9 * float(place.abs().max()))
        return numbers(place), problem.f, problem.worst() <= feasible * size

    def slope(x: Vector) -> Vector:
        return numbers(problem.objective_slope(torch.as_tensor(x).to(problem.multipliers)))

    function = Function(at, slope, np.ones(problem.size, dtype=bool))
    x, start, lower = ends
    here, first = numbers(x), at(numbers(start))[0]
    with np.errstate(all="ignore"):
        found = None if converged else pole(function, here, first, minimum=False)
        if found is None and lower is not None:
            found = pole_toward(function, here, at(numbers(lower))[0])
        if found is not None:
            return unbounded(point(found), task.sense)
        ray = fall(function, here, first)
    return "" if ray is None else ray.sentence(coordinates(task.variables), task.sense)


def restored(problem: SetProblem, x: Tensor) -> Tensor:
    """The nearest member, put onto functions that it violates by steps of least norm."""
    x = problem.project(x)
    problem.value(x)
    for _ in range(ROUNDS):
        over = problem.over()
        if not over.any() or not bool(torch.isfinite(over).all()):
            break
        rows = over != 0
        step = torch.linalg.lstsq(problem.jacobian(x)[rows], over[rows, None]).solution[:, 0]
        if not bool(torch.isfinite(step).all()):
            break
        x = problem.project(x - step)
        problem.value(x)
    return x


def numbers(x: Tensor) -> Vector:
    """A tensor as an array of float64."""
    return np.array(x.detach().double().cpu().numpy())
