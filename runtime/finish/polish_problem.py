"""The end of a run as a problem in double precision, for the solver that goes on from there."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from inspect import unwrap
from types import FunctionType
from typing import Any

import numpy as np
import scipy
import torch
from torch import Tensor, nn

from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.finish.polish_sets import Marks, Places, Sets, Vector
from cspec.runtime.finish.prices import least_squares
from cspec.runtime.finish.violation import (
    at_temperature,
    gradient_of,
    jacobian_of,
    point_of,
    put,
    temperatures,
)
from cspec.runtime.functions.calculus import followed
from cspec.runtime.models.hooks import copied
from cspec.runtime.result.entries import marked, spread
from cspec.runtime.result.iterate import way_of
from cspec.runtime.session.pieces import unconstrained
from cspec.runtime.session.session import Session
from cspec.runtime.session.trained import trained
from cspec.runtime.session.with_examples import each_of, longer, with_examples

BUDGET = 5e9
"""Rows x parameters x gradients that solvers may take in all: seconds."""
VALUES = 5
"""Values of f and g that an iteration asks for beside its gradients, about."""
ROUNDING = 1e-9
EXPLAINED = 0.01
"""Share of grad f that multipliers may leave where they are told."""
FAR = 0.1
"""Share of all that the objective moved that a solution may cost, where nothing was met."""
BOUND = 10.0
"""Tolerances up to which a requirement is at its bound."""
NEAR = 1e-7
"""How far, in units of 1 + |x|, a solution may be from the sets that hold it."""
AT_REST = 1e-4
"""Share of grad f that multipliers may leave at a solution."""
ROUNDS = 6
"""How often a surrogate is set right."""


class Values:
    """What is known of a point: f and g lead the way, `objective` and `true` are as written.

    Line searches ask for values alone: gradients are taken where somebody asks for them.
    """

    def __init__(self, problem: Problem, x: Vector, f: Tensor, g: Tensor, true: Tensor) -> None:
        self._problem, self._x = problem, x
        self.graph: tuple[Tensor, Tensor] | None = f, g
        """f and g as long as the problem stands at this point."""
        self.f = float(f.detach())
        self.g, self.true = (v.detach().double().cpu().numpy() for v in (g, true))

    @cached_property
    def objective(self) -> float:
        """As written, to be minimized."""
        return self._problem.objective(self._x)

    @cached_property
    def slope(self) -> Vector:
        """The gradient of f."""
        return self._problem.derivative(self, self._x, 0)

    @cached_property
    def jacobian(self) -> Vector:
        """The gradients of all entries of g, one a row."""
        return self._problem.derivative(self, self._x, 1)


class Interrupted(Exception):  # noqa: N818
    """The run was interrupted: it stays where its steps ended."""


class Problem:
    """A copy of what moves, in double precision."""

    kept: Places
    """Entries of the constraint vector that are looked at."""
    equal: Marks
    flat: Marks
    near: Vector
    moved: Vector

    def __init__(self, session: Session) -> None:
        self._session = session
        led = {
            name: _led(function)
            for name in ("measure", "measure_each", "minimized", "objective")
            if isinstance(function := session.module.get(name), FunctionType)
        }
        self._measure = longer(session, {"measure": partial(unconstrained, led), **led})
        self._objective = session.module["objective"]
        self._sign = session.sign
        self.primal = {name: _double(value) for name, value in session.primal.items()}
        self._whole = {name: _doubles(part) for name, part in session.whole_batch().items()}
        self.temperatures = [None, *sorted(t for t in temperatures(session) if t < 1)[::-1]]
        self._temperature: float | None = None
        self._parameters = list(trained(self.primal).values())
        start = point_of(self._parameters).cpu()
        self.start: Vector = start.numpy()
        self.sets = Sets(session.held, session.parameters, start)
        self._last: tuple[bytes, Values] | None = None
        constraints = with_examples(session).constraints
        self.far = FAR * way_of(session.measured)
        self._of_all = (
            marked(constraints, lambda c: c.equal).numpy(),
            marked(constraints, lambda c: bool(c.surrogate)).numpy(),
            spread(constraints, lambda c: BOUND * max(c.tolerance, ROUNDING)).numpy(),
            spread(constraints, partial(_moved, session)).numpy(),
        )
        self._rules = each_of(constraints)
        others = {*session.program.objective_datasets}
        others |= {name for c in constraints if c.each is None for name in c.datasets}
        self.apart = not session.inward and others.isdisjoint(c.each for c in self._rules)
        """Whether nothing else is measured on data whose rows rules are about: pairs, points."""
        self.keep(np.arange(len(self._of_all[0])))
        self.rounds = ROUNDS if self.flat.any() else 1
        self.against: Places = np.arange(0)
        """Entries that exclude each other, where that was seen."""
        self.spent = 0.0
        """Rows x parameters x gradients so far, about: what the solvers cost, without a clock."""

    def take(self, temperature: float | None) -> None:
        """Go on with surrogates of another temperature."""
        self._temperature, self._last = temperature, None

    def keep(self, entries: Places) -> None:
        """Go on with some entries of g and true, those of these places.

        What stands apart is measured on their rows alone; then all rules of these rows are kept.
        """
        self._batch = self._whole
        if self.apart and len(entries) < len(self._of_all[0]):
            segments = [(c.each or "", *(c.segment or (0, 0))) for c in self._rules]
            rows: dict[str, Places] = {}
            for name, start, stop in segments:
                own = entries[(entries >= start) & (entries < stop)] - start
                rows[name] = np.union1d(rows.get(name, own), own)
            parts = ((name, own, self._whole[name].items()) for name, own in rows.items())
            of_rows = {name: {n: c[own] for n, c in columns} for name, own, columns in parts}
            self._batch = {**self._whole, **of_rows}
            vector = entries[entries < segments[0][1]]
            entries = np.concatenate([vector, *(start + rows[name] for name, start, _ in segments)])
        self.kept, self._last = entries, None
        sizes = (len(column) for part in self._batch.values() for column in _columns(part))
        self._size = float(max(sizes, default=1) * len(self.start))
        self.equal, self.flat, self.near, self.moved = (of[entries] for of in self._of_all)

    def amounts_of_all(self, x: Vector) -> Vector:
        """What each entry exceeds its bound by, below 0 inside, also of those that are not kept."""
        kept = self.kept
        self.keep(np.arange(len(self._of_all[0])))
        with torch.no_grad():
            true = self.at(x).true
        amounts: Vector = np.where(self.equal, np.abs(true), true)
        self.keep(kept)
        return amounts

    def at(self, x: Vector) -> Values:
        """All values at a point; those of the last one are kept."""
        key = np.asarray(x, dtype=np.float64).tobytes()
        if self._session.interrupted:
            raise Interrupted
        if self._last is None or self._last[0] != key:
            if self._last is not None:
                self._last[1].graph = None
            put(self._parameters, torch.as_tensor(np.array(x), device=self._parameters[0].device))
            batch = at_temperature(self._batch, self._temperature)
            f, g, true = self._measure(self.primal, batch)
            if len(self.kept) < len(g):
                kept = torch.as_tensor(self.kept, device=g.device)
                g, true = g[kept], true[kept]
            self._last = key, Values(self, np.array(x), f, g, true)
            self.spent += self._size
        return self._last[1]

    def objective(self, x: Vector) -> float:
        """The objective as written at a point, to be minimized."""
        self.at(x)
        with torch.no_grad():
            return self._sign * float(self._objective(self.primal, self._batch))

    def derivative(self, values: Values, x: Vector, place: int) -> Vector:
        """The gradient of f (0) or g (1) at a point; it is gone to again where it was left."""
        graph = values.graph or self.at(x).graph
        assert graph is not None
        take = jacobian_of if place else gradient_of
        self.spent += self._size * max(1, graph[place].numel())
        return take(graph[place], self._parameters).cpu().numpy()

    def iterations(self) -> int:
        """How many of the solver what is left of the budget is enough for."""
        each = self._size * (VALUES + len(self.equal))
        return max(0, int((BUDGET - self.spent) / each))

    def amounts(self, x: Vector) -> Vector:
        """What each entry is violated by."""
        true: Vector = self.at(x).true
        return np.where(self.equal, np.abs(true), np.maximum(true, 0))

    def violation(self, x: Vector) -> float:
        """The largest violation."""
        return float(self.amounts(x).max(initial=0.0))

    def replaces(self, found: Vector, best: Vector) -> bool:
        """Whether a point violates no more than is allowed, and its objective is lower."""
        before, least, allowed = self.at(best).objective, self.violation(best), ROUNDING
        after, left = self.at(found).objective, self.violation(found)
        near = self.sets.violation(found) <= NEAR * (1 + float(np.abs(found).max(initial=0.0)))
        better = after < before
        if not better and least > ROUNDING:
            better = after < before + max(self.far, self.worth(found, best))
        return bool(near and np.isfinite(after) and left <= max(least, allowed) and better)

    def worth(self, found: Vector, best: Vector) -> float:
        """sum of m_i V_i, m the multipliers of a point and V what another violates.

        The solution of a convex problem costs no more than that.
        """
        m, left = self.explained(found)
        known = not self.flat.any() and left <= EXPLAINED * float(
            np.linalg.norm(self.at(found).slope)
        )
        return float(np.abs(m) @ self.amounts(best)) * (1 + AT_REST) if known else 0.0

    def explained(self, x: Vector) -> tuple[Vector, float]:
        """Multipliers by least squares of what is at its bound, and what of grad f they leave."""
        at, m = self.at(x), np.zeros(len(self.flat))
        rows = np.flatnonzero(self.equal | (at.true >= -self.near))
        columns, equal = torch.as_tensor(at.jacobian[rows]), torch.as_tensor(self.equal[rows])
        found, left = least_squares(torch.as_tensor(at.slope), columns, equal)
        m[rows] = found.numpy()
        return m, left

    def misses(self, found: Vector, nearest: Vector) -> bool:
        """Whether a point is better than the start, and comes nearer than another that is."""
        if not self.flat.any() or not self.at(found).objective < self.at(self.start).objective:
            return False
        return nearest is self.start or self.violation(found) < self.violation(nearest)


def _led(measure: FunctionType) -> Callable[..., Any]:
    """`measure` whose f has the value of its surrogate, too: line searches look at values."""
    body = unwrap(measure)
    names = {**body.__globals__, "stands_in": lambda true, surrogate: surrogate}
    led = FunctionType(body.__code__, names, body.__name__, body.__defaults__)
    return led if body is measure else followed(led)


def _double(value: Any) -> Any:
    """A copy of a model or a variable."""
    if isinstance(value, nn.Module):
        return copied(value).double()
    return nn.Parameter(value.detach().double().clone(), requires_grad=value.requires_grad)


def _columns(part: Any) -> list[Tensor]:
    """The columns of a part of a batch that have rows."""
    columns = part.values() if isinstance(part, Mapping) else [part]
    return [column for column in columns if isinstance(column, Tensor) and column.ndim]


def _doubles(part: Any) -> Any:
    """The numbers of a batch: of columns by name, and alone."""
    if isinstance(part, Mapping):
        return {name: _doubles(value) for name, value in part.items()}
    return part.double() if isinstance(part, Tensor) and part.is_floating_point() else part


def _moved(session: Session, c: ConstraintFacts) -> float:
    """The most that a requirement was away from its bound in the run, by its own measure."""
    away = [i.values.get(c.label, 0.0) - i.bounds.get(c.label, 0.0) for i in session.measured]
    return max((abs(each) for each in away if np.isfinite(each)), default=0.0) or 1.0


def slsqp(
    value: Callable[[Vector], float],
    slope: Callable[[Vector], Vector],
    start: Vector,
    ends: list[tuple[float, float]],
    constraints: list[dict[str, Any]],
    iterations: int,
) -> Vector:
    """Where the solver ends, at a minimum or not: who asks judges that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of overflow on the way
        found = scipy.optimize.minimize(
            value,
            start,
            jac=slope,
            bounds=ends,
            constraints=constraints,
            method="SLSQP",
            options={"maxiter": iterations, "ftol": 1e-12},
        )
    return np.asarray(found.x, dtype=np.float64)


def sides(value: Any, slope: Any, equal: Marks) -> list[dict[str, Any]]:
    """Rows as scipy wants them: h == 0, and -g >= 0."""
    return [
        {
            "type": kind,
            "fun": lambda x, rows=rows, sign=sign: sign * value(x)[rows],
            "jac": lambda x, rows=rows, sign=sign: sign * slope(x)[rows],
        }
        for kind, rows, sign in (("eq", equal, 1.0), ("ineq", ~equal, -1.0))
        if rows.any()
    ]
