"""From a gated model to plain weights, and copies that never move."""

import copy
from typing import cast

import torch
from torch import Tensor, nn

from cspec.runtime.models.gates import HardConcrete, HardConcreteConv2d


@torch.no_grad()
def deployed_weight(layer: HardConcrete) -> Tensor:
    """Weight times test-time gate: what a gated layer computes with in evaluation mode."""
    return layer.weight * layer.deployed_gate()


def _plain(layer: HardConcrete) -> nn.Module:
    """The torch layer that computes what the gated one does in evaluation mode."""
    plain: nn.Linear | nn.Conv2d
    if isinstance(layer, HardConcreteConv2d):
        plain = nn.Conv2d(
            layer.in_channels,
            layer.out_channels,
            cast(tuple[int, int], layer.kernel_size),
            stride=cast(tuple[int, int], layer.stride),
            padding=cast(tuple[int, int], layer.padding),
            bias=layer.bias is not None,
            device="meta",
        )
    else:
        linear = cast(nn.Linear, layer)
        plain = nn.Linear(
            linear.in_features, linear.out_features, bias=linear.bias is not None, device="meta"
        )
    plain.weight = nn.Parameter(deployed_weight(layer), requires_grad=layer.weight.requires_grad)
    plain.bias = cast(nn.Parameter, layer.bias)
    return plain.train(layer.training)


def deploy_(model: nn.Module) -> nn.Module:
    """Replace each gated layer in place by the plain torch layer; returns the model.

    A model that is itself one gated layer can't be replaced in place: its plain layer is returned.
    """
    if isinstance(model, HardConcrete):
        return _plain(model)
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, HardConcrete):
                setattr(parent, name, _plain(child))
    return model


class Frozen:
    """Mixed into a copied model's class: it stays in evaluation mode."""

    def train(self, mode: bool = True) -> nn.Module:
        return cast(nn.Module, self)


def frozen(model: nn.Module) -> nn.Module:
    """A deep copy that never moves: no parameter requires a gradient, `train()` has no effect.

    Parameter names and the type of the model stay the same.
    """
    still = copy.deepcopy(model)
    still.eval()
    still.requires_grad_(False)
    if not isinstance(still, Frozen):
        kind = type(still)
        still.__class__ = type(f"Frozen{kind.__name__}", (Frozen, kind), {})
    return still
