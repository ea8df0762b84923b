"""From where the steps ended to the solution nearby: a solver on whole data.

Steps of one length do not suit weights of a thousand and of a thousandth, and a few hundred
parameters do not need them. Where nobody gave an optimizer or a length, and nothing is flat, the
end of a run is the start of sequential quadratic programming (SLSQP: Kraft 1988, scipy) in double
precision: BFGS sees the units.

    minimize f(x)   s.t.  g_i(x) <= 0,  h_j(x) == 0,  lower <= x <= upper

What it finds is taken if it violates no more than is allowed and its objective is lower.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor, nn

from cspec.runtime.entries import marked
from cspec.runtime.modes import constants_in, evaluating, undisturbed
from cspec.runtime.operators import Box
from cspec.runtime.session import Session, trained
from cspec.runtime.violation import gradient_of, point_of, put

PARAMETERS = 300
"""Parameters, and ..."""
WORK = 2e7
"""... rows x parameters, up to which a run is polished."""
ITERATIONS = 500
ROUNDING = 1e-9

Vector = np.ndarray[Any, np.dtype[np.float64]]


def polish(session: Session) -> None:
    """Move the parameters to the solution nearby, where one is found."""
    bounds = _bounds(session)
    rows = max((len(data) for data in session.data.values()), default=0)
    size = sum(p.numel() for p in session.parameters)
    if bounds is None or session.interrupted or size > PARAMETERS or rows * size > WORK:
        return
    with undisturbed(), constants_in(torch.float64):
        problem = _Problem(session)
        with evaluating(problem.models()):
            before = problem.at(problem.start)
            found = _solved(problem, bounds)
            after = problem.at(found)
    allowed = max(problem.violation(before), ROUNDING)
    better = after[0] < before[0] or problem.violation(before) > ROUNDING
    if not np.isfinite(after[0]) or problem.violation(after) > allowed or not better:
        return
    put(session.parameters, torch.as_tensor(found, device=session.device))
    session.notes.append(
        f"a small smooth problem: SLSQP on whole data took the objective from "
        f"{session.sign * before[0]:.6g} to {session.sign * after[0]:.6g}"
    )


Values = tuple[float, Vector, Vector, Vector]
"""f, its gradient, g and its Jacobian."""


class _Problem:
    """A copy of what moves, in double precision."""

    def __init__(self, session: Session) -> None:
        self._measure = session.module["measure"]
        self._primal = {name: _double(value) for name, value in session.primal.items()}
        self._batch = {name: _doubles(part) for name, part in session.whole_batch().items()}
        self._parameters = list(trained(self._primal).values())
        self.start: Vector = point_of(self._parameters).cpu().numpy()
        self._last: tuple[bytes, Values] | None = None
        self.equal = marked(session.program.constraints, lambda c: c.equal).numpy()

    def models(self) -> list[nn.Module]:
        """The copies of the models."""
        return [value for value in self._primal.values() if isinstance(value, nn.Module)]

    def at(self, x: Vector) -> Values:
        """All values at a point; those of the last one are kept."""
        key = np.asarray(x, dtype=np.float64).tobytes()
        if self._last is None or self._last[0] != key:
            put(self._parameters, torch.as_tensor(np.array(x), device=self._parameters[0].device))
            f, g, _ = self._measure(self._primal, self._batch)
            rows = [gradient_of(value, self._parameters).cpu().numpy() for value in g]
            jacobian = np.stack(rows) if rows else np.zeros((0, len(x)))
            slope = gradient_of(f, self._parameters).cpu().numpy()
            self._last = (
                key,
                (float(f.detach()), slope, g.detach().double().cpu().numpy(), jacobian),
            )
        return self._last[1]

    def violation(self, values: Values) -> float:
        """The largest violation."""
        g = values[2]
        return float(np.where(self.equal, np.abs(g), np.maximum(g, 0)).max(initial=0.0))


def _double(value: Any) -> Any:
    """A copy of a model or a variable."""
    if isinstance(value, nn.Module):
        return copy.deepcopy(value).double()
    return nn.Parameter(value.detach().double().clone(), requires_grad=value.requires_grad)


def _doubles(part: Any) -> Any:
    """The numbers of a batch: of columns by name, and alone."""
    if isinstance(part, Mapping):
        return {name: _doubles(value) for name, value in part.items()}
    return part.double() if isinstance(part, Tensor) and part.is_floating_point() else part


def _bounds(session: Session) -> list[tuple[float, float]] | None:
    """Of each entry; None where parameters are in other sets than boxes."""
    found = [(-np.inf, np.inf)] * sum(p.numel() for p in session.parameters)
    starts, start = {}, 0
    for p in session.parameters:
        starts[id(p)] = start
        start += p.numel()
    for operator, tensors in session.held:
        if not isinstance(operator, Box):
            return None
        for tensor in tensors:
            if id(tensor) not in starts:
                return None
            low, high = (
                torch.broadcast_to(torch.as_tensor(end).double(), tensor.shape).flatten().tolist()
                for end in (operator.lo, operator.hi)
            )
            for place, (lo, hi) in enumerate(zip(low, high, strict=True), starts[id(tensor)]):
                before = found[place]
                found[place] = max(before[0], lo), min(before[1], hi)
    return found


def _solved(problem: _Problem, bounds: list[tuple[float, float]]) -> Vector:
    equal = problem.equal
    kinds = (("eq", equal, 1.0), ("ineq", ~equal, -1.0))
    constraints = [
        {
            "type": kind,
            "fun": lambda x, rows=rows, sign=sign: sign * problem.at(x)[2][rows],
            "jac": lambda x, rows=rows, sign=sign: sign * problem.at(x)[3][rows],
        }
        for kind, rows, sign in kinds
        if rows.any()
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of overflow on the way: what it finds is judged
        found = minimize(
            lambda x: problem.at(x)[:2],
            problem.start,
            jac=True,
            bounds=bounds,
            constraints=constraints,
            method="SLSQP",
            options={"maxiter": ITERATIONS, "ftol": 1e-12},
        )
    return np.asarray(found.x, dtype=np.float64)
