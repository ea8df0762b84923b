"""Small helpers that emitted loops call: parameters by name, vectors, sums, violations."""

import base64
import functools
import operator
import sys
from array import array as array_of_floats
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cspec.runtime.functions.elementary import operands
from cspec.runtime.functions.shapes import ShapeMismatch, Value, in_words


def parameter(model: nn.Module, name: str) -> nn.Parameter:
    """The parameter of that dotted name; the name of `nn.Module.named_parameters`.

    Raises:
        AttributeError: there is none.
    """
    return model.get_parameter(name)


def array(*items: Value, primal: Mapping[str, Any] | None = None) -> Tensor:
    """`[a, b, c]`: numbers and 0-dim tensors as one vector (K,); vectors as rows: (K, N).

    Numbers take the type and the device of the tensors among the items, or, where there are none,
    of what is trained: `x - [1, 2]` is computed in the precision of x. Without `primal` they are
    float64. Rates, float64 quotients of counts, take the type of anything else.
    """
    types = {v.dtype for v in items if isinstance(v, Tensor) and v.is_floating_point()}
    if types and primal is None:
        dtype = functools.reduce(torch.promote_types, types - {torch.float64} or types)
        return torch.stack([entry.to(dtype) for entry in operands(*items)])
    like = _trained(primal)
    dtype, device = (torch.float64, None) if like is None else (like.dtype, like.device)
    if not any(isinstance(item, Tensor) for item in items):
        return torch.tensor(items, dtype=dtype, device=device)
    return torch.stack(operands(*items)).to(dtype=dtype, device=device)


def numbers(text: str) -> tuple[float, ...]:
    """The numbers of base64 of float64, the low byte first: large constants of emitted modules."""
    found = array_of_floats("d", base64.b64decode(text))
    if sys.byteorder == "big":
        found.byteswap()
    return tuple(found)


def added(*values: Tensor) -> Tensor:
    """a + b + c, entry by entry."""
    return functools.reduce(operator.add, values)


def repeated(value: Tensor, count: int) -> Tensor:
    """One number in each of so many places: () -> (count,)."""
    return value.reshape(()).expand(count)


def softmax(scores: Tensor) -> Tensor:
    """`exp(x) / sum(exp(x))` along the last dimension: (..., C) -> (..., C)."""
    if scores.ndim == 0:
        raise ShapeMismatch(f"softmax needs one entry a class, but got {in_words(scores)}")
    return torch.softmax(scores, dim=-1)


def total(values: Tensor) -> Tensor:
    """`sum(v)`: the sum of all entries; 0-dim. Events are counted in float64."""
    return values.sum() if values.is_floating_point() else values.sum().to(torch.float64)


def eye(n: int, primal: Mapping[str, Any] | None = None) -> Tensor:
    """The identity matrix (n, n), in the type and on the device of what is trained."""
    like = _trained(primal)
    if like is None:
        return torch.eye(n)
    return torch.eye(n, dtype=like.dtype, device=like.device)


def _trained(primal: Mapping[str, Any] | None) -> Tensor | None:
    """The first floating-point tensor that is trained; None where there is none."""
    for value in (primal or {}).values():
        tensors = value.parameters() if isinstance(value, nn.Module) else (value,)
        for tensor in tensors:
            if tensor.is_floating_point():
                found: Tensor = tensor.detach()
                return found
    return None


def violations(measured: Mapping[str, tuple[Any, Any]], relations: Mapping[str, str]) -> Tensor:
    """The violation of each requirement in its own units, (requirements,) float64; 0: it holds.

    `measured` has (value, bound) by label, `relations` which of them count and how: `<=` counts
    [value - bound]+, `>=` [bound - value]+, `==` |value - bound|, `in` the value, which is the
    largest entry of a set's residual. NaN where a value was not measured.
    """
    return torch.stack([_violation(*measured[label], how) for label, how in relations.items()])


def _violation(value: Any, bound: Any, relation: str) -> Tensor:
    one, other = (torch.as_tensor(side, dtype=torch.float64).cpu() for side in (value, bound))
    if relation == "==":
        return (one - other).abs()
    if relation == ">=":
        return torch.relu(other - one)
    return torch.relu(one - other)
