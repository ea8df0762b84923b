"""Values that the text alone gives: constant arithmetic in floats.

Never big-integer arithmetic: `9^9^9^9` overflows to a message, not to a computation.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from operator import add, mul, sub, truediv
from typing import NamedTuple

from cspec.dsl.tree.nodes import Call, Expr, Name, Negate, Number, Power, Product, Sum

CONSTANTS: dict[str, float] = {"pi": math.pi, "inf": math.inf}
TRUTHS: dict[str, bool] = {"true": True, "false": False}
"""The values of a column that holds what is true or false."""

FUNCTIONS: dict[str, Callable[..., float]] = {
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "tanh": math.tanh,
    "arcsin": math.asin,
    "arccos": math.acos,
    "arctan": math.atan,
    "abs": abs,
    "floor": lambda x: x if math.isinf(x) else math.floor(x),
    "clip": lambda x, low, high: min(max(x, low), high),
    "min": min,
    "max": max,
}
"""Functions of numbers that constants may use."""
_SEVERAL = {"min": None, "max": None, "clip": 3}
"""Those of several numbers, and of how many (None: of any)."""

Values = Mapping[str, float | tuple[float, ...]]


class NotFiniteError(Exception):
    """Constant arithmetic left the range of floating-point numbers; `expr` is where."""

    def __init__(self, expr: Expr, why: str) -> None:
        self.expr = expr
        super().__init__(why)


def constant(expr: Expr, values: Values) -> float | None:
    """The value of an expression of numbers, constants and `values`; None if it is no constant.

    Raises `NotFiniteError` where arithmetic overflows, divides by zero or leaves the reals.
    """
    match expr:
        case Number(value=value):
            return value
        case Name(id=name):
            known = values.get(name)
            if known is None:
                return CONSTANTS.get(name)
            return None if isinstance(known, tuple) else known
        case Negate() | Sum() | Product() | Power() | Call():
            return _once(expr, values)
    return None


class _Found(NamedTuple):
    """A value, or why there is none; and of what, so that no other takes the place of it."""

    value: float | None
    failure: NotFiniteError | None
    of: tuple[Expr, Values]


_remembered: ContextVar[dict[tuple[int, int, int], _Found] | None] = ContextVar(
    "constants", default=None
)
_MOST = 100_000


@contextmanager
def remembered() -> Iterator[None]:
    """Inside, a constant is computed once for the same values: each level of a tree asks for all
    that are below it.
    """
    before = _remembered.set({})
    try:
        yield
    finally:
        _remembered.reset(before)


def _once(expr: Expr, values: Values) -> float | None:
    memory = _remembered.get()
    if memory is None:
        return _computed(expr, values)
    key = id(expr), id(values), len(values)  # values are only ever added
    found = memory.get(key)
    if found is None:
        if len(memory) >= _MOST:
            memory.clear()
        try:
            found = _Found(_computed(expr, values), None, (expr, values))
        except NotFiniteError as failure:
            found = _Found(None, failure, (expr, values))
        memory[key] = found
    if found.failure is not None:
        raise found.failure
    return found.value


def _computed(expr: Expr, values: Values) -> float | None:
    match expr:
        case Negate(operand=operand):
            inner = constant(operand, values)
            return None if inner is None else -inner
        case Sum() | Product():
            return _fold(expr, values)
        case Power(base=base, exponent=exponent):
            low, high = constant(base, values), constant(exponent, values)
            return None if low is None or high is None else _power(expr, low, high)
        case Call(function=Name(id=name), arguments=arguments, keywords=()):
            return _call(expr, name, arguments, values)
    return None


def _fold(expr: Sum | Product, values: Values) -> float | None:
    numbers = _numbers(expr.operands, values)
    if numbers is None:
        return None
    total, *rest = numbers
    for operator, part in zip(expr.operators, rest, strict=True):
        if operator == "/" and part == 0:
            raise NotFiniteError(expr, "divides by zero")
        if operator not in _STEPS:
            return None
        total = _STEPS[operator](total, part)
    if math.isnan(total):
        raise NotFiniteError(expr, "is not a number")
    return total


_STEPS: dict[str, Callable[[float, float], float]] = {"+": add, "-": sub, "*": mul, "/": truediv}


def _numbers(parts: tuple[Expr, ...], values: Values) -> list[float] | None:
    """The values of several expressions; None where one of them is no constant."""
    found = [constant(part, values) for part in parts]
    known = [value for value in found if value is not None]
    return known if len(known) == len(found) else None


def _power(expr: Expr, base: float, exponent: float) -> float:
    try:
        result = float(base) ** float(exponent)
    except OverflowError as error:
        raise NotFiniteError(expr, "is larger than any number a computer holds") from error
    except ZeroDivisionError as error:
        raise NotFiniteError(expr, "divides by zero") from error
    if isinstance(result, complex):
        raise NotFiniteError(expr, "is no real number")
    return float(result)


def _call(expr: Expr, name: str, arguments: tuple[Expr, ...], values: Values) -> float | None:
    function = FUNCTIONS.get(name)
    if function is None or not arguments:
        return None
    numbers = _numbers(arguments, values)
    if numbers is None or _SEVERAL.get(name, 1) not in (None, len(numbers)):
        return None
    if len(numbers) == 1 and name in ("min", "max"):
        return numbers[0]
    try:
        return float(function(*numbers))
    except OverflowError as error:
        raise NotFiniteError(expr, "is larger than any number a computer holds") from error
    except ValueError as error:
        raise NotFiniteError(expr, "is no real number") from error


def is_whole(value: float) -> bool:
    """Whether a number is an integer, which an infinite one is not."""
    return float(value).is_integer()


def value_or_none(expr: Expr, values: Values) -> float | None:
    """Like `constant`, for places where a bad constant is reported elsewhere."""
    try:
        return constant(expr, values)
    except NotFiniteError:
        return None
