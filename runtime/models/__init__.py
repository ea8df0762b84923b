"""Networks, gates, deployment and frozen copies."""

from cspec.runtime.models.as_given import normalizes_by_batch, stands_still
from cspec.runtime.models.builders import MODELS, ModelError, build, mlp, model_settings
from cspec.runtime.models.gates import (
    HardConcreteConv2d,
    HardConcreteLinear,
    clamp_gates,
    deploy_,
    frozen,
    gate_parameters,
    gated_layers,
    has_gates,
)

__all__ = [
    "MODELS",
    "HardConcreteConv2d",
    "HardConcreteLinear",
    "ModelError",
    "build",
    "clamp_gates",
    "deploy_",
    "frozen",
    "gate_parameters",
    "gated_layers",
    "has_gates",
    "mlp",
    "model_settings",
    "normalizes_by_batch",
    "stands_still",
]
