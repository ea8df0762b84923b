"""A small deterministic problem as functions of one flat vector, for solvers of scipy.

minimize f(x) subject to g_i(x) <= 0 or == 0 and lower <= x <= upper, in float64. The functions are
those of the emitted module: `measure` for values, `gradient`, `jacobian` and `hessian` for exact
derivatives; where the compiler wrote none, automatic differentiation stands in. Where everything is
written out entry by entry they run on Python numbers (`nlp_floats`). Values that are not finite
become large ones, so that a line search turns back instead of failing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cspec.compiler.records.program import VariableSetup
from cspec.runtime.functions.elementary import as_tensor
from cspec.runtime.solvers.nlp import autograd as nlp_autograd
from cspec.runtime.solvers.nlp.floats import Numbers
from cspec.runtime.task import Measure

Vector = NDArray[np.float64]
Derivative = Callable[[Mapping[str, Any]], Tensor]
Curvature = Callable[[Mapping[str, Any], Tensor], Tensor]

HUGE = 1e20
"""What a value that is not finite counts as."""
TENSOR = 40
"""Cost of an operation on a tensor, in those of an operation on a number."""
EACH = 2_000
"""Cost of an evaluation whatever the functions: the solver's own, and the record of the run."""
FACTOR = 0.1
"""Cost of a step's linear algebra, per cube of variables and constraints."""
BACKWARD = 3
"""Cost of a backward pass, in forward ones."""

ROUNDING = 1e-15
"""Rounding of an entry of a Hessian, in its largest."""


def matrix(rows: int, columns: int, *entries: tuple[int, int, Tensor | float]) -> Tensor:
    """The dense matrix (rows, columns) of the entries (row, column, value) that are not zero."""
    found = torch.zeros(rows, columns, dtype=torch.float64)
    for row, column, value in entries:
        found[row, column] = as_tensor(value)
    return found


def symmetric(size: int, *entries: tuple[int, int, Tensor | float]) -> Tensor:
    """The symmetric matrix (size, size) of the entries of its lower triangle."""
    lower = matrix(size, size, *entries)
    return lower + lower.T - torch.diag(lower.diagonal())


@dataclass
class Count:
    """What a solve has cost, counted by its problem and by all forms of it together."""

    evaluations: int = 0
    work: float = 0.0
    """Operations on numbers so far, about: what an attempt cost, without a clock."""
    allowed: float = np.inf
    """Work at which an attempt ends with `Spent`."""


class Nlp:
    """The problem of a session over a flat vector `x` of its decision variables, in order."""

    excess: Callable[[Vector], Vector] | None = None
    """What is violated, made of g, where that is not every row of it: of rules, one way each."""

    def __init__(
        self,
        primal: Mapping[str, Any],
        variables: Sequence[VariableSetup],
        measure: Measure,
        equalities: Sequence[bool],
        gradient: Derivative | None = None,
        jacobian: Derivative | None = None,
        hessian: Curvature | None = None,
        bounded: Mapping[int, tuple[int, float, float]] | None = None,
        affine: Sequence[tuple[int, int]] = (),
        quadratic: str = "",
        operations: Mapping[str, int] | None = None,
    ) -> None:
        self._primal = primal
        self._variables = variables
        self._tensors: list[Tensor] = [primal[v.name] for v in variables]
        self._measure, self._gradient = measure, gradient
        self._jacobian, self._hessian = jacobian, hessian
        self.analytic = hessian is not None
        """Whether every function is known to have a closed form of elementary functions."""
        self.equalities = np.array(equalities, dtype=bool)
        self.size = sum(t.numel() for t in self._tensors)
        self._hold_bounds(bounded or {})
        self.affine = np.zeros(len(self.equalities), dtype=bool)
        """Entries of g whose gradient is the same everywhere: it is found once."""
        for start, stop in affine:
            self.affine[start:stop] = True
        self.quadratic = quadratic
        """`objective`: f is of degree 2 at most. `all`: and g is affine, so that the Hessian of the
        Lagrangian is the same everywhere."""
        self.watch: Callable[[], None] = lambda: None
        """Called before each evaluation; what it raises ends the solver."""
        self.count = Count()
        self._evaluated_by(operations or {})
        self._at: Vector | None = None
        self._loaded = False
        self._known: dict[object, Any] = {}
        self._constant: NDArray[np.float64] | None = None
        self._curvature: NDArray[np.float64] | None = None

    def _hold_bounds(self, bounded: Mapping[int, tuple[int, float, float]]) -> None:
        """Bounds of the variables: those that are declared, and entries of g that are no more."""
        self.lower = self._bound("lower", -np.inf)
        self.upper = self._bound("upper", np.inf)
        self.declared = (self.lower.copy(), self.upper.copy())
        """Bounds as declared, without those that stand for constraints."""
        self.explicit = np.ones(len(self.equalities), dtype=bool)
        """Entries of g that a solver has to see; the others are bounds of one variable."""
        self.bounds = np.full(len(self.equalities), -1)
        """Place in x of the variable that an entry of g is a bound of; -1 for any other entry."""
        for entry, (place, low, high) in bounded.items():
            self.explicit[entry] = False
            self.bounds[entry] = place
            self.lower[place] = max(self.lower[place], low)
            self.upper[place] = min(self.upper[place], high)

    def _evaluated_by(self, operations: Mapping[str, int]) -> None:
        """The functions on Python numbers, where they can be, and what each of them costs."""
        given = {
            "measure": self._measure,
            "gradient": self._gradient,
            "jacobian": self._jacobian,
            "hessian": self._hessian,
        }
        self._numbers = Numbers(
            given,
            [v.name for v in self._variables],
            [tuple(t.shape) for t in self._tensors],
            (matrix, symmetric),
        )
        self._cost = {
            word: 0.0 if function is None else float(operations.get(word, 1))
            for word, function in given.items()
        }

    def _bound(self, side: str, default: float) -> Vector:
        given = [getattr(setup, side) for setup in self._variables]
        values = [default if value is None else value for value in given]
        return np.repeat(np.array(values, dtype=np.float64), [t.numel() for t in self._tensors])

    # --- points ---

    def point(self) -> Vector:
        """The variables as they are."""
        flat = [t.detach().reshape(-1).double() for t in self._tensors]
        return np.array(torch.cat(flat).numpy(), dtype=np.float64)

    def put(self, x: Vector) -> None:
        """Give the variables the values of `x`."""
        self._at, self._known = None, {}
        self._load(x)

    def load(self, x: Vector) -> None:
        """Let the variables be `x`, for what reads them."""
        self._memory(x)
        if not self._loaded:
            self._load(x)
            self._loaded = True

    @torch.no_grad()
    def _load(self, x: Vector) -> None:
        start = 0
        for tensor in self._tensors:
            part = torch.as_tensor(x[start : start + tensor.numel()])
            tensor.copy_(part.reshape(tensor.shape))
            start += tensor.numel()

    def clip(self, x: Vector) -> Vector:
        """The nearest point within the bounds."""
        return np.clip(x, self.lower, self.upper)

    def tighten(self, x: Vector) -> Vector:
        """`x` with what follows from the rest of it set: nothing here."""
        return x

    def _memory(self, x: Vector) -> dict[object, Any]:
        if self._at is None or not np.array_equal(x, self._at, equal_nan=True):
            self._at, self._known, self._loaded = x.copy(), {}, False
        return self._known

    def _on_numbers(self, word: str, x: Vector, *more: Any) -> Any:
        """An emitted function on numbers; None where tensors have to find it."""
        fast = self._numbers.has(word)
        self.count.work += self._cost[word] * (1 if fast else TENSOR)
        return self._numbers.call(word, x, *more) if fast else None

    def factored(self) -> None:
        """Count a step of a solver that factorizes a matrix of all variables and constraints."""
        self.count.work += FACTOR * float(self.size + int(self.explicit.sum())) ** 3

    # --- values and derivatives ---

    def raw(self, x: Vector) -> tuple[float, Vector]:
        """f and g as they are, also where they are not finite."""
        known = self._memory(x)
        if "values" not in known:
            self.watch()
            if self.count.work > self.count.allowed:
                raise Spent
            self.count.evaluations += 1
            self.count.work += EACH
            quick = self._on_numbers("measure", x, {})
            together = None if quick is None else np.append(np.asarray(quick[1]), quick[0])
            found = self._numbers.checked("measure", together, lambda: self._exact(x))
            known["values"] = (float(found[-1]), found[:-1])
        result: tuple[float, Vector] = known["values"]
        return result

    def _exact(self, x: Vector) -> Vector:
        """g and f by tensors."""
        self.load(x)
        with torch.no_grad():
            f, g, _ = self._measure(self._primal, {})
        return np.append(g.detach().double().numpy().reshape(-1), float(f.detach()))

    def values(self, x: Vector) -> tuple[float, Vector]:
        """f and g; what is not finite counts as a large value."""
        f, g = self.raw(x)
        return (f if np.isfinite(f) else HUGE), np.where(np.isfinite(g), g, HUGE)

    def slopes(self, x: Vector) -> tuple[Vector, NDArray[np.float64]]:
        """Gradient of f (n,) and Jacobian of g (m, n); entries that are not finite are 0."""
        known = self._memory(x)
        if "slopes" not in known:
            rows = self._rows(x)
            known["slopes"] = (self.gradient(x), _tamed(rows))
            known["sloped"] = known["sloped"] and bool(np.isfinite(rows).all())
        found: tuple[Vector, NDArray[np.float64]] = known["slopes"]
        return found

    def gradient(self, x: Vector) -> Vector:
        """Gradient of f (n,); entries that are not finite are 0."""
        known = self._memory(x)
        if "gradient" not in known:
            if self._gradient is not None:
                found = self._written("gradient", x, self._gradient)
            else:
                found = nlp_autograd.gradient(self._graph(x)[0], self._tensors)
            known["gradient"] = _tamed(found)
            known["sloped"] = bool(np.isfinite(found).all())
        result: Vector = known["gradient"]
        return result

    def pull(self, x: Vector, weights: Vector) -> Vector:
        """Gradient of f + <weights, g>: one backward pass where no Jacobian was written out."""
        known = self._memory(x)
        if self._jacobian is not None or "slopes" in known or not weights.any():
            own = self.gradient(x)
            return own + weights @ self.slopes(x)[1] if len(weights) else own
        f, g = self._graph(x)
        total = (g * torch.as_tensor(weights)).sum()
        if self._gradient is None:
            return _tamed(nlp_autograd.gradient(f + total, self._tensors))
        return self.gradient(x) + _tamed(nlp_autograd.gradient(total, self._tensors))

    def _written(self, word: str, x: Vector, function: Callable[..., Tensor], *more: Any) -> Any:
        """An emitted derivative, on numbers where it can be."""

        def exact() -> Vector:
            self.load(x)
            with torch.no_grad():
                given = [torch.as_tensor(item) for item in more]
                return np.array(function(self._primal, *given).double().numpy())

        quick = self._on_numbers(word, x, *(tuple(item.tolist()) for item in more))
        return self._numbers.checked(word, quick, exact)

    def _graph(self, x: Vector) -> tuple[Tensor, Tensor]:
        """f and g with what their derivatives need."""
        self.load(x)
        self.count.work += BACKWARD * TENSOR * self._cost["measure"]
        if "graph" not in self._known:
            with torch.enable_grad():
                f, g, _ = self._measure(self._primal, {})
            self._known["graph"] = (f, g)
        found: tuple[Tensor, Tensor] = self._known["graph"]
        return found

    def _rows(self, x: Vector) -> NDArray[np.float64]:
        if self._jacobian is not None:
            return np.asarray(self._written("jacobian", x, self._jacobian))
        count = len(self.equalities)
        if not count:
            return np.zeros((0, self.size))
        if self._constant is None:
            places = np.flatnonzero(self.affine)
            known = nlp_autograd.jacobian(self._graph(x)[1], places, self._tensors, self.size)
            self._constant = np.zeros((count, self.size))
            self._constant[places] = known
        places = np.flatnonzero(~self.affine)
        if not len(places):
            return self._constant
        found = self._constant.copy()
        found[places] = nlp_autograd.jacobian(self._graph(x)[1], places, self._tensors, self.size)
        return found

    def curvature(self, x: Vector, multipliers: Vector) -> NDArray[np.float64]:
        """Hessian of f + <multipliers, g>."""
        if self.quadratic == "all" or (self.quadratic and not multipliers.any()):
            if self._curvature is None:
                self._curvature = self._curved(x, np.zeros(len(self.equalities)))
            return self._curvature
        return self._curved(x, multipliers)

    def semidefinite(self) -> bool:
        """Whether the Hessian of a quadratic f has no negative eigenvalue but for rounding."""
        hessian = self.curvature(self.point(), np.zeros(len(self.equalities)))
        floor = ROUNDING * self.size * float(np.abs(hessian).max(initial=0.0))
        try:
            np.linalg.cholesky(hessian + floor * np.eye(self.size))
        except np.linalg.LinAlgError:
            return False
        return True

    def _curved(self, x: Vector, multipliers: Vector) -> NDArray[np.float64]:
        known = self._memory(x)
        key = ("curvature", multipliers.tobytes())
        if key not in known:
            if self._hessian is not None:
                found = self._written("hessian", x, self._hessian, multipliers)
            else:
                f, g = self._graph(x)
                self.count.work += BACKWARD * BACKWARD * TENSOR * self._cost["measure"]
                weights = torch.as_tensor(multipliers)
                with torch.enable_grad():
                    total = f + (g * weights).sum() if len(multipliers) else f
                found = nlp_autograd.hessian(total, self._tensors, self.size)
            known[key] = _tamed(found)
        result: NDArray[np.float64] = known[key]
        return result

    def defined(self, x: Vector) -> bool:
        """Whether f and g are numbers at `x`."""
        f, g = self.raw(x)
        return bool(np.isfinite(f) and np.isfinite(g).all())

    def sloped(self, x: Vector) -> bool:
        """Whether all first derivatives are numbers at `x`: sqrt has none at 0."""
        known = self._memory(x)
        self.slopes(x)
        return bool(known["sloped"])

    def violation(self, x: Vector) -> float:
        """The largest violation of a constraint or bound; infinite where f or g is no number."""
        f, g = self.raw(x)
        if not np.isfinite(f) or not np.isfinite(g).all():
            return float("inf")
        over = np.where(self.equalities, np.abs(g), g)
        if self.excess is not None:
            over = self.excess(g)
        outside = np.concatenate([self.lower - x, x - self.upper])
        return float(max(over.max(initial=0.0), outside.max(initial=0.0), 0.0))


class Spent(Exception):  # noqa: N818
    """An attempt took more work than it was allowed."""


def _tamed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.where(np.isfinite(values), values, 0.0))
