"""Expression trees of `var` problems <-> sympy, by explicit constructors only.

No text is ever parsed by sympy: every node is built by hand, numbers are exact fractions of the
digits that were typed, powers of constants never reach big-integer arithmetic. Vectors are tuples
of scalars. What has no smooth closed form here raises `NotSymbolicError`; callers fall back to
automatic differentiation.
"""

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache, partial
from itertools import product
from typing import Any, NamedTuple, TypeAlias

import sympy as sp

from cspec.compiler.algebra.symbolic_matrices import matrix_function
from cspec.compiler.expressions.vectors import Constants
from cspec.dsl.tree.constants import Values, is_whole, value_or_none
from cspec.dsl.tree.nodes import (
    Attribute,
    Call,
    Expr,
    Index,
    Name,
    Negate,
    Number,
    Power,
    Product,
    Slice,
    Sum,
    Vector,
)
from cspec.dsl.tree.rebuild import depth
from cspec.dsl.values.shapes import Piece, piece_of

NODES = 4_000
"""Nodes of one translated expression beyond which derivatives come from autograd."""
DEEP = 60
"""Levels of a tree beyond which it has no closed form here: sympy walks them by recursion."""
EXACT_BITS = 128
"""Larger constants are taken as floating-point numbers before they are raised to a power."""
EXACT_POWER = 16

Value: TypeAlias = Any
"""A sympy expression (sympy has no types), or nested tuples of them."""


class NotSymbolicError(Exception):
    """This form has no smooth closed form, or is too large to differentiate symbolically."""


class sigmoid(sp.Function):  # type: ignore[misc]  # noqa: N801
    """1 / (1 + exp(-x)) as one function: its exponential never overflows when it is emitted."""

    is_real = True

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """s (1 - s)."""
        return self * (1 - self)

    def _eval_evalf(self, prec: int) -> sp.Expr:
        return (1 / (1 + sp.exp(-self.args[0])))._eval_evalf(prec)


class softplus(sp.Function):  # type: ignore[misc]  # noqa: N801
    """log(1 + exp(x)) as one function."""

    is_real = True

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """The sigmoid."""
        return sigmoid(self.args[0])

    def _eval_evalf(self, prec: int) -> sp.Expr:
        return sp.log(1 + sp.exp(self.args[0]))._eval_evalf(prec)


class Space(NamedTuple):
    """The decision variables of a problem and the params that its expressions name."""

    shapes: Mapping[str, tuple[int, ...]]
    """Shape of every variable as the spec declares it; () for a scalar."""
    domains: Mapping[str, tuple[sp.Expr, sp.Expr]]
    """Exact ends of the interval that a variable's entries lie in; infinite where it has none."""
    params: Values
    stand_ins: frozenset[str] = frozenset()
    """Functions of the user whose slope may be that of another function."""
    outputs: Mapping[str, tuple[int, ...]] = {}
    """Shapes of calls of models and functions that were seen: `f(z)`."""

    @property
    def size(self) -> int:
        """Number of scalar decision variables."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def coordinates(self) -> list[tuple[str, tuple[int, ...]]]:
        """Every scalar: name and index, variables in order, row by row."""
        axes = ((name, map(range, shape)) for name, shape in self.shapes.items())
        return [(name, index) for name, ranges in axes for index in product(*ranges)]

    def symbols(self) -> list[sp.Symbol]:
        """The sympy symbols of all scalars, in the same order."""
        return [symbol(name, index) for name, index in self.coordinates()]

    def box(self) -> dict[sp.Symbol, tuple[sp.Expr, sp.Expr]]:
        """The interval of every scalar."""
        everywhere = (-sp.oo, sp.oo)
        return {symbol(n, i): self.domains.get(n, everywhere) for n, i in self.coordinates()}

    def values(self) -> dict[sp.Symbol, sp.Expr]:
        """Scalar params as exact numbers."""
        scalars = {k: v for k, v in self.params.items() if not isinstance(v, tuple)}
        return {symbol(name): rational(value) for name, value in scalars.items()}


def symbol(name: str, index: tuple[int, ...] = ()) -> sp.Symbol:
    """The symbol of one scalar: `x`, or `x[2]` for an entry."""
    return sp.Symbol(f"{name}[{', '.join(map(str, index))}]" if index else name, real=True)


ELEMENTARY: dict[str, Callable[[sp.Expr], sp.Expr]] = {
    "exp": sp.exp,
    "log": sp.log,
    "sqrt": sp.sqrt,
    "sin": sp.sin,
    "cos": sp.cos,
    "tan": sp.tan,
    "arcsin": sp.asin,
    "arccos": sp.acos,
    "arctan": sp.atan,
    "sinh": sp.sinh,
    "cosh": sp.cosh,
    "tanh": sp.tanh,
    "erf": sp.erf,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "expm1": lambda x: sp.exp(x) - 1,
    "log1p": lambda x: sp.log(1 + x),
}
"""Smooth functions of the language, applied entry by entry."""


# --- Trees -> sympy ------------------------------------------------------------------------------


def scalar(expr: Expr, space: Space) -> sp.Expr:
    """The sympy expression of a scalar tree.

    Raises:
        NotSymbolicError: vectors, functions with kinks, unknown names, or too deep a nesting.
    """
    if depth(expr) > DEEP:
        raise NotSymbolicError("functions of functions of functions")
    value = translate(expr, space)
    if isinstance(value, tuple):
        raise NotSymbolicError("a vector")
    return value


def entries(expr: Expr, space: Space) -> tuple[sp.Expr, ...]:
    """All entries of a tree's value, row by row (one for a scalar)."""
    return tuple(_flat(translate(expr, space)))


def translate(expr: Expr, space: Space) -> Value:
    """The sympy value of a tree: an expression, or nested tuples of them.

    Raises:
        NotSymbolicError: forms without a smooth closed form here.
    """
    match expr:
        case Number():
            return exact(expr)
        case Name(id=name):
            return _name(name, space)
        case Negate(operand=operand):
            return _each(lambda x: -x, translate(operand, space))
        case Sum(operands=operands, operators=operators):
            return _sum([translate(o, space) for o in operands], operators)
        case Product(operands=operands, operators=operators):
            return _product([translate(o, space) for o in operands], operators)
        case Power(base=base, exponent=exponent):
            return _broadcast(power, translate(base, space), translate(exponent, space))
        case Vector(items=items):
            return tuple(translate(item, space) for item in items)
        case Constants():
            return _numbers(expr)
        case Index(value=Constants() as constants, indices=(first, *rest)) if not isinstance(
            first, Slice
        ):
            place = _position(first, constants.sizes[0], space)
            row = Constants(values=constants.row(place), sizes=constants.sizes[1:])
            return _entry(_numbers(row), tuple(rest), space)
        case Index(value=value, indices=indices):
            return _entry(translate(value, space), indices, space)
        case Attribute(value=value, name="T"):
            return _transpose(translate(value, space))
        case Call(function=Name(id="eye"), arguments=(size,), keywords=()):
            return _identity(value_or_none(size, space.params))
        case Call(function=Name(id=name), arguments=arguments, keywords=()):
            known = value_or_none(expr, space.params)
            if name in ("max", "min", "abs") and known is not None:
                # Of numbers they have no kink: bounds that follow from indices.
                return rational(known)
            return _function(name, [translate(a, space) for a in arguments])
    raise NotSymbolicError(type(expr).__name__)


def exact(number: Number) -> sp.Expr:
    """The digits as typed, as an exact fraction: `0.1` is 1/10, `10%` is 1/10."""
    text = number.text.replace("_", "")
    try:
        part = Fraction(text[:-1]) / 100 if text.endswith("%") else Fraction(text)
    except (ValueError, ZeroDivisionError):
        part = Fraction(number.value)
    return sp.Rational(*part.as_integer_ratio())


def rational(value: float) -> sp.Expr:
    """A floating-point number by its shortest decimal digits, exactly; infinities as they are."""
    if math.isinf(value):
        return sp.oo if value > 0 else -sp.oo
    return sp.Rational(*Fraction(repr(float(value))).as_integer_ratio())


def _name(name: str, space: Space) -> Value:
    if name in space.shapes:
        return _whole(name, tuple(space.shapes[name]))
    if name in space.params:
        known = space.params[name]
        if isinstance(known, tuple):
            return tuple(sp.Float(v) for v in known)
        return sp.Symbol(name, real=True)
    if name == "pi":
        return sp.pi
    raise NotSymbolicError(name)


def _identity(size: float | None) -> Value:
    if size is None:
        raise NotSymbolicError("`eye` of no known size")
    places = range(int(size))
    return tuple(tuple(sp.Integer(i == j) for j in places) for i in places)


@lru_cache(maxsize=64)
def _whole(name: str, shape: tuple[int, ...]) -> Value:
    """All entries of a variable, made once: each `x[i]` of a sum of n terms looks at them."""
    return _nest(name, shape, ())


def _nest(name: str, shape: tuple[int, ...], index: tuple[int, ...]) -> Value:
    if not shape:
        return symbol(name, index)
    return tuple(_nest(name, shape[1:], (*index, i)) for i in range(shape[0]))


def _flat(value: Value) -> list[sp.Expr]:
    if not isinstance(value, tuple):
        return [value]
    return [item for part in value for item in _flat(part)]


def _each(function: Callable[[sp.Expr], sp.Expr], value: Value) -> Value:
    if isinstance(value, tuple):
        return tuple(_each(function, item) for item in value)
    return function(value)


def _broadcast(function: Callable[[sp.Expr, sp.Expr], sp.Expr], a: Value, b: Value) -> Value:
    """Entry by entry; a scalar goes with every entry, a vector with every row."""
    if _depth(a) > _depth(b):
        return tuple(_broadcast(function, row, b) for row in a)
    if _depth(b) > _depth(a):
        return tuple(_broadcast(function, a, row) for row in b)
    if not isinstance(a, tuple):
        return function(a, b)
    if len(a) != len(b):
        raise NotSymbolicError("shapes that do not match")
    return tuple(_broadcast(function, x, y) for x, y in zip(a, b, strict=True))


def _depth(value: Value) -> int:
    if not isinstance(value, tuple):
        return 0
    return 1 + _depth(value[0]) if value else 1


def _sum(parts: list[Value], operators: tuple[str, ...]) -> Value:
    if not any(isinstance(part, tuple) for part in parts):
        pairs = zip(("+", *operators), parts, strict=True)
        return sp.Add(*(-part if sign == "-" else part for sign, part in pairs))
    total = parts[0]
    for operator, part in zip(operators, parts[1:], strict=True):
        sign = -1 if operator == "-" else 1
        total = _broadcast(sp.Add, total, _each(partial(sp.Mul, sign), part))
    return total


def _product(parts: list[Value], operators: tuple[str, ...]) -> Value:
    total = parts[0]
    for operator, part in zip(operators, parts[1:], strict=True):
        match operator:
            case "*":
                total = _broadcast(lambda x, y: x * y, total, part)
            case "/":
                total = _broadcast(_quotient, total, part)
            case _:
                total = matmul(total, part)
    return total


def _quotient(a: sp.Expr, b: sp.Expr) -> sp.Expr:
    if b == 0:
        raise NotSymbolicError("division by zero")
    return a / b


def power(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    """base ^ exponent; powers of large constants are taken in floating point."""
    if base.is_number and exponent.is_number:
        small = exponent.is_Integer and abs(int(exponent)) <= EXACT_POWER
        exact = base.is_Rational and (small or exponent == sp.S.Half)
        if exact and all(int(n).bit_length() <= EXACT_BITS for n in (base.p, base.q)):
            if base == 0 and exponent.is_negative:
                raise NotSymbolicError("division by zero")
            return base**exponent
        try:
            return sp.Float(float(base) ** float(exponent))
        except (OverflowError, ZeroDivisionError, TypeError) as error:
            raise NotSymbolicError("no finite number") from error
    return base**exponent


def matmul(a: Value, b: Value) -> Value:
    """`a @ b`.

    Raises:
        NotSymbolicError: numbers, or shapes that do not go together.
    """
    if not (isinstance(a, tuple) and isinstance(b, tuple)):
        raise NotSymbolicError("`@` between scalars")
    if max(_depth(a), _depth(b)) > 2:
        raise NotSymbolicError("`@` of kernels, which are (outputs, rest) there")
    if _depth(a) == 2:
        return tuple(matmul(row, b) for row in a)
    if len(a) != len(b):
        raise NotSymbolicError("shapes that do not match")
    if _depth(b) == 1:
        return sp.Add(*(x * y for x, y in zip(a, b, strict=True)))
    return tuple(matmul(a, column) for column in _transpose(b))


def _transpose(value: Value) -> Value:
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return tuple(zip(*value, strict=True))
    return value


def _entry(value: Value, indices: tuple[Expr, ...], space: Space) -> Value:
    """`value[indices]`, with slices of some axes."""
    if not indices:
        return value
    if not isinstance(value, tuple):
        raise NotSymbolicError("an index on a number")
    first, *rest = indices
    if isinstance(first, Slice):
        piece = piece_of(first, len(value), space.params)
        if not isinstance(piece, Piece):
            raise NotSymbolicError("a slice that is not known")
        return tuple(_entry(v, tuple(rest), space) for v in value[piece.start : piece.stop])
    return _entry(value[_position(first, len(value), space)], tuple(rest), space)


def _position(index: Expr, length: int, space: Space) -> int:
    """The place that an index names."""
    position = value_or_none(index, space.params)
    if position is None or not is_whole(position):
        raise NotSymbolicError("an index that is no constant")
    if not 0 <= int(position) < length:
        raise NotSymbolicError("an index outside the vector")
    return int(position)


def _numbers(constants: Constants) -> Value:
    """The numbers of a tensor, nested by its axes; one of no axes alone."""
    if not constants.sizes:
        return rational(constants.values[0])
    return tuple(map(_numbers, constants.rows()))


def _function(name: str, arguments: list[Value]) -> Value:
    if name in ELEMENTARY and len(arguments) == 1:
        return _each(ELEMENTARY[name], arguments[0])
    if name == "pow" and len(arguments) == 2:
        return _broadcast(power, arguments[0], arguments[1])
    if name == "dot" and len(arguments) == 2:
        return matmul(arguments[0], arguments[1])
    if len(arguments) == 1:
        if (found := matrix_function(name, arguments[0])) is not None:
            return found
        flat = _flat(arguments[0])
        match name:
            case "sum":
                return sp.Add(*flat)
            case "mean":
                return sp.Add(*flat) / len(flat)
            case "variance":
                center = sp.Add(*flat) / len(flat)
                return sp.Add(*((x - center) ** 2 for x in flat)) / len(flat)
            case "sumsq":
                return sp.Add(*(x**2 for x in flat))
            case "l2":
                return sp.sqrt(sp.Add(*(x**2 for x in flat)))
    if name == "norm" and len(arguments) == 2 and arguments[1] == 2:
        return _function("l2", arguments[:1])
    raise NotSymbolicError(f"`{name}`")


def nodes(expr: sp.Expr, limit: int = NODES) -> int:
    """Nodes of a sympy expression, counted up to `limit`."""
    count = 0
    for count, _ in enumerate(sp.preorder_traversal(expr), start=1):
        if count > limit:
            break
    return count
