"""From where the steps ended to the solution nearby: a solver on whole data.

Steps of one length do not suit weights of a thousand and of a thousandth, and a few hundred
parameters do not need them. Where nobody gave an optimizer or a length, the end of a run is the
start of sequential quadratic programming (SLSQP: Kraft 1988, scipy) in double precision: BFGS sees
the units.

    minimize f(x)   s.t.  g_i(x) <= 0,  h_j(x) == 0,  x in the sets it is held in

SLSQP ends where its line search meets a kink of a network of relu, and with the requirements of
gaps and counts early. BFGS goes over kinks (Lewis and Overton 2013), so an augmented
Lagrangian is minimized by it, and SLSQP goes on from where that ends, but where the first has found
a stationary point. What smooth requirements are violated by then is taken out along the shortest
way.

A rate is flat, and its surrogate leads. What the surrogate is wrong by, true - g, is added to it
where the last solution was, and the solver goes on from there: solutions come to lie at the true
bound. What is found is taken if it violates no more than is allowed and its objective is lower,
both counted as written; where nothing met all and rates are asked for, the nearest goes on to the
restoration.
"""

from __future__ import annotations

import copy
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

from cspec.compiler.lower.graph import POLISHED
from cspec.compiler.records.program import ConstraintFacts
from cspec.runtime.finish.polish_sets import Marks, Sets, Vector
from cspec.runtime.finish.prices import least_squares
from cspec.runtime.finish.shortest_step import shortest
from cspec.runtime.finish.violation import (
    at_temperature,
    gradient_of,
    jacobian_of,
    point_of,
    put,
    temperatures,
)
from cspec.runtime.functions.calculus import followed
from cspec.runtime.measure.requirements import models_in
from cspec.runtime.models.without_trace import constants_in, evaluating, undisturbed
from cspec.runtime.operators.base import OperatorError
from cspec.runtime.result.entries import marked, spread
from cspec.runtime.result.iterate import way_of
from cspec.runtime.session.pieces import unconstrained
from cspec.runtime.session.session import Session
from cspec.runtime.session.trained import trained
from cspec.runtime.session.with_examples import longer, split_told, with_examples

EACH = 512
"""Rows of requirements on each example, parameters (`POLISHED`), and ..."""
WORK = 2e7
"""... rows x parameters, up to which a run is polished."""
BUDGET = 5e9
"""Rows x parameters x gradients that solvers may take in all: seconds."""
VALUES = 5
"""Values of f and g that an iteration asks for beside its gradients, about."""
ITERATIONS = 500
ROUNDS, ROUND = 6, 50
"""How often a surrogate is set right, and iterations each time."""
ROUNDING = 1e-9
AUGMENTED, INNER = 3, 300
"""Moves of the multipliers of the augmented Lagrangian, and iterations of BFGS before each."""
HELD_BACK = 0.1
"""Its penalties, in units of what the objective and a requirement moved by in the run: f / g^2."""
AT_REST = 1e-4
"""Share of grad f that multipliers may leave at a solution."""
NEWTON = 3
"""Steps that take out what smooth requirements are violated by."""
EXPLAINED = 0.01
"""Share of grad f that multipliers may leave where they are told."""
FAR = 0.1
"""Share of all that the objective moved that a solution may cost, where nothing was met."""
BOUND = 10.0
"""Tolerances up to which a requirement is at its bound."""
NEAR = 1e-7
"""How far, in units of 1 + |x|, a solution may be from the sets that hold it."""


def polish(session: Session) -> None:
    """Move the parameters to the solution nearby, where one is found."""
    rows = max((len(data) for data in session.data.values()), default=0)
    size = sum(p.numel() for p in session.parameters)
    if session.interrupted or size > POLISHED or rows * size > WORK:
        return
    whole = with_examples(session)
    if whole.rows > EACH:
        return
    with undisturbed(), constants_in(torch.float64):
        try:
            problem = _Problem(session)
            with evaluating(models_in(problem.primal)):
                found = _best(problem)
                before, after = problem.at(problem.start), problem.at(found)
        except (OperatorError, _Interrupted):
            return
    if found is problem.start:
        return
    put(session.parameters, torch.as_tensor(found, device=session.device))
    told = whole.told
    if told is not None and not problem.flat.any():
        told = _prices(problem, found, told)
        session.told, session.priced = split_told(session, whole, told), True
    session.notes.append(
        f"a small problem: SLSQP on whole data took the objective from "
        f"{session.sign * before.objective:.6g} to {session.sign * after.objective:.6g}"
    )


class Values:
    """What is known of a point: f and g lead the way, `objective` and `true` are as written.

    Line searches ask for values alone: gradients are taken where somebody asks for them.
    """

    def __init__(self, problem: _Problem, x: Vector, f: Tensor, g: Tensor, true: Tensor) -> None:
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


class _Interrupted(Exception):  # noqa: N818
    """The run was interrupted: it stays where its steps ended."""


class _Problem:
    """A copy of what moves, in double precision."""

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
        self._batch = {name: _doubles(part) for name, part in session.whole_batch().items()}
        self.temperatures = [None, *sorted(t for t in temperatures(session) if t < 1)[::-1]]
        self._temperature: float | None = None
        self._parameters = list(trained(self.primal).values())
        start = point_of(self._parameters).cpu()
        self.start: Vector = start.numpy()
        self.sets = Sets(session.held, session.parameters, start)
        self._last: tuple[bytes, Values] | None = None
        constraints = with_examples(session).constraints
        self.equal: Marks = marked(constraints, lambda c: c.equal).numpy()
        self.flat: Marks = marked(constraints, lambda c: bool(c.surrogate)).numpy()
        self.far = FAR * way_of(session.measured)
        near = spread(constraints, lambda c: BOUND * max(c.tolerance, ROUNDING))
        self.near, self.moved = near.numpy(), spread(constraints, partial(_moved, session)).numpy()
        self.rounds = ROUNDS if self.flat.any() else 1
        rows = max((len(data) for data in session.data.values()), default=1)
        self._size = float(rows * len(self.start))
        self.spent = 0.0
        """Rows x parameters x gradients so far, about: what the solvers cost, without a clock."""

    def take(self, temperature: float | None) -> None:
        """Go on with surrogates of another temperature."""
        self._temperature, self._last = temperature, None

    def at(self, x: Vector) -> Values:
        """All values at a point; those of the last one are kept."""
        key = np.asarray(x, dtype=np.float64).tobytes()
        if self._session.interrupted:
            raise _Interrupted
        if self._last is None or self._last[0] != key:
            if self._last is not None:
                self._last[1].graph = None
            put(self._parameters, torch.as_tensor(np.array(x), device=self._parameters[0].device))
            batch = at_temperature(self._batch, self._temperature)
            measured = self._measure(self.primal, batch)
            self._last = key, Values(self, np.array(x), *measured)
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
        m, left = _explained(self, found)
        known = not self.flat.any() and left <= EXPLAINED * float(
            np.linalg.norm(self.at(found).slope)
        )
        return float(np.abs(m) @ self.amounts(best)) * (1 + AT_REST) if known else 0.0

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
        return copy.deepcopy(value).double()
    return nn.Parameter(value.detach().double().clone(), requires_grad=value.requires_grad)


def _doubles(part: Any) -> Any:
    """The numbers of a batch: of columns by name, and alone."""
    if isinstance(part, Mapping):
        return {name: _doubles(value) for name, value in part.items()}
    return part.double() if isinstance(part, Tensor) and part.is_floating_point() else part


def _best(problem: _Problem) -> Vector:
    """The best of what the solvers find, else the start itself.

    Where no round meets all, sharper surrogates are followed from what came nearest; it goes on to
    the restoration where none of those does.
    """
    best = nearest = problem.start
    for temperature in problem.temperatures:
        problem.take(temperature)
        best, nearest = _rounds(problem, nearest, best, nearest)
        if not (problem.sets.held or _at_rest(problem, best)):
            best, nearest = _rounds(problem, _augmented(problem), best, nearest)
        if problem.violation(best) <= ROUNDING:
            return best
    return nearest if best is problem.start else best


def _moved(session: Session, c: ConstraintFacts) -> float:
    """The most that a requirement was away from its bound in the run, by its own measure."""
    away = [i.values.get(c.label, 0.0) - i.bounds.get(c.label, 0.0) for i in session.measured]
    return max((abs(each) for each in away if np.isfinite(each)), default=0.0) or 1.0


def _augmented(problem: _Problem) -> Vector:
    """Where BFGS brings the augmented Lagrangian from where the steps ended; it knows of no sets.

    f + sum ([m + c g]+^2 - m^2) / 2c from m = 0 on.
    """
    at, flat, equal = problem.at, problem.flat, problem.equal
    c = HELD_BACK * (problem.far / FAR or 1.0) / problem.moved**2
    x, m = problem.start, np.zeros(len(flat))
    for _ in range(AUGMENTED):
        if not problem.iterations():
            break
        wrong = np.where(flat, at(x).true - at(x).g, 0.0)

        def weights(v: Values, m: Vector = m, wrong: Vector = wrong) -> Vector:
            pulled = m + c * (v.g + wrong)
            return np.where(equal, pulled, np.maximum(pulled, 0))

        def value(z: Vector, m: Vector = m) -> tuple[float, Vector]:
            w = weights(at(z))
            return at(z).f + float(((w**2 - m**2) / (2 * c)).sum()), (
                at(z).slope + w @ at(z).jacobian
            )

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of overflow on the way, as in SLSQP
            found = scipy.optimize.minimize(
                value,
                x,
                jac=True,
                method="BFGS",
                options={"maxiter": min(INNER, problem.iterations())},
            )
        if not np.isfinite(found.x).all():
            break
        x = np.asarray(found.x, dtype=np.float64)
        m = weights(at(x))
    return x


def _at_rest(problem: _Problem, x: Vector) -> bool:
    """Whether multipliers of what is at its bound explain grad f: a solution."""
    left = _explained(problem, x)[1]
    return left <= max(AT_REST * float(np.linalg.norm(problem.at(x).slope)), ROUNDING)


def _explained(problem: _Problem, x: Vector) -> tuple[Vector, float]:
    """Multipliers by least squares of what is at its bound, and what of grad f they leave."""
    at, m = problem.at(x), np.zeros(len(problem.flat))
    rows = np.flatnonzero(problem.equal | (at.true >= -problem.near))
    columns, equal = torch.as_tensor(at.jacobian[rows]), torch.as_tensor(problem.equal[rows])
    found, left = least_squares(torch.as_tensor(at.slope), columns, equal)
    m[rows] = found.numpy()
    return m, left


def _met(problem: _Problem, x: Vector) -> Vector:
    """The point nearest to x, along the shortest way, that meets what is smooth."""
    active = np.zeros(len(problem.flat), dtype=bool)
    for _ in range(NEWTON):
        at = problem.at(x)
        over = problem.amounts(x) > 0
        active |= over & ~problem.flat
        if not (over & active).any():
            break
        rows = np.flatnonzero(active)
        columns, amounts = (torch.as_tensor(v[rows]) for v in (at.jacobian, at.g))
        x = x + shortest(columns, amounts, torch.as_tensor(problem.equal[rows])).numpy()
    return x


def _rounds(
    problem: _Problem, start: Vector, best: Vector, nearest: Vector
) -> tuple[Vector, Vector]:
    """Solutions from a point on, each from where the last one is: the best, and the nearest.

    What a rate was violated by is asked for on top in the next round, and half of that no more
    where it was not: counts jump where surrogates are smooth. A round that asked for too much ends
    far away, and is forgotten.
    """
    margin = np.zeros(len(problem.flat))
    for _ in range(problem.rounds):
        if not problem.iterations():
            break
        found = problem.sets.nearest(_solved(problem, start, margin))
        if not problem.sets.held:
            found = _met(problem, found)
        if problem.replaces(found, best):
            best = found
        if problem.misses(found, nearest):
            nearest = found
        if np.array_equal(found, start):
            break
        if not problem.at(found).f <= problem.at(start).f + problem.far:
            margin = margin / 4
            continue
        over = np.where(problem.flat & ~problem.equal, np.maximum(problem.at(found).true, 0), 0)
        margin = np.where(over > 0, margin + over, margin / 2)
        start = found
    return best, nearest


def _prices(problem: _Problem, x: Vector, told: Tensor) -> Tensor:
    """The multipliers of a solution, in double precision, else those that were told before it.

    Least squares of the gradients (`prices`), over equalities and what is at its bound, where they
    explain grad f, or leave no more of it than those of the steps, which belong to another point.
    """
    at, (walls, both, free) = problem.at(x), problem.sets.walls(x)
    rows = np.flatnonzero(problem.equal | (at.true >= -problem.near))
    columns = np.concatenate([at.jacobian[rows][:, free], walls])
    equal = np.concatenate([problem.equal[rows], both])
    slope = torch.as_tensor(at.slope[free])
    found, left = least_squares(slope, torch.as_tensor(columns), torch.as_tensor(equal))
    before = slope + torch.as_tensor(at.jacobian[:, free].T) @ told.cpu().double()
    if left > max(EXPLAINED * float(slope.norm()), (1 + ROUNDING) * float(before.norm())):
        return told
    prices = torch.zeros(len(at.true), dtype=torch.float64)
    prices[rows] = found[: len(rows)]
    return prices.to(told)


def _solved(problem: _Problem, start: Vector, margin: Vector) -> Vector:
    """SLSQP from a point, surrogates set right there."""
    at, sets = problem.at, problem.sets
    wrong = np.where(problem.flat, at(start).true - at(start).g, 0.0) + margin
    slopes = np.linalg.norm(at(start).jacobian, axis=1)
    # Requirements by their slopes: of 0.001 g <= 0 the solver makes the same as of g <= 0.
    unit = 1 / np.where(slopes > 0, slopes, 1.0)
    most = ROUND if problem.flat.any() else ITERATIONS
    constraints = [
        *_sides(
            lambda x: unit * (at(x).g + wrong),
            lambda x: unit[:, None] * at(x).jacobian,
            problem.equal,
        ),
        *_sides(lambda x: sets.rows(x)[0], lambda x: sets.rows(x)[1], sets.equal),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of overflow on the way: what it finds is judged
        found = scipy.optimize.minimize(
            lambda x: at(x).f,
            start,
            jac=lambda x: at(x).slope,
            bounds=list(zip(sets.lower, sets.upper, strict=True)),
            constraints=constraints,
            method="SLSQP",
            options={"maxiter": min(most, problem.iterations()), "ftol": 1e-12},
        )
    return np.asarray(found.x, dtype=np.float64)


def _sides(value: Any, slope: Any, equal: Marks) -> list[dict[str, Any]]:
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
