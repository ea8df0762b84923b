"""Models at one point: `f(z)` of a decision variable, as a batch of one.

A variable is one input of a model, whatever its shape; a number is an input of one feature. What
comes out has no axis of examples, and one output is a number.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cspec.runtime.functions.examples import each_tensor
from cspec.runtime.functions.shapes import Value


def at_a_point(model: nn.Module, *values: Value) -> Any:
    """The outputs of a model for one input: (K,) of a vector of K, () of one output.

    Outputs with parts (tuples, mappings) keep them.
    """
    like = next(model.parameters(), None)
    dtype = torch.get_default_dtype() if like is None else like.dtype
    device = None if like is None else like.device
    inputs = [
        value if isinstance(value, Tensor) else torch.tensor(value, dtype=dtype, device=device)
        for value in values
    ]
    outputs = model(*(i.reshape(1, 1) if i.ndim == 0 else i.unsqueeze(0) for i in inputs))
    return each_tensor(outputs, _only)


def _only(outputs: Tensor) -> Tensor:
    """Of the only example; one output is a number."""
    only = outputs.squeeze(0)
    return only.squeeze(0) if only.shape == (1,) else only


def of_one(function: Callable[..., Tensor], outputs: Tensor, *rest: Any) -> Tensor:
    """`prob`, `pred`, a loss, ... of the outputs for one input, which know batches.

    Numbers among `rest` are the label of that input, as the function takes them: whole ones as
    class numbers.
    """
    batch = outputs.unsqueeze(0)
    return function(batch, *(_label(value, outputs) for value in rest)).squeeze(0)


def _label(value: Any, like: Tensor) -> Tensor:
    if isinstance(value, Tensor):
        return value.unsqueeze(0)
    whole = float(value).is_integer() and like.ndim > 0
    dtype = torch.int64 if whole else like.dtype
    return torch.tensor([value], dtype=dtype, device=like.device)
