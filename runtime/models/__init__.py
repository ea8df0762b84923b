"""Networks, gates, deployment and frozen copies."""

from cspec.runtime.models.as_given import normalizes_by_batch, stands_still
from cspec.runtime.models.builders import (
    ACTIVATIONS,
    MODELS,
    Builder,
    ModelError,
    build,
    cnn,
    linear,
    mlp,
    model_settings,
)
from cspec.runtime.models.deploy import deploy_, deployed_weight, frozen
from cspec.runtime.models.gates import (
    HardConcrete,
    HardConcreteConv2d,
    HardConcreteLinear,
    clamp_gates,
    gate_parameters,
    gated_layers,
    has_gates,
)

__all__ = [
    "ACTIVATIONS",
    "MODELS",
    "Builder",
    "HardConcrete",
    "HardConcreteConv2d",
    "HardConcreteLinear",
    "ModelError",
    "build",
    "clamp_gates",
    "cnn",
    "deploy_",
    "deployed_weight",
    "frozen",
    "gate_parameters",
    "gated_layers",
    "has_gates",
    "linear",
    "mlp",
    "model_settings",
    "normalizes_by_batch",
    "stands_still",
]
