"""Models: what stands behind `=` in a `model` line. Sizes follow the data and the loss."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from cspec.dsl.settings.base import Settings

Act = Literal["relu", "tanh", "sigmoid", "softplus", "gelu", "silu", "elu", "identity"]
Gates = Literal["none", "hard_concrete"]
_GATES = "hard_concrete: a gate on each prunable weight (Louizos et al. 2018)"
Width = Annotated[int, Field(ge=1)]
_DROP = "share of closed gates at the start"


class ModelSource(Settings):
    """Base of the models."""

    positional: ClassVar[tuple[str, ...]] = ()
    bare: ClassVar[str] = "the sizes of inputs and outputs follow the data and the loss"
    """What is to be said of a number without a name."""


class LinearModel(ModelSource):
    """One affine map of the flattened input."""

    word: ClassVar[str] = "linear"
    bias: bool = Field(True, description="whether the map has an offset")


class Mlp(ModelSource):
    """Affine maps with an activation between them."""

    word: ClassVar[str] = "mlp"
    positional: ClassVar[tuple[str, ...]] = ("hidden",)
    hidden: tuple[Width, ...] = Field((64, 64), description="widths of the hidden layers")
    act: Act = Field("relu", description="activation")
    gates: Gates = Field("none", description=_GATES)
    drop_rate: float = Field(0.01, gt=0, lt=1, description=_DROP)


class Cnn(ModelSource):
    """3 x 3 convolutions, each with an activation and 2 x 2 max-pooling, then an MLP."""

    word: ClassVar[str] = "cnn"
    positional: ClassVar[tuple[str, ...]] = ("channels",)
    channels: tuple[Width, ...] = Field((16, 32), description="channels of the convolutions")
    hidden: tuple[Width, ...] = Field((64,), description="widths of the hidden layers behind")
    act: Act = Field("relu", description="activation")
    gates: Gates = Field("none", description=_GATES)
    drop_rate: float = Field(0.01, gt=0, lt=1, description=_DROP)


MODELS: dict[str, type[ModelSource]] = {c.word: c for c in (LinearModel, Mlp, Cnn)}
"""Words of models; `frozen(model)` is a form of its own."""
