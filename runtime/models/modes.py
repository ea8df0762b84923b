"""What a model does otherwise in training than when it is used."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def stands_still(model: nn.Module) -> bool:
    """Whether it has parameters and none of them is trained: a teacher, a reference."""
    parameters = list(model.parameters())
    return bool(parameters) and not any(p.requires_grad for p in parameters)


def normalizes_by_batch(model: nn.Module) -> bool:
    """Whether a layer of a model that is trained needs the mean and variance of a batch."""
    return not stands_still(model) and any(isinstance(m, _BatchNorm) for m in model.modules())
