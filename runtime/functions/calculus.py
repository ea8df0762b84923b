"""Derivatives of a model's output in its inputs, for residuals of differential equations.

Outputs are per sample: entry i of `u` depends on sample i of `x` alone, so the derivative of the
sum holds the derivative of every sample. The results are differentiable in the parameters.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from cspec.runtime.functions.examples import each_tensor
from cspec.runtime.functions.shapes import ShapeMismatch, in_words


class NotDifferentiableError(ValueError):
    """A derivative was asked for in a tensor that does not track gradients."""


def tracked(values: Tensor) -> Tensor:
    """A column that derivatives are taken by: the same numbers, followed from here on."""
    return values.detach().requires_grad_(True)


def followed(measure: Callable[..., Any]) -> Callable[..., Any]:
    """A function that takes derivatives inside, wherever it runs: graphs are recorded for it.

    Where the caller records none, neither does what it gives.
    """

    @wraps(measure)
    def with_graphs(*arguments: Any) -> Any:
        outside = torch.is_grad_enabled()
        with torch.enable_grad():
            found = measure(*arguments)
        return found if outside else each_tensor(found, Tensor.detach)

    return with_graphs


def grad(u: Tensor, x: Tensor) -> Tensor:
    """Gradient of `u` in `x`, of the shape of `x`: `du_i/dx_i` for every sample i.

    Zero where `u` does not depend on `x`.

    Raises:
        NotDifferentiableError: `x` does not require a gradient.
        ShapeMismatch: `u` has several outputs a sample.
    """
    if not x.requires_grad:
        raise NotDifferentiableError(
            "a derivative is taken in a variable that does not track gradients; "
            "set requires_grad before the model is evaluated"
        )
    if u.ndim > 1 and u[0].numel() != 1:
        raise ShapeMismatch(
            f"a derivative needs one output a sample, but the output is {in_words(u)}; "
            "differentiate one of its components"
        )
    if not u.requires_grad:
        return torch.zeros_like(x)
    (slope,) = torch.autograd.grad(u.sum(), x, create_graph=True, materialize_grads=True)
    return slope


def diff(u: Tensor, *xs: Tensor) -> Tensor:
    """Repeated partial derivative: `diff(u, t)`, `diff(u, x, x)`, `diff(u, t, x)`.

    Each variable has one entry a sample, (B,) or (B, 1); the result has the shape of `u`.
    """
    value = u
    for x in xs:
        if x.ndim > 1 and x[0].numel() != 1:
            raise ShapeMismatch(
                f"diff needs one entry a sample, but the variable is {in_words(x)}; "
                "use grad for a vector"
            )
        value = grad(value, x).reshape(u.shape)
    return value


def _vector_laplacian(u: Tensor, x: Tensor) -> Tensor:
    slopes_BD = grad(u, x)
    second = [grad(slopes_BD[:, i], x)[:, i] for i in range(x.shape[1])]
    return torch.stack(second).sum(0).reshape(u.shape)


def laplacian(u: Tensor, *xs: Tensor) -> Tensor:
    """Sum of the second derivatives of `u` in each variable, and in each component of a (B, D)."""
    terms = [
        _vector_laplacian(u, x) if x.ndim == 2 and x.shape[1] > 1 else diff(u, x, x) for x in xs
    ]
    return torch.stack(terms).sum(0)


def feature_slope(u: Tensor, x: Tensor, place: int, unit: float = 1.0) -> Tensor:
    """Derivative of `u` by feature `place` of `x` in the feature's own units, (B,).

    `x` holds (feature - mean) / unit, so the derivative by the feature is that by `x` over unit.
    """
    slopes = grad(u, x)
    found = slopes if slopes.ndim == 1 else slopes.flatten(1)[:, place]
    return found / unit
