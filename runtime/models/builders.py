"""Networks that a spec names: `linear`, `mlp`, `cnn`; sizes come from the data and the loss.

Weights are drawn with torch's global generator: the caller seeds it. One output is returned as
(B,), several as (B, outputs).
"""

import inspect
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cspec.runtime.models.gates import HardConcreteConv2d, HardConcreteLinear

Builder = Callable[..., nn.Module]


class ModelError(ValueError):
    """A model that can't be built as asked; the message says what to write instead."""


class Sine(nn.Module):
    """sin, entry by entry: an activation for differential equations."""

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.sin(inputs)


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "sin": Sine,
    "identity": nn.Identity,
}

GATES = ("none", "hard_concrete")


class Network(nn.Sequential):
    """Named layers in order (`conv1`, `fc1`, ...); a single output loses its dimension.

    Inputs are (B, ...) or one number an example, (B,); several are put side by side, and whole
    numbers are taken as numbers.
    """

    def __init__(self, layers: dict[str, nn.Module], outputs: int) -> None:
        super().__init__(OrderedDict(layers))
        self.outputs = outputs

    def forward(self, *inputs: Tensor) -> Tensor:
        dtype = next(self.parameters()).dtype
        rows = [_as_rows(values, dtype) for values in inputs]
        joint = rows[0] if len(rows) == 1 else torch.cat([r.flatten(1) for r in rows], dim=1)
        result: Tensor = super().forward(joint)  # type: ignore[no-untyped-call]
        return result.squeeze(-1) if self.outputs == 1 else result


def _as_rows(values: Tensor, dtype: torch.dtype) -> Tensor:
    """(B,) as (B, 1), whole numbers in the type of the weights."""
    rows = values.unsqueeze(1) if values.ndim == 1 else values
    return rows if rows.is_floating_point() else rows.to(dtype)


def _activation(name: str) -> nn.Module:
    if name not in ACTIVATIONS:
        raise ModelError(f"unknown activation `{name}`; known: {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]()


def _sizes(values: int | Sequence[int], what: str) -> tuple[int, ...]:
    sizes = (values,) if isinstance(values, int) else tuple(values)
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ModelError(f"{what} holds whole numbers of at least 1, but one is {size!r}")
    return sizes


def _gated(gates: str | None) -> bool:
    """Whether layers get gates; None and "none" say no."""
    if gates is not None and gates not in GATES:
        raise ModelError(f"unknown gates `{gates}`; known: {', '.join(GATES)}")
    return gates == "hard_concrete"


def _linear_layer(
    inputs: int, outputs: int, bias: bool, gated: bool, drop_rate: float
) -> nn.Module:
    if not gated:
        return nn.Linear(inputs, outputs, bias=bias)
    return HardConcreteLinear(inputs, outputs, bias=bias, drop_rate=drop_rate)


def _conv_layer(inputs: int, outputs: int, gated: bool, drop_rate: float) -> nn.Module:
    if not gated:
        return nn.Conv2d(inputs, outputs, 3, padding=1)
    return HardConcreteConv2d(inputs, outputs, 3, padding=1, drop_rate=drop_rate)


def linear(
    inputs: int | Sequence[int],
    outputs: int,
    *,
    bias: bool = True,
    gates: str | None = None,
    drop_rate: float = 0.01,
) -> nn.Module:
    """One linear map of the flattened inputs; weight (outputs, inputs).

    `gates="hard_concrete"` puts a gate on each weight, dropped at first with `drop_rate`.
    """
    return mlp(inputs, outputs, hidden=(), bias=bias, gates=gates, drop_rate=drop_rate)


def mlp(
    inputs: int | Sequence[int],
    outputs: int,
    *,
    hidden: int | Sequence[int] = (300, 100),
    act: str = "relu",
    bias: bool = True,
    dropout: float = 0.0,
    gates: str | None = None,
    drop_rate: float = 0.01,
) -> nn.Module:
    """Fully connected network on flattened inputs, an activation after each hidden layer.

    Its layers are `flatten`, then `fc1 ... fcN`. `dropout` is the probability of zeroing a hidden
    unit in training.

    Raises:
        ModelError: an unknown activation or gate, a size that is no whole number of at least 1.
    """
    (outputs,) = _sizes(outputs, "outputs")
    size = math.prod(_sizes(inputs, "inputs"))
    gated = _gated(gates)
    layers: dict[str, nn.Module] = {"flatten": nn.Flatten()}
    widths = (*_sizes(hidden, "hidden"), outputs)
    for number, width in enumerate(widths, start=1):
        layers[f"fc{number}"] = _linear_layer(size, width, bias, gated, drop_rate)
        if number < len(widths):
            layers[f"act_fc{number}"] = _activation(act)
            if dropout:
                layers[f"dropout{number}"] = nn.Dropout(dropout)
        size = width
    return Network(layers, outputs)


def _image_shape(inputs: int | Sequence[int]) -> tuple[int, int, int]:
    shape = _sizes(inputs, "inputs")
    if len(shape) == 2:
        shape = (1, *shape)
    if len(shape) != 3:
        raise ModelError(
            f"cnn needs images of shape (channels, height, width), but the inputs have shape "
            f"{shape}; give the data as images (`digits(image=true)`) or use mlp"
        )
    return shape[0], shape[1], shape[2]


def cnn(
    inputs: Sequence[int],
    outputs: int,
    *,
    channels: int | Sequence[int] = (16, 32),
    hidden: int | Sequence[int] = (64,),
    act: str = "relu",
    gates: str | None = None,
    drop_rate: float = 0.01,
) -> nn.Module:
    """Convolutions 3x3 with padding, activation and a 2x2 maximum, repeated, then an mlp.

    `inputs` is (channels, height, width), or (height, width) of gray images. The maximum is left
    out once a side is shorter than 2.

    Raises:
        ModelError: inputs that are no images, and what `mlp` refuses.
    """
    gated = _gated(gates)
    (outputs,) = _sizes(outputs, "outputs")
    depth, height, width = _image_shape(inputs)
    layers: dict[str, nn.Module] = {}
    if len(tuple(inputs)) == 2:
        layers["channel"] = nn.Unflatten(1, (1, height))
    for number, count in enumerate(_sizes(channels, "channels"), start=1):
        layers[f"conv{number}"] = _conv_layer(depth, count, gated, drop_rate)
        layers[f"act_conv{number}"] = _activation(act)
        if min(height, width) >= 2:
            layers[f"pool{number}"] = nn.MaxPool2d(2)
            height, width = height // 2, width // 2
        depth = count
    size = depth * height * width
    dense = mlp(size, outputs, hidden=hidden, act=act, gates=gates, drop_rate=drop_rate)
    return Network(layers | dict(dense.named_children()), outputs)


MODELS: dict[str, Builder] = {"linear": linear, "mlp": mlp, "cnn": cnn}


def model_settings(name: str) -> tuple[str, ...]:
    """The settings that a spec may write for the model of this name."""
    if name not in MODELS:
        raise ModelError(f"unknown model `{name}`; known: {', '.join(MODELS)}")
    parameters = inspect.signature(MODELS[name]).parameters.values()
    return tuple(p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY)


def build(name: str, *, inputs: Sequence[int], outputs: int, **settings: Any) -> nn.Module:
    """Build a model of the registry for examples of shape `inputs` (without the batch).

    Raises:
        ModelError: an unknown model or setting, or a value the model refuses.
    """
    known = model_settings(name)
    for setting in settings:
        if setting not in known:
            raise ModelError(f"{name} has no setting `{setting}`; known: {', '.join(known)}")
    try:
        return MODELS[name](tuple(inputs), outputs, **settings)
    except ModelError:
        raise
    except (TypeError, ValueError) as error:
        raise ModelError(f"{name} can't be built: {error}") from error
