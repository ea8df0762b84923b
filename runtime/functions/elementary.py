"""Elementary functions that take tensors or Python numbers and return tensors.

A Python number becomes a 0-dim float64 tensor: it keeps its digits, and torch does not let a
0-dim operand widen the dtype of a larger one.
"""

from collections.abc import Callable
from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional

from cspec.runtime.functions.shapes import Value
from cspec.runtime.functions.statistics import as_numbers, vmax, vmin


def as_tensor(value: Value) -> Tensor:
    """A tensor as it is (whole numbers as float64), a Python number as a 0-dim float64 tensor."""
    if isinstance(value, Tensor):
        return as_numbers(value)
    return torch.tensor(value, dtype=torch.float64)


def _unary(function: Callable[[Tensor], Tensor], name: str) -> Callable[[Value], Tensor]:
    def apply(value: Value) -> Tensor:
        return function(as_tensor(value))

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = f"`{name}` of each entry; tensors and Python numbers."
    return apply


def _softplus(values: Tensor) -> Tensor:
    # torch's softplus switches to the identity at 20, an error of 2e-9: too much in float64.
    return torch.logaddexp(values, torch.zeros_like(values))


def _square_root(values: Tensor) -> Tensor:
    # At 0 what it is of is at its minimum, where its gradient is 0, and 0 * inf is no number.
    zero = values == 0
    roots = torch.sqrt(torch.where(zero, torch.ones_like(values), values))
    return torch.where(zero, torch.zeros_like(values), roots)


exp = _unary(torch.exp, "exp")
expm1 = _unary(torch.expm1, "expm1")
log = _unary(torch.log, "log")
log1p = _unary(torch.log1p, "log1p")
sqrt = _unary(_square_root, "sqrt")
sin = _unary(torch.sin, "sin")
cos = _unary(torch.cos, "cos")
tan = _unary(torch.tan, "tan")
arcsin = _unary(torch.arcsin, "arcsin")
arccos = _unary(torch.arccos, "arccos")
arctan = _unary(torch.arctan, "arctan")
sinh = _unary(torch.sinh, "sinh")
cosh = _unary(torch.cosh, "cosh")
tanh = _unary(torch.tanh, "tanh")
sigmoid = _unary(torch.sigmoid, "sigmoid")
softplus = _unary(_softplus, "softplus")
relu = _unary(functional.relu, "relu")
erf = _unary(torch.erf, "erf")
absolute = _unary(torch.abs, "abs")
sign = _unary(torch.sign, "sign")
floor = _unary(torch.floor, "floor")


def in_units(value: Value) -> Tensor:
    """`in_units(x)` = 4 x / mean |x| over all entries that are finite; the mean has no gradient."""
    values = as_tensor(value)
    sizes = values.detach().abs()
    mean = sizes[torch.isfinite(sizes)].mean() if sizes.ndim else sizes
    return 4 * values / torch.where(mean > 0, mean, torch.ones_like(mean))


def operands(*values: Value) -> list[Tensor]:
    """The values as tensors on one device: numbers are filled in there, without a copy."""
    device = next((v.device for v in values if isinstance(v, Tensor)), None)
    return [
        as_tensor(v)
        if isinstance(v, Tensor)
        else torch.full((), float(v), dtype=torch.float64, device=device)
        for v in values
    ]


def maximum(first: Value, *others: Value) -> Tensor:
    """`max(v)`: largest entry that is not NaN. `max(a, b, ...)`: entry by entry."""
    found = operands(first, *others)
    return reduce(torch.maximum, found) if others else vmax(*found)


def minimum(first: Value, *others: Value) -> Tensor:
    """`min(v)`: smallest entry that is not NaN. `min(a, b, ...)`: entry by entry."""
    found = operands(first, *others)
    return reduce(torch.minimum, found) if others else vmin(*found)


def clip(value: Value, low: Value, high: Value) -> Tensor:
    """`clip(x, lo, hi)` = min(max(x, lo), hi), entry by entry; its slope is 0 outside."""
    return minimum(maximum(value, low), high)


def where(event: Tensor | bool, first: Value, second: Value) -> Tensor:
    """`where(event, a, b)`: a where the event holds, else b, entry by entry.

    Both are computed: a slope that is not finite where it is not taken would reach the result as
    NaN, so what emitted branches are of is within their domains.
    """
    one, other = operands(first, second)
    held = event if isinstance(event, Tensor) else torch.tensor(event, device=one.device)
    return torch.where(held, one, other)


def power(base: Value, exponent: Value) -> Tensor:
    """`base ^ exponent`, entry by entry. A constant exponent stays a number."""
    return torch.pow(as_tensor(base), exponent)
