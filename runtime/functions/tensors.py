"""Small helpers that emitted loops call: parameters by name, vectors, events as numbers."""

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


def array(*items: Value) -> Tensor:
    """`[a, b, c]`: numbers and 0-dim tensors as one vector (K,); vectors as rows: (K, N)."""
    entries = operands(*items)
    dtype = entries[0].dtype
    for entry in entries[1:]:
        dtype = torch.promote_types(dtype, entry.dtype)
    return torch.stack([entry.to(dtype) for entry in entries])


def as_weight(event: Tensor) -> Tensor:
    """An event as 0 and 1 in torch's default dtype; floating-point values as they are."""
    return event if event.is_floating_point() else event.to(torch.get_default_dtype())


def softmax(scores: Tensor) -> Tensor:
    """`exp(x) / sum(exp(x))` along the last dimension: (..., C) -> (..., C)."""
    if scores.ndim == 0:
        raise ShapeMismatch(f"softmax needs one entry a class, but got {in_words(scores)}")
    return torch.softmax(scores, dim=-1)


def total(values: Tensor) -> Tensor:
    """`sum(v)`: the sum of all entries; 0-dim. Events are counted in float64."""
    return values.sum() if values.is_floating_point() else values.sum().to(torch.float64)


def eye(n: int) -> Tensor:
    """The identity matrix (n, n) in torch's default dtype."""
    return torch.eye(n)
