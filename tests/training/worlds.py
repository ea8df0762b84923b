"""Small models and data that generated requirements are about."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

EXAMPLES = 40
FEATURES = 3


def network(outputs: int, seed: int) -> nn.Module:
    """A little network in double precision."""
    torch.manual_seed(seed)
    layers = (nn.Linear(FEATURES, 4), nn.Tanh(), nn.Linear(4, outputs))
    made = nn.Sequential(*layers).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(2)
    return made


@dataclass(frozen=True)
class World:
    """Models by name (`ref` is frozen), and the columns of `train`."""

    classes: int
    outputs: int
    """1 for a single logit of two classes."""
    models: dict[str, nn.Module]
    data: dict[str, Tensor]

    def logits(self, model: str) -> Tensor:
        """(B, outputs), or (B,) of a single logit."""
        found = self.models[model](self.data["x"])
        return found.squeeze(1) if self.outputs == 1 else found

    def chances(self, model: str) -> Tensor:
        """(B, classes), written out."""
        z = self.logits(model)
        if self.outputs == 1:
            p = 1 / (1 + torch.exp(-z))
            return torch.stack([1 - p, p], 1)
        shifted = torch.exp(z - z.max(1, keepdim=True).values.detach())
        return shifted / shifted.sum(1, keepdim=True)

    def predicted(self, model: str) -> Tensor:
        """(B,) class numbers."""
        return self.chances(model).detach().argmax(1)


def world(seed: int, outputs: int) -> World:
    """A world of its own for each seed."""
    generator = torch.Generator().manual_seed(seed)
    classes = max(outputs, 2)
    data = {
        "x": torch.randn(EXAMPLES, FEATURES, generator=generator, dtype=torch.float64),
        "y": torch.randint(0, classes, (EXAMPLES,), generator=generator),
        "g": torch.arange(EXAMPLES) % 3,
        "w": torch.rand(EXAMPLES, generator=generator, dtype=torch.float64) + 0.2,
    }
    models = {
        name: network(outputs, 100 * seed + place) for place, name in enumerate(("f", "h", "ref"))
    }
    for parameter in models["ref"].parameters():
        parameter.requires_grad_(False)
    return World(classes, outputs, models, data)


HEAD = (
    "data train(x, y, g, w)\nmodel f\nmodel h\nmodel other\nmodel ref = frozen(other)\n"
    "minimize E[ce(f(x), y)] + E[ce(h(x), y)]\n"
)
BINARY = HEAD.replace("ce(", "bce(")


def head(outputs: int) -> str:
    """The lines before the requirement."""
    return BINARY if outputs == 1 else HEAD
