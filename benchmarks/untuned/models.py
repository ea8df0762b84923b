"""Small models, as the references start them, and losses of their outputs."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn

from untuned.task import Columns, bce, ce, mean, output, outputs


def linear(features: int, count: int = 1, bias: bool = True) -> Callable[[], nn.Module]:
    """An affine map."""

    def build() -> nn.Module:
        torch.manual_seed(0)
        return nn.Linear(features, count, bias=bias)

    return build


def mlp(*sizes: int) -> Callable[[], nn.Module]:
    """Affine maps with relu between them."""

    def build() -> nn.Module:
        torch.manual_seed(0)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    return build


def convolutions() -> nn.Module:
    """3 x 3 convolution to eight channels, pooled by two, then 32 hidden units, of 8 x 8 images."""
    torch.manual_seed(0)
    head = nn.Sequential(nn.Flatten(), nn.Linear(8 * 16, 32), nn.ReLU(), nn.Linear(32, 10))
    return nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), head)


def weights(m: nn.Module) -> list[Tensor]:
    """Parameters of two or more axes."""
    return [p for p in m.parameters() if p.dim() > 1]


def logistic(m: nn.Module, d: Columns, soft: bool) -> Tensor:
    """Mean logistic loss."""
    return mean(bce(output(m, d), d["y"]))


def entropy(m: nn.Module, d: Columns, soft: bool) -> Tensor:
    """Mean cross-entropy."""
    return mean(ce(outputs(m, d), d["y"]))
