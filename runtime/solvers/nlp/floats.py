"""Emitted functions on Python numbers, for problems that are written out entry by entry.

There every operation is on one number, and a tensor of one number costs fifty times as much as a
Python float. The functions are the emitted ones, the same code: their names for elementary
functions mean those of `math`, and `vector`, `matrix` and `symmetric` make numpy arrays. A function
that does more than that (whole vectors, functions of the user) stays with tensors, and so does a
point at which arithmetic on numbers raises where tensors give inf or nan.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from cspec.runtime import functions
from cspec.runtime.steps.update import vector

Array = NDArray[np.float64]
Numeric = Callable[..., Any]

RAISED = (ArithmeticError, ValueError, TypeError)
"""What arithmetic on numbers raises where tensors give inf or nan (TypeError: a complex power)."""
MANY = 400
"""Numbers of a tensor from which it is no set of single numbers."""
AGREEMENT = 1e-9
"""Relative difference from tensors up to which both count as the same function."""


class Row(np.ndarray[Any, np.dtype[np.float64]]):
    """Numbers that an emitted function may detach, as it does with tensors."""

    def detach(self) -> Row:
        """Itself: numbers have no gradient."""
        return self


def _vector(*parts: float) -> Array:
    return np.array([float(part) for part in parts], dtype=np.float64).view(Row)


def matrix(rows: int, columns: int, *entries: tuple[int, int, float]) -> Array:
    """The dense matrix of the entries that are not zero."""
    found = np.zeros((rows, columns))
    for row, column, value in entries:
        found[row, column] = float(value)
    return found


def symmetric(size: int, *entries: tuple[int, int, float]) -> Array:
    """The symmetric matrix of the entries of its lower triangle."""
    found = np.zeros((size, size))
    for row, column, value in entries:
        found[row, column] = found[column, row] = float(value)
    return found


def _sigmoid(x: float) -> float:
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    grown = math.exp(x)
    return grown / (1 + grown)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _largest(first: float, second: float, *others: float) -> float:
    values = [float(v) for v in (first, second, *others)]
    return math.nan if any(map(math.isnan, values)) else max(values)


def _smallest(first: float, second: float, *others: float) -> float:
    return -_largest(-first, -second, *(-v for v in others))


class Entries(tuple[float, ...]):
    """Entries of a vector: whole vectors are not added or repeated as tuples would be."""

    def __add__(self, other: object) -> Any:
        raise TypeError

    __radd__ = __mul__ = __rmul__ = __add__


def _sumsq(values: Entries) -> float:
    if not isinstance(values, Entries):
        raise TypeError
    return math.fsum(value * value for value in values)


_MEANS: dict[str, Numeric] = {
    "exp": math.exp, "expm1": math.expm1, "log": math.log, "log1p": math.log1p, "sqrt": math.sqrt,
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "arcsin": math.asin, "arccos": math.acos,
    "arctan": math.atan, "sinh": math.sinh, "cosh": math.cosh, "tanh": math.tanh, "erf": math.erf,
    "sigmoid": _sigmoid, "softplus": _softplus, "absolute": abs, "maximum": _largest,
    "minimum": _smallest, "relu": lambda x: max(float(x), 0.0),
    "sumsq": _sumsq, "array": lambda *values, primal: Entries(values),
}  # fmt: skip


def on_numbers(
    function: Callable[..., Any], shapes: Sequence[Callable[..., Any]]
) -> Numeric | None:
    """The function on numbers; None where it does more than arithmetic on single numbers.

    `shapes`: the makers of a matrix and of a symmetric one that its module names.
    """
    code = getattr(function, "__code__", None)
    if code is None:
        return None
    space = getattr(function, "__globals__", {})
    known = {id(getattr(functions, word)): f for word, f in _MEANS.items()}
    known |= {id(vector): _vector}
    known |= dict(zip(map(id, shapes), (matrix, symmetric), strict=True))
    own: dict[str, Any] = {}
    for word in _names(code) & space.keys():
        value = space[word]
        if id(value) in known:
            own[word] = known[id(value)]
        elif isinstance(value, bool | int | float) or value is math:
            own[word] = value
        elif isinstance(value, tuple) or (isinstance(value, Tensor) and value.numel() < MANY):
            own[word] = entries(np.asarray(value, dtype=np.float64))
        else:
            return None
    return FunctionType(code, own)


def _names(code: CodeType) -> set[str]:
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _names(constant)
    return found


def entries(values: Array) -> Any:
    """Numbers that only indexing gets at: a tuple, or for more dimensions a mapping of places."""
    if values.ndim == 1:
        return Entries(values.tolist())
    return {place: float(value) for place, value in np.ndenumerate(values)}


class Numbers:
    """The functions of one problem on numbers, as far as they have such a form."""

    def __init__(
        self,
        given: Mapping[str, Callable[..., Any] | None],
        names: Sequence[str],
        sizes: Sequence[tuple[int, ...]],
        shapes: Sequence[Callable[..., Any]],
    ) -> None:
        self._names, self._sizes = names, sizes
        self._functions = {
            word: found
            for word, function in given.items()
            if function is not None and (found := on_numbers(function, shapes)) is not None
        }
        self._trusted: set[str] = set()

    def has(self, word: str) -> bool:
        """Whether a function is on numbers."""
        return word in self._functions

    def call(self, word: str, x: Array, *more: Any) -> Any:
        """Its value; None where tensors have to find it."""
        function = self._functions.get(word)
        if function is None:
            return None
        try:
            found = function(self._primal(x), *more)
            return np.asarray(found) if isinstance(found, Row) else found
        except RAISED:
            return None
        except (AttributeError, LookupError, NameError):
            del self._functions[word]
            return None

    def checked(self, word: str, found: Array | None, reference: Callable[[], Array]) -> Array:
        """`found`, compared with tensors the first time; what disagrees is not used again."""
        if found is not None and word in self._trusted:
            return found
        exact = reference()
        if found is not None and np.isfinite(exact).all():
            if np.allclose(found, exact, rtol=AGREEMENT, atol=AGREEMENT):
                self._trusted.add(word)
            else:
                self._functions.pop(word, None)
        return exact

    def _primal(self, x: Array) -> dict[str, Any]:
        found, start = {}, 0
        for name, size in zip(self._names, self._sizes, strict=True):
            count = math.prod(size)
            found[name] = entries(x[start : start + count].reshape(size))
            start += count
        return found
